// What an audit reads of a shard (LED-3): the sums of everything that stands in it, at one moment,
// and what contradicts itself. It adds up every account anew; no running total is believed.
import type { Account } from './account.ts';
import type { PurseKind } from './ledger.ts';
import type { LedgerState } from './state.ts';

/** What stands in a purse of the shard. */
export type PurseTotal = {
  readonly kind: PurseKind;
  readonly assetNumber: number;
  /** Of CLEARING: the shard whose stream it is, empty for this shard's own. */
  readonly source: string;
  readonly units: bigint;
};

/** What all customers of the shard have of an asset. */
export type CustomerTotal = {
  readonly assetNumber: number;
  readonly totalUnits: bigint;
  readonly heldUnits: bigint;
};

/**
 * What contradicts itself:
 * - HELD: an account's held amount is not the sum of its holds (AUD-1).
 * - NEGATIVE: a total is below what is held, or what is held below zero (LED-2).
 */
export type AccountBreak = {
  readonly kind: 'HELD' | 'NEGATIVE';
  readonly accountId: string;
  readonly assetNumber: number;
  readonly expectedUnits: bigint;
  readonly foundUnits: bigint;
};

export type ShardTotals = {
  readonly purses: readonly PurseTotal[];
  readonly customers: readonly CustomerTotal[];
  readonly accountCount: number;
  readonly breaks: readonly AccountBreak[];
};

/** Adds up a shard. */
export function totalsOf(state: LedgerState): ShardTotals {
  const customers = new Map<number, { total: bigint; held: bigint }>();
  const breaks: AccountBreak[] = [];
  for (const account of state.accountsById.values()) {
    // The clearing of its slot's move stands for it (LED-5).
    if (!state.ownsAccountNumber(account.accountNumber)) continue;
    const holds = holdsByAsset(account);
    for (const { assetNumber, totalUnits, heldUnits } of account.balances.values()) {
      const sum = customers.get(assetNumber) ?? { total: 0n, held: 0n };
      sum.total += totalUnits;
      sum.held += heldUnits;
      customers.set(assetNumber, sum);
      const named = { accountId: account.accountId, assetNumber };
      const expected = holds.get(assetNumber) ?? 0n;
      holds.delete(assetNumber);
      if (expected !== heldUnits) {
        breaks.push({
          kind: 'HELD',
          ...named,
          expectedUnits: expected,
          foundUnits: heldUnits,
        });
      }
      if (heldUnits < 0n || totalUnits < heldUnits) {
        const units = { expectedUnits: heldUnits, foundUnits: totalUnits };
        breaks.push({ kind: 'NEGATIVE', ...named, ...units });
      }
    }
    for (const [assetNumber, expectedUnits] of holds) {
      const named = { accountId: account.accountId, assetNumber };
      breaks.push({ kind: 'HELD', ...named, expectedUnits, foundUnits: 0n });
    }
  }
  const purses = [...state.ledger.purses()].map(({ kind, assetNumber, source, units }) => {
    return { kind, assetNumber, source, units };
  });
  return {
    purses,
    customers: [...customers].map(([assetNumber, { total, held }]) => {
      return { assetNumber, totalUnits: total, heldUnits: held };
    }),
    accountCount: state.accountsById.size,
    breaks,
  };
}

/** What the orders and groups of an account hold, by asset. */
function holdsByAsset(account: Account): Map<number, bigint> {
  const sums = new Map<number, bigint>();
  const add = (assetNumber: number, units: bigint): void => {
    if (units !== 0n) sums.set(assetNumber, (sums.get(assetNumber) ?? 0n) + units);
  };
  for (const { holdAssetNumber, heldUnits } of account.liveOrders.values()) {
    add(holdAssetNumber, heldUnits);
  }
  for (const { holdAssetNumber, heldUnits } of account.liveGroups.values()) {
    add(holdAssetNumber, heldUnits);
  }
  return sums;
}
