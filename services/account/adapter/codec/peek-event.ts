// Looks into an encoded event of an account shard without decoding it.

import { WireReader } from '../../../lib/shard/wire.ts';

/** Field numbers in bourse/ledger/v1/event.proto. */
const ACCOUNT_NUMBER = 1;
const BALANCES = 3;
const TRANSFER_POSTED = 5;
const TRADE_BUSTED = 27;

/**
 * Account that an event concerns; 0 for events of the shard itself. Fields are encoded in the order
 * of their numbers, so the account's stands first.
 */
export function accountNumberOf(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  return !reader.done && reader.field() === ACCOUNT_NUMBER ? reader.varint() : 0;
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
