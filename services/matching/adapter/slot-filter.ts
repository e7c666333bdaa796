// Which commands concern the accounts of some slots: a filter for account shards (SET-1).

import { slotOfAccountNumber } from '../../lib/routing/slot.ts';
import type { CommittedCommand } from '../../lib/shard/committed-entry.ts';
import { WireReader } from '../../lib/shard/wire.ts';
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
  // What was read from the log is there as bytes, and decoding it would cost more than sending it.
  return (group) =>
    group.isStored === true
      ? group.encodedEvents.some(
          (bytes, at) =>
            findConcerns(bytes, has) ?? concerns(group.events[at] as MatchingEvent, has),
        )
      : group.events.some((event) => concerns(event, has));
}

/** Fields of Event that hold a message whose first field is the account: what every order makes. */
const OF_ONE_ACCOUNT: ReadonlySet<number> = new Set([3, 4, 7, 8, 10, 17, 19]);
const TRADED = 5;
const TRADE_PARTIES: ReadonlySet<number> = new Set([4, 5]);

/** Whether an event in its canonical bytes concerns the slots; undefined for seldom ones. */
export function findConcerns(
  bytes: Uint8Array,
  has: (accountNumber: number) => boolean,
): boolean | undefined {
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.tag();
    if (tag % 8 === 0) {
      reader.varint();
      continue;
    }
    const field = Math.floor(tag / 8);
    if (field === TRADED) return tradeConcerns(reader, has);
    if (!OF_ONE_ACCOUNT.has(field)) return undefined;
    reader.open();
    return has(readAccount(reader));
  }
  return undefined;
}

/** Of the trade that comes next. */
function tradeConcerns(reader: WireReader, has: (accountNumber: number) => boolean): boolean {
  reader.open();
  while (!reader.done) {
    const tag = reader.tag();
    if (tag % 8 === 0) reader.varint();
    else if (!TRADE_PARTIES.has(Math.floor(tag / 8))) reader.bytes();
    else if (has(readAccount(new WireReader(reader.bytes())))) return true;
  }
  return false;
}

/** The first field, which is left out when it is 0. */
function readAccount(reader: WireReader): number {
  return !reader.done && reader.tag() === 8 ? reader.varint() : 0;
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
