// How orders and what belongs to them stand in the snapshot of an account shard (SNAP-1).

import type { StateReader, StateWriter } from '../../lib/base/state-bytes.ts';
import { StateDamaged } from '../../lib/base/state-bytes.ts';
import type {
  CancelReason,
  GroupType,
  OrderTerms,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../lib/rules/terms.ts';
import type { Account } from './account.ts';
import type { AccountState } from './account-limits.ts';
import { BustRecord } from './bust-record.ts';
import type { PurseKind } from './ledger.ts';
import type { GroupPhase } from './live-group.ts';
import type { LiveOrder } from './live-order.ts';
import type { HoldState, OrderStatus } from './order.ts';

/** The places of values in these lists are part of the format: new ones go to the end. */
export const SELF_TRADE_PREVENTIONS: readonly SelfTradePrevention[] = [
  'CANCEL_TAKER',
  'CANCEL_MAKER',
  'CANCEL_BOTH',
  'DECREMENT',
  'NONE',
];
export const PURSE_KINDS: readonly PurseKind[] = ['EXTERNAL', 'FEE', 'SUSPENSE', 'CLEARING'];
export const ACCOUNT_STATES: readonly AccountState[] = ['ACTIVE', 'FROZEN', 'CLOSED'];
export const GROUP_TYPES: readonly GroupType[] = ['OCO', 'BRACKET'];
export const GROUP_PHASES: readonly GroupPhase[] = ['ENTRY', 'LEGS'];
const SIDES: readonly Side[] = ['BUY', 'SELL'];
const TYPES: readonly OrderType[] = [
  'LIMIT',
  'MARKET',
  'STOP',
  'STOP_LIMIT',
  'TAKE_PROFIT',
  'TAKE_PROFIT_LIMIT',
  'TRAILING_STOP',
];
const TIMES_IN_FORCE: readonly TimeInForce[] = ['GTC', 'IOC', 'FOK', 'GTD', 'DAY'];
const HOLD_STATES: readonly HoldState[] = ['PLACED', 'CONFIRMED', 'CLOSED'];
/** Of orders that are not final. */
const STATUSES: readonly OrderStatus[] = ['PENDING', 'UNTRIGGERED', 'ACTIVE', 'PARTIALLY_FILLED'];

const BODY_HASH = /^([0-9a-f]{32})?$/;

/** A trade that was taken back, on an account that the records before it have. */
export function writeBust(writer: StateWriter, record: BustRecord): void {
  writer.text(record.key);
  writer.text(record.comment);
  writer.whole(record.bustedTimeUs);
}

/** Reads what `writeBust` wrote. */
export function takeBust(reader: StateReader, account: Account): BustRecord {
  const { accountNumber } = account;
  const [key, comment, bustedTimeUs] = [reader.text(), reader.text(), reader.whole()];
  const record = new BustRecord({ accountNumber, key, comment, bustedTimeUs });
  account.busts.set(key, record);
  return record;
}

/** An order that is not final, but its account and its group. */
export function writeOrder(writer: StateWriter, order: LiveOrder): void {
  writer.whole(order.placement);
  writer.text(order.clientOrderId);
  writer.boolean(order.terms !== undefined);
  if (order.terms !== undefined) writeTerms(writer, order.terms);
  writer.text(order.bodyHash);
  writer.choice(HOLD_STATES, order.holdState);
  writer.choice(STATUSES, order.status);
  writer.whole(order.version);
  writer.whole(order.filledUnits);
  writer.whole(order.remainingUnits);
  writer.amount(order.filledNotionalUnits);
  writer.amount(order.feeUnits);
  writer.amount(order.weightedFeeSum);
  writer.text(order.rejectReason);
  writer.text(order.cancelReason);
  writer.whole(order.holdAssetNumber);
  writer.amount(order.heldUnits);
  writer.whole(order.validUntilUs);
  writer.whole(order.placedTimeUs);
  writer.whole(order.updatedTimeUs);
  writer.whole(order.instrumentSequence);
  writer.whole(order.accountSequence);
  const amendHolds = order.amendHolds();
  writer.whole(amendHolds.size);
  for (const [amendHoldId, { amountUnits, validUntilUs }] of amendHolds) {
    writer.text(amendHoldId);
    writer.amount(amountUnits);
    writer.whole(validUntilUs);
  }
}

/** Where an order stands first, so that it can be made before the rest is read. */
export type OrderHead = {
  readonly placement: number;
  readonly clientOrderId: string;
  readonly terms: OrderTerms | undefined;
};

export function readOrderHead(reader: StateReader): OrderHead {
  const placement = reader.whole();
  const clientOrderId = reader.text();
  return { placement, clientOrderId, terms: reader.boolean() ? readTerms(reader) : undefined };
}

/** Reads what `writeOrder` wrote behind the head. */
export function readOrderRest(reader: StateReader, order: LiveOrder): void {
  order.bodyHash = reader.text();
  if (!BODY_HASH.test(order.bodyHash)) throw new StateDamaged('no hash of a body');
  order.holdState = reader.choice(HOLD_STATES);
  order.status = reader.choice(STATUSES);
  order.version = reader.whole();
  order.filledUnits = reader.whole();
  order.remainingUnits = reader.whole();
  order.filledNotionalUnits = reader.amount();
  order.feeUnits = reader.amount();
  order.weightedFeeSum = reader.amount();
  order.rejectReason = reader.text() as RejectReason | 'NONE';
  order.cancelReason = reader.text() as CancelReason | 'NONE';
  order.holdAssetNumber = reader.whole();
  order.heldUnits = reader.amount();
  order.validUntilUs = reader.whole();
  order.placedTimeUs = reader.whole();
  order.updatedTimeUs = reader.whole();
  order.instrumentSequence = reader.whole();
  order.accountSequence = reader.whole();
  for (let left = reader.whole(); left > 0; left -= 1) {
    const amendHoldId = reader.text();
    const amountUnits = reader.amount();
    order.addAmendHold(amendHoldId, { amountUnits, validUntilUs: reader.whole() });
  }
}

function writeTerms(writer: StateWriter, terms: OrderTerms): void {
  writer.whole(terms.instrumentNumber);
  writer.choice(SIDES, terms.side);
  writer.choice(TYPES, terms.type);
  writer.choice(TIMES_IN_FORCE, terms.timeInForce);
  writer.boolean(terms.postOnly);
  writer.whole(terms.quantityUnits);
  writer.amount(terms.quoteBudgetUnits);
  writer.whole(terms.priceUnits);
  writer.whole(terms.stopPriceUnits);
  writer.whole(terms.trailingOffsetUnits);
  writer.whole(terms.trailingOffsetBps);
  writer.whole(terms.expireTimeUs);
  writer.whole(terms.displayUnits);
  writer.whole(terms.minimumUnits);
  writer.choice(SELF_TRADE_PREVENTIONS, terms.selfTradePrevention);
  writer.whole(terms.selfTradeGroup);
  writer.signed(terms.makerRatePpm);
  writer.signed(terms.takerRatePpm);
  writer.signed(terms.auctionRatePpm);
  writer.whole(terms.instrumentVersion);
}

function readTerms(reader: StateReader): OrderTerms {
  return {
    instrumentNumber: reader.whole(),
    side: reader.choice(SIDES),
    type: reader.choice(TYPES),
    timeInForce: reader.choice(TIMES_IN_FORCE),
    postOnly: reader.boolean(),
    quantityUnits: reader.whole(),
    quoteBudgetUnits: reader.amount(),
    priceUnits: reader.whole(),
    stopPriceUnits: reader.whole(),
    trailingOffsetUnits: reader.whole(),
    trailingOffsetBps: reader.whole(),
    expireTimeUs: reader.whole(),
    displayUnits: reader.whole(),
    minimumUnits: reader.whole(),
    selfTradePrevention: reader.choice(SELF_TRADE_PREVENTIONS),
    selfTradeGroup: reader.whole(),
    makerRatePpm: reader.signed(),
    takerRatePpm: reader.signed(),
    auctionRatePpm: reader.signed(),
    instrumentVersion: reader.whole(),
  };
}

/** What a version of an instrument's rules consists of. */
type RuleValue = string | number | bigint | boolean;
const VALUES = ['text', 'number', 'amount', 'boolean'] as const;

/**
 * Fields in the order in which they are: the checksum of reference data has that order. Whatever a
 * later version adds is among them.
 */
export function writeFields(writer: StateWriter, fields: object): void {
  const entries = Object.entries(fields) as [string, RuleValue][];
  writer.whole(entries.length);
  for (const [name, value] of entries) {
    writer.text(name);
    switch (typeof value) {
      case 'string':
        writer.choice(VALUES, 'text');
        writer.text(value);
        break;
      case 'number':
        writer.choice(VALUES, 'number');
        writer.signed(value);
        break;
      case 'bigint':
        writer.choice(VALUES, 'amount');
        writer.amount(value);
        break;
      case 'boolean':
        writer.choice(VALUES, 'boolean');
        writer.boolean(value);
        break;
      default:
        throw new Error(`${name} is of no kind that a snapshot holds`);
    }
  }
}

/** Reads what `writeFields` wrote; the caller knows what it was. */
export function readFields<T>(reader: StateReader): T {
  const fields: Record<string, RuleValue> = {};
  for (let left = reader.whole(); left > 0; left -= 1) {
    const name = reader.text();
    switch (reader.choice(VALUES)) {
      case 'text':
        fields[name] = reader.text();
        break;
      case 'number':
        fields[name] = reader.signed();
        break;
      case 'amount':
        fields[name] = reader.amount();
        break;
      case 'boolean':
        fields[name] = reader.boolean();
        break;
    }
  }
  return fields as T;
}
