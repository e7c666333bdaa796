// Which commands concern the accounts of some slots: a filter for account shards (SET-1).

import { slotOfAccountNumber } from '../../lib/routing/slot.ts';
import type { CommittedCommand } from '../../lib/shard/committed-entry.ts';
import type { MatchingEvent } from '../domain/event.ts';

/**
 * A filter of groups of events by the slots of the accounts concerned.
 *
 * @param slots bitmap, slot 0 is the lowest bit of the first byte
 */
export function concernsSlots(
  slots: Uint8Array,
): (group: CommittedCommand<MatchingEvent, never>) => boolean {
  const has = (accountNumber: number) => {
    const slot = slotOfAccountNumber(accountNumber);
    return (((slots[slot >>> 3] as number) >>> (slot & 7)) & 1) === 1;
  };
  return ({ events }) => events.some((event) => concerns(event, has));
}

function concerns(event: MatchingEvent, has: (accountNumber: number) => boolean): boolean {
  switch (event.kind) {
    case 'traded':
      return has(event.maker.accountNumber) || has(event.taker.accountNumber);
    case 'matchPrevented':
      return has(event.makerAccountNumber) || has(event.takerAccountNumber);
    // These pass every filter: they are about slots and instruments, or settle a hold (HLD-3).
    case 'orderForbidden':
    case 'forbidRefused':
    case 'instrumentSet':
    case 'instrumentStateChanged':
    case 'slotsAcquired':
    case 'slotMoved':
      return true;
    // One for all accounts concerns them all.
    case 'ordersCanceled':
      return event.accountNumber === 0 || has(event.accountNumber);
    // Its trades stand in the same entry and pass by their own accounts.
    case 'uncrossed':
      return false;
    default:
      return has(event.accountNumber);
  }
}
