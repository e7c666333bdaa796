// The exits of a bracket in the ledger (TYP-7, HLD-6): they have records and ids from the placement
// on, and appear in the book when the entry is final with something filled.
import type { CancelReason } from '../../lib/rules/terms.ts';
import type { Account } from './account.ts';
import type { LiveGroup } from './live-group.ts';
import type { LiveOrder } from './live-order.ts';
import { releaseSurplus } from './release.ts';
import type { LedgerState } from './state.ts';

/** Cancels of an entry that are meant for its exits, too. */
const OF_THE_GROUP: readonly (CancelReason | 'NONE')[] = ['GROUP', 'INSTRUMENT_RETIRED'];

/** Whether a final entry leaves nothing to exit from. A rejected one's exits are rejected too. */
export function exitsNeverAppear(entry: LiveOrder): boolean {
  if (entry.status === 'REJECTED') return false;
  return entry.filledUnits === 0 || OF_THE_GROUP.includes(entry.cancelReason);
}

/** The group has reached its matching shard: from now on nothing forbids its exits (HLD-3). */
export function confirmExits(state: LedgerState, group: LiveGroup): void {
  for (const leg of group.heldLegs()) {
    leg.holdState = 'CONFIRMED';
    state.digest.mark(leg);
  }
}

/**
 * Once every exit has appeared, the group needs only what the dearest of them can cost.
 *
 * @returns what was released
 */
export function beginLegs(
  state: LedgerState,
  { account, order }: { readonly account: Account; readonly order: LiveOrder },
  group: LiveGroup,
): bigint {
  const exits = group.heldLegs();
  if (group.isEntry(order) || exits.some(({ status }) => status === 'PENDING')) return 0n;
  group.phase = 'LEGS';
  state.digest.mark(group);
  return releaseSurplus(state, account, order);
}
