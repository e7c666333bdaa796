// Makes accounts of the records of a slot that has come, and forgets those of one that has gone
// (MOV-4). Money stands in the clearing of the move meanwhile (LED-5).
import { assertDefined } from '../../lib/base/assert.ts';
import { StateDamaged, StateReader, StateWriter } from '../../lib/base/state-bytes.ts';
import { slotOf } from '../../lib/routing/slot.ts';
import type { Account } from './account.ts';
import type { Part } from './digest.ts';
import type { Purse } from './ledger.ts';
import { type SlotRecords, sortedKeys } from './slot-copies.ts';
import { ACCOUNT_COUNT, accountsOfSlot, SECTION, WATERMARK } from './slot-records.ts';
import { NOWHERE, type SettledPoint, Watermark } from './slot-watermarks.ts';
import { RECORD } from './snapshot.ts';
import { LedgerRestorer } from './snapshot-restorer.ts';
import { LedgerState } from './state.ts';
import { DueSwitch } from './switches.ts';

/** A slot's records as a state of their own. */
export type SlotPart = { readonly part: LedgerState; readonly records: SlotRecords };

/** @throws StateDamaged when the records are not those of a slot */
export function readSlot(records: SlotRecords, limits: LedgerState['limits']): SlotPart {
  const part = new LedgerState(limits);
  const restorer = new LedgerRestorer(part);
  const writer = new StateWriter();
  for (const key of sortedKeys(records)) {
    const bytes = records.get(key) as Uint8Array;
    if (key.startsWith(SECTION.slot)) continue;
    if (key.startsWith(SECTION.closedOrder)) {
      writer.byte(RECORD.closedOrder);
      writer.bytes(bytes);
      restorer.take(writer.take());
    } else restorer.take(bytes);
  }
  if (!records.has(ACCOUNT_COUNT)) throw new StateDamaged('a slot lacks its count of accounts');
  return { part, records };
}

/** Takes the accounts of a slot in. */
export function adoptSlot(
  state: LedgerState,
  slot: number,
  generation: number,
  { part, records }: SlotPart,
): void {
  const adopt = (of: Part): void => {
    of.digestLow = 0;
    of.digestHigh = 0;
    of.markedAt = -1;
    of.isRemoved = false;
    state.digest.mark(of);
  };
  const count = new StateReader(assertDefined(records.get(ACCOUNT_COUNT), 'it was looked for'));
  state.slots.accountCounts[slot] = count.whole();
  for (const { scope, tiers } of part.feeSchedules.all()) {
    // Those for everybody come with every slot, so that a new shard has them with its first one;
    // but whoever changes one tells every shard, and what has been told here counts.
    const isTold = scope.accountId === '' && state.feeSchedules.get(scope) !== undefined;
    if (!isTold) state.feeSchedules.set(scope, tiers);
  }
  for (const account of part.accountsByNumber.values()) {
    for (const of of partsOf(account)) adopt(of);
    state.accountsById.set(account.accountId, account);
    state.accountsByNumber.set(account.accountNumber, account);
    state.shard.liveOrders += account.liveOrders.size;
    account.closedPositions.clear();
    resumeAccount(state, account);
    state.placedHolds.watchAll(account);
  }
  state.digest.mark(state.shard);
  for (const stored of part.closedOrders.stored()) {
    const { windowUs } = state.shard;
    const { position, keys } = state.closedOrders.appendMoved(stored, windowUs);
    const account = state.accountsByNumber.get(keys.accountNumber);
    account?.closedPositions.set(keys.placement, position);
  }
  for (const { accountNumber, dueSequence, dueTimeUs, instrumentNumbers } of part.switches.due()) {
    const named = { accountNumber, dueSequence, dueTimeUs };
    const instruments = [...instrumentNumbers];
    state.switches.file(new DueSwitch({ ...named, instrumentNumbers: instruments }));
  }
  parkBalances(state, slot, generation, false);
}

/** An account's balances, orders and so on, with itself. */
function* partsOf(account: Account): Generator<Part, void, void> {
  yield account;
  for (const balance of account.balances.values()) yield balance;
  for (const volume of account.volumes.values()) yield volume;
  for (const record of account.transfers.values()) yield record;
  for (const record of account.busts.values()) yield record;
  for (const order of account.liveOrders.values()) yield order;
  for (const group of account.liveGroups.values()) yield group;
}

/** The shards between which a slot moves. */
export type MovedBetween = { readonly sourceShardId: string; readonly targetShardId: string };

/** Where each source stands for a slot that has come: what differs from the shard is kept. */
export function adoptWatermarks(
  state: LedgerState,
  slot: number,
  { records }: SlotPart,
  { sourceShardId, targetShardId }: MovedBetween,
): void {
  // What its former shard itself has sent to the slot, it has paid out straight.
  const known = new Set<string>([sourceShardId, targetShardId]);
  // What this shard had sent to the slot by clearing and its former shard has not paid out.
  state.slotWatermarks.set(slot, targetShardId, pointOf(records, targetShardId));
  for (const key of records.keys()) {
    if (!key.startsWith(WATERMARK)) continue;
    const source = key.slice(WATERMARK.length);
    if (known.has(source)) continue;
    known.add(source);
    const point = pointOf(records, source);
    // Of the sources that the shard knows, the slot's place goes with it when it moves on.
    if (!state.watermarks.has(source)) beginSource(state, source);
    if (state.watermarks.get(source)?.sequence === point.sequence) continue;
    state.slotWatermarks.set(slot, source, point);
  }
  for (const [source, { sequence }] of state.watermarks) {
    if (known.has(source) || sequence === 0) continue;
    state.slotWatermarks.set(slot, source, NOWHERE);
  }
}

/** A source of which the shard itself has settled nothing yet. */
function beginSource(state: LedgerState, source: string): void {
  const watermark = new Watermark(source);
  state.watermarks.set(source, watermark);
  state.digest.mark(watermark);
}

/** How far a source was settled on the slot. */
function pointOf(records: SlotRecords, source: string): SettledPoint {
  const bytes = records.get(WATERMARK + source);
  if (bytes === undefined) return NOWHERE;
  const reader = new StateReader(bytes);
  const sequence = reader.whole();
  return { sequence, entryIndex: reader.whole(), chainChecksum: reader.text() };
}

const CLEARING_OF_MOVE = 'slot ';

/** Whether a stream of clearing is that of a slot's move. */
export function isClearingOfMove(stream: string): boolean {
  return stream.startsWith(CLEARING_OF_MOVE);
}

/** The clearing that stands for a slot between two shards. */
function clearingOf(
  state: LedgerState,
  slot: number,
  generation: number,
  assetNumber: number,
): Purse {
  return state.ledger.purse('CLEARING', assetNumber, `${CLEARING_OF_MOVE}${slot}/${generation}`);
}

/** Posts everything that the slot's accounts have to the clearing of its move, or back. */
export function parkBalances(
  state: LedgerState,
  slot: number,
  generation: number,
  isLeaving: boolean,
): void {
  for (const account of accountsOfSlot(state, slot)) {
    for (const balance of account.balances.values()) {
      if (balance.totalUnits === 0n) continue;
      const clearing = clearingOf(state, slot, generation, balance.assetNumber);
      state.ledger.park(balance, clearing, isLeaving);
    }
  }
}

/** No time passes for an account of a frozen slot. */
export function pauseAccount(state: LedgerState, { accountNumber }: Account): void {
  state.switches.unwatch(accountNumber);
}

/** Time goes on for it. */
export function resumeAccount(state: LedgerState, { accountNumber, cancelTimeUs }: Account): void {
  if (cancelTimeUs > 0) state.switches.watch(accountNumber, cancelTimeUs);
}

/** Forgets the accounts of a slot that another shard owns. */
export function forgetSlot(state: LedgerState, slot: number): void {
  const numbers = new Set<number>();
  for (const account of accountsOfSlot(state, slot)) {
    for (const of of partsOf(account)) state.digest.remove(of);
    numbers.add(account.accountNumber);
    state.shard.liveOrders -= account.liveOrders.size;
    state.accountsById.delete(account.accountId);
    state.accountsByNumber.delete(account.accountNumber);
  }
  state.digest.mark(state.shard);
  for (const due of [...state.switches.due()]) {
    if (numbers.has(due.accountNumber)) state.switches.drop(due);
  }
  for (const { scope } of [...state.feeSchedules.all()]) {
    const isOfSlot = scope.accountId !== '' && slotOf(scope.accountId) === slot;
    if (isOfSlot) state.feeSchedules.set(scope, []);
  }
  for (const { slot: marked, mark } of state.slotWatermarks.all()) {
    if (marked === slot) state.slotWatermarks.remove(slot, mark.sourceShardId);
  }
}
