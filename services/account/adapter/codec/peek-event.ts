// Looks into an encoded event of an account shard without decoding it.

import { WireReader } from '../../../lib/shard/wire.ts';

/** Field number in bourse/ledger/v1/event.proto. */
const ACCOUNT_NUMBER = 1;

/**
 * Account that an event concerns; 0 for events of the shard itself. Fields are encoded in the order
 * of their numbers, so the account's stands first.
 */
export function accountNumberOf(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  return !reader.done && reader.field() === ACCOUNT_NUMBER ? reader.varint() : 0;
}
