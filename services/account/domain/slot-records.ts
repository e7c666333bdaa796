// A slot of accounts as records with keys (MOV-3): equal states have equal records, so that a copy
// is brought up to date by what has changed, and its end can be compared with the source's.
import { StateWriter } from '../../lib/base/state-bytes.ts';
import { SLOT_COUNT, slotOf, slotOfAccountNumber } from '../../lib/routing/slot.ts';
import { MOST_PIECE_BYTES } from '../../lib/shard/state-machine.ts';
import type { Account } from './account.ts';
import { Hasher } from './digest.ts';
import { type SlotRecords, sortedKeys, writeChange } from './slot-copies.ts';
import { digits, recordsOfAccount, writeDueSwitch, writeFeeSchedule } from './snapshot.ts';
import type { LedgerState } from './state.ts';

/** First characters of keys: in this order records are taken over. */
export const SECTION = {
  slot: '0',
  fees: '1',
  account: '2',
  closedOrder: '3',
  dueSwitch: '4',
} as const;
/** Keys of the slot's own records. */
export const ACCOUNT_COUNT = `${SECTION.slot}/accounts`;
export const WATERMARK = `${SECTION.slot}/watermark/`;

/** A piece ends behind the record that brings it here. */
const FULL_PIECE_BYTES = MOST_PIECE_BYTES / 2;

/** Accounts of a slot, in the order in which they were created. */
export function accountsOfSlot(state: LedgerState, slot: number): Account[] {
  const accounts: Account[] = [];
  const count = state.slots.accountCounts[slot] as number;
  for (let number = 1; number <= count; number += 1) {
    const account = state.accountsByNumber.get(slot + SLOT_COUNT * number);
    if (account !== undefined) accounts.push(account);
  }
  return accounts;
}

/** Everything that the shard knows of a slot. */
export function recordsOf(state: LedgerState, slot: number): Map<string, Uint8Array> {
  state.digest.toText(); // so that every part says whether it is counted
  const writer = new StateWriter();
  const records = new Map<string, Uint8Array>();
  writer.whole(state.slots.accountCounts[slot] as number);
  records.set(ACCOUNT_COUNT, writer.take());
  for (const [source, shardMark] of state.watermarks) {
    const { sequence, entryIndex, chainChecksum } =
      state.slotWatermarks.find(slot, source) ?? shardMark;
    writer.whole(sequence);
    writer.whole(entryIndex);
    writer.text(chainChecksum);
    records.set(WATERMARK + source, writer.take());
  }
  for (const schedule of state.feeSchedules.all()) {
    const { accountId, instrumentNumber } = schedule.scope;
    if (accountId !== '' && slotOf(accountId) !== slot) continue;
    writeFeeSchedule(writer, schedule);
    records.set(`${SECTION.fees}/${accountId}/${digits(instrumentNumber)}`, writer.take());
  }
  for (const account of accountsOfSlot(state, slot)) {
    const accountKey = `${SECTION.account}/${digits(account.accountNumber)}`;
    for (const [part, bytes] of recordsOfAccount(account)) {
      records.set(`${accountKey}/${part}`, bytes);
    }
    for (const [placement, position] of account.closedPositions) {
      const stored = state.closedOrders.storedAt(position);
      const view = new DataView(stored.buffer, stored.byteOffset);
      const place = `${digits(view.getFloat64(2))}/${digits(account.accountNumber)}`;
      records.set(`${SECTION.closedOrder}/${place}/${digits(placement)}`, stored);
    }
  }
  for (const due of state.switches.due()) {
    if (slotOfAccountNumber(due.accountNumber) !== slot) continue;
    writeDueSwitch(writer, due);
    const place = `${digits(due.accountNumber)}/${digits(due.dueSequence)}`;
    records.set(`${SECTION.dueSwitch}/${place}`, writer.take());
  }
  return records;
}

/** Checksum of a slot: 16 hexadecimal digits. */
export function checksumOfRecords(records: SlotRecords): string {
  const hasher = new Hasher();
  for (const key of sortedKeys(records)) {
    hasher.text(key);
    hasher.bytes(records.get(key) as Uint8Array);
  }
  const hexOf = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
  return hexOf(hasher.high) + hexOf(hasher.low);
}

/** What brings a copy with the records before to those after, in pieces. */
export function* piecesOfChanges(
  before: SlotRecords,
  after: SlotRecords,
): Generator<Uint8Array, void, void> {
  const writer = new StateWriter();
  for (const key of before.keys()) {
    if (after.has(key)) continue;
    writeChange(writer, key, undefined);
    if (writer.length >= FULL_PIECE_BYTES) yield writer.take();
  }
  for (const [key, bytes] of after) {
    if (isEqual(before.get(key), bytes)) continue;
    writeChange(writer, key, bytes);
    if (writer.length >= FULL_PIECE_BYTES) yield writer.take();
  }
  if (writer.length > 0) yield writer.take();
}

function isEqual(one: Uint8Array | undefined, other: Uint8Array): boolean {
  if (one?.length !== other.length) return false;
  for (let at = 0; at < other.length; at += 1) if (one[at] !== other[at]) return false;
  return true;
}
