// The canonical form of an account shard's state (SNAP-1): records, each of one part of the state,
// in the order in which the state has them; what follows from others is left out. A part that the
// checksum does not contain, because it was only ever looked at, says so.
import { StateWriter } from '../../lib/base/state-bytes.ts';
import { MOST_PIECE_BYTES } from '../../lib/shard/state-machine.ts';
import type { Account, TransferRecord } from './account.ts';
import type { FeeSchedule } from './fee-schedules.ts';
import type { Balance, Purse } from './ledger.ts';
import type { LiveGroup } from './live-group.ts';
import { type SlotCopying, sortedKeys } from './slot-copies.ts';
import {
  ACCOUNT_STATES,
  GROUP_PHASES,
  GROUP_TYPES,
  PURSE_KINDS,
  SELF_TRADE_PREVENTIONS,
  writeBust,
  writeFields,
  writeOrder,
} from './snapshot-fields.ts';
import type { LedgerState, Watermark } from './state.ts';
import type { DueSwitch } from './switches.ts';
import type { Volume } from './volume.ts';

/** Kinds of records. Those of an account follow it. */
export const RECORD = {
  clock: 1,
  slots: 2,
  asset: 3,
  instrument: 4,
  purse: 5,
  watermark: 6,
  account: 7,
  balance: 8,
  instrumentSequence: 9,
  transfer: 10,
  order: 11,
  group: 12,
  closedOrder: 13,
  look: 14,
  dueSwitch: 15,
  /** The last one: how many there are before it. */
  end: 16,
  /** Of an account. */
  settings: 17,
  /** Of an account. */
  volume: 18,
  feeSchedule: 19,
  slotWatermark: 20,
  copy: 21,
  /** Of the copy before it. */
  copyRecord: 22,
  /** Of an account. */
  bust: 23,
} as const;

/** A piece ends with the record that brings it to this; the longest, of slots, needs half of it. */
const PIECE_BYTES = MOST_PIECE_BYTES / 4;

/** The records of a state, in pieces. Nothing may change it meanwhile. */
export function* snapshotOf(state: LedgerState): Generator<Uint8Array, void, void> {
  state.digest.toText(); // so that every part says whether it is counted
  const writer = new StateWriter();
  let count = 0;
  for (const _ of writeRecords(state, writer)) {
    count += 1;
    if (writer.length >= PIECE_BYTES) yield writer.take();
  }
  writer.byte(RECORD.end);
  writer.whole(count);
  yield writer.take();
}

/** Yields after every record. */
function* writeRecords(state: LedgerState, writer: StateWriter): Generator<unknown, void, void> {
  yield writeClock(state, writer);
  yield writeSlots(state, writer);
  for (const asset of state.assets.values()) {
    writer.byte(RECORD.asset);
    yield writeFields(writer, asset);
  }
  for (const rules of state.instruments.values()) {
    writer.byte(RECORD.instrument);
    yield writeFields(writer, rules);
  }
  for (const schedule of state.feeSchedules.all()) yield writeFeeSchedule(writer, schedule);
  for (const purse of state.ledger.purses()) yield writePurse(writer, purse);
  for (const watermark of state.watermarks.values()) yield writeWatermark(writer, watermark);
  for (const account of state.accountsById.values()) yield* writeAccount(writer, account);
  for (const stored of state.closedOrders.stored()) {
    writer.byte(RECORD.closedOrder);
    yield writer.bytes(stored);
  }
  for (const [accountNumber, timeUs] of state.switches.lookTimes()) {
    writer.byte(RECORD.look);
    writer.whole(accountNumber);
    yield writer.whole(timeUs);
  }
  for (const due of state.switches.due()) yield writeDueSwitch(writer, due);
  for (const { slot, mark } of state.slotWatermarks.all()) {
    writer.byte(RECORD.slotWatermark);
    writer.whole(slot);
    writer.text(mark.sourceShardId);
    writer.whole(mark.sequence);
    writer.whole(mark.entryIndex);
    yield writer.text(mark.chainChecksum);
  }
  for (const copy of state.copies.all()) yield* writeCopy(writer, copy);
}

function* writeCopy(writer: StateWriter, copy: SlotCopying): Generator<void, void, void> {
  writer.byte(RECORD.copy);
  writer.whole(copy.slot);
  writer.whole(copy.generation);
  writer.text(copy.sourceShardId);
  yield writer.whole(copy.chunks);
  for (const key of sortedKeys(copy.records)) {
    writer.byte(RECORD.copyRecord);
    writer.text(key);
    yield writer.bytes(copy.records.get(key) as Uint8Array);
  }
}

function writeClock({ shard }: LedgerState, writer: StateWriter): void {
  writer.byte(RECORD.clock);
  writer.boolean(shard.isCounted);
  writer.whole(shard.logTimeUs);
  writer.whole(shard.windowUs);
  writer.whole(shard.liveOrders);
}

function writeSlots({ slots }: LedgerState, writer: StateWriter): void {
  writer.byte(RECORD.slots);
  writer.boolean(slots.isCounted);
  for (const generation of slots.generations) writer.whole(generation);
  for (const count of slots.accountCounts) writer.whole(count);
  for (const owner of slots.owners) writer.byte(owner);
}

function writePurse(writer: StateWriter, purse: Purse): void {
  writer.byte(RECORD.purse);
  writer.boolean(purse.isCounted);
  writer.choice(PURSE_KINDS, purse.kind);
  writer.whole(purse.assetNumber);
  writer.text(purse.source);
  writer.amount(purse.units);
}

function writeWatermark(writer: StateWriter, watermark: Watermark): void {
  writer.byte(RECORD.watermark);
  writer.boolean(watermark.isCounted);
  writer.text(watermark.sourceShardId);
  writer.whole(watermark.sequence);
  writer.whole(watermark.entryIndex);
  writer.text(watermark.chainChecksum);
}

/** Yields after every record the name that it has among those of its account, in their order. */
function* writeAccount(writer: StateWriter, account: Account): Generator<string, void, void> {
  writer.byte(RECORD.account);
  writer.whole(account.accountNumber);
  writer.text(account.accountId);
  writer.choice(SELF_TRADE_PREVENTIONS, account.defaultSelfTradePrevention);
  writer.whole(account.createdTimeUs);
  writer.whole(account.accountSequence);
  writer.whole(account.lastDeclinedSequence);
  writer.whole(account.placements);
  writer.whole(account.selfTradeGroup);
  writer.whole(account.cancelTimeUs);
  yield 'account';
  writeSettings(writer, account);
  yield 'account/settings';
  for (const volume of account.volumes.values()) {
    writeVolume(writer, volume);
    yield `account/volume/${digits(volume.assetNumber)}`;
  }
  for (const balance of account.balances.values()) {
    writeBalance(writer, balance);
    yield `balance/${digits(balance.assetNumber)}`;
  }
  for (const [instrumentNumber, sequence] of account.lastInstrumentSequences) {
    writer.byte(RECORD.instrumentSequence);
    writer.whole(instrumentNumber);
    writer.whole(sequence);
    yield `instrument/${digits(instrumentNumber)}`;
  }
  for (const order of account.liveOrders.values()) {
    writer.byte(RECORD.order);
    writeOrder(writer, order);
    yield `order/${digits(order.placement)}`;
  }
  for (const group of account.liveGroups.values()) {
    writeGroup(writer, group);
    yield `orders/${digits(group.placement)}`;
  }
  for (const record of account.transfers.values()) {
    writeTransfer(writer, record);
    yield `transfer/${record.transfer.clientTransferId}`;
  }
  for (const record of account.busts.values()) {
    writer.byte(RECORD.bust);
    writeBust(writer, record);
    yield `trade/${record.key}`;
  }
}

/** The records of one account, each with its name; those that count nothing are left out. */
export function recordsOfAccount(account: Account): Map<string, Uint8Array> {
  const writer = new StateWriter();
  const records = new Map<string, Uint8Array>();
  for (const name of writeAccount(writer, account)) records.set(name, writer.take());
  for (const balance of account.balances.values()) {
    if (!balance.isCounted) records.delete(`balance/${digits(balance.assetNumber)}`);
  }
  return records;
}

/** Digits of any number, so that texts stand in the order of numbers. */
const DIGITS = 16;

/** A number as text in the order of numbers. */
export function digits(number: number): string {
  return String(number).padStart(DIGITS, '0');
}

function writeSettings(writer: StateWriter, account: Account): void {
  writer.byte(RECORD.settings);
  writer.choice(ACCOUNT_STATES, account.state);
  writer.whole(account.limits.maximumOpenOrders);
  writer.whole(account.limits.assets.length);
  for (const limit of account.limits.assets) {
    writer.whole(limit.assetNumber);
    writer.amount(limit.maximumNotionalUnits);
    writer.amount(limit.maximumWithdrawalUnits);
  }
  writer.whole(account.withdrawals.size);
  for (const [assetNumber, { day, units }] of account.withdrawals) {
    writer.whole(assetNumber);
    writer.whole(day);
    writer.amount(units);
  }
}

function writeVolume(writer: StateWriter, volume: Volume): void {
  writer.byte(RECORD.volume);
  writer.whole(volume.assetNumber);
  writer.whole(volume.days.size);
  for (const [day, units] of volume.days) {
    writer.whole(day);
    writer.amount(units);
  }
}

export function writeFeeSchedule(writer: StateWriter, { scope, tiers }: FeeSchedule): void {
  writer.byte(RECORD.feeSchedule);
  writer.text(scope.accountId);
  writer.whole(scope.instrumentNumber);
  writer.whole(tiers.length);
  for (const tier of tiers) {
    writer.amount(tier.minimumVolume);
    writer.signed(tier.makerRatePpm);
    writer.signed(tier.takerRatePpm);
    writer.signed(tier.auctionRatePpm);
  }
}

function writeBalance(writer: StateWriter, balance: Balance): void {
  writer.byte(RECORD.balance);
  writer.boolean(balance.isCounted);
  writer.whole(balance.assetNumber);
  writer.amount(balance.totalUnits);
  writer.amount(balance.heldUnits);
}

function writeTransfer(writer: StateWriter, record: TransferRecord): void {
  const { transfer } = record;
  writer.byte(RECORD.transfer);
  writer.whole(transfer.assetNumber);
  writer.amount(transfer.amountUnits);
  writer.text(transfer.clientTransferId);
  writer.text(transfer.otherAccountId);
  writer.boolean(transfer.byClearing);
  writer.whole(record.accountSequence);
  writer.whole(record.postedTimeUs);
  writer.amount(record.totalAfterUnits);
}

function writeGroup(writer: StateWriter, group: LiveGroup): void {
  writer.byte(RECORD.group);
  writer.whole(group.placement);
  writer.choice(GROUP_TYPES, group.groupType);
  writer.whole(group.holdAssetNumber);
  writer.amount(group.heldUnits);
  writer.choice(GROUP_PHASES, group.phase);
  writer.whole(group.legs.length);
  for (const { placement } of group.legs) writer.whole(placement);
}

export function writeDueSwitch(writer: StateWriter, due: DueSwitch): void {
  writer.byte(RECORD.dueSwitch);
  writer.whole(due.accountNumber);
  writer.whole(due.dueSequence);
  writer.whole(due.dueTimeUs);
  writer.whole(due.instrumentNumbers.size);
  for (const instrumentNumber of due.instrumentNumbers) writer.whole(instrumentNumber);
}
