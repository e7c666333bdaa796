// Looks into an encoded event of an account shard without decoding it.

import { slotOfAccountNumber } from '../../../lib/routing/slot.ts';
import { WireReader } from '../../../lib/shard/wire.ts';

/** Field numbers in bourse/ledger/v1/event.proto. */
const ACCOUNT_NUMBER = 1;
const BALANCES = 3;
const TRANSFER_POSTED = 5;
const SLOT_MOVED = 23;
const TRADE_BUSTED = 27;
/** In bourse/log/v1/slot.proto. */
const SLOT = 1;

/**
 * Account that an event concerns; 0 for events of the shard itself. Fields are encoded in the order
 * of their numbers, so the account's stands first.
 */
export function accountNumberOf(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  return !reader.done && reader.field() === ACCOUNT_NUMBER ? reader.varint() : 0;
}

/** Slot whose accounts, or whose move, an event concerns; -1 for every other event of the shard. */
export function slotOfEvent(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  if (reader.done) return -1;
  const field = reader.field();
  if (field === ACCOUNT_NUMBER) return slotOfAccountNumber(reader.varint());
  if (field !== SLOT_MOVED) return -1;
  const moved = new WireReader(reader.bytes());
  return !moved.done && moved.field() === SLOT ? moved.varint() : 0;
}

/** Whether an event may be one that other account shards follow, without a look at it: few may. */
export function mayBeFollowed(bytes: Uint8Array): boolean {
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const field = reader.field();
    if (field > BALANCES) return field === TRANSFER_POSTED || field === TRADE_BUSTED;
    if (field === BALANCES) reader.bytes();
    else reader.varint();
  }
  return false;
}
