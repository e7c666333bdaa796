// The compact form of a final order's record. Only in memory: nothing outside reads it. A double
// holds every safe integer exactly, so integers are stored as doubles.
import type { OrderTerms } from '../../lib/rules/terms.ts';
import type { OrderRecord, OrderStatus } from './order.ts';

/** Both ids with 64 characters, and all fields. */
export const MAXIMUM_RECORD_BYTES = 512;

const STATUSES: readonly OrderStatus[] = ['FILLED', 'CANCELED', 'REJECTED', 'EXPIRED'];
const REJECT_REASONS: readonly OrderRecord['rejectReason'][] = [
  'NONE',
  'INSUFFICIENT_FUNDS',
  'INSTRUMENT_STATE',
  'POST_ONLY_WOULD_TAKE',
  'NO_REFERENCE_PRICE',
  'QUANTITY_BELOW_MINIMUM',
  'QUANTITY_ABOVE_MAXIMUM',
  'PRICE_ABOVE_MAXIMUM',
  'NOTIONAL_BELOW_MINIMUM',
  'AMOUNT_TOO_LARGE',
  'TOO_MANY_OPEN_ORDERS',
  'BOOK_FULL',
  'TOO_LATE',
  'NOT_DELIVERED',
  'CANCELED_BEFORE_ARRIVAL',
  'INSTRUMENT_CHANGED',
  'PRICE_OFF_TICK',
  'QUANTITY_OFF_LOT',
  'ORDER_UNKNOWN',
  'ORDER_NOT_OPEN',
  'VERSION_MISMATCH',
  'HOLD_TOO_SMALL',
  'PRICE_BAND',
  'NO_SESSIONS',
  'DISPLAY_QUANTITY_TOO_SMALL',
  'GROUP_REJECTED',
  'ACCOUNT_LIMIT',
];
const CANCEL_REASONS: readonly OrderRecord['cancelReason'][] = [
  'NONE',
  'OWNER',
  'MASS',
  'IOC_REMAINDER',
  'FOK',
  'SELF_TRADE',
  'NO_LIQUIDITY',
  'WORST_PRICE',
  'OCO',
  'GROUP',
  'DEAD_MAN_SWITCH',
  'OPERATOR',
  'PRICE_BAND',
  'MINIMUM_QUANTITY',
  'POST_ONLY_WOULD_TAKE',
  'INSTRUMENT_STATE',
  'BOOK_FULL',
  'INSTRUMENT_RETIRED',
];
const SIDES: readonly OrderTerms['side'][] = ['BUY', 'SELL'];
const TYPES: readonly OrderTerms['type'][] = [
  'LIMIT',
  'MARKET',
  'STOP',
  'STOP_LIMIT',
  'TAKE_PROFIT',
  'TAKE_PROFIT_LIMIT',
  'TRAILING_STOP',
];
const TIMES_IN_FORCE: readonly OrderTerms['timeInForce'][] = ['GTC', 'IOC', 'FOK', 'GTD', 'DAY'];
const GROUP_TYPES: readonly OrderRecord['groupType'][] = [undefined, 'OCO', 'BRACKET'];
const SELF_TRADE_PREVENTIONS: readonly OrderTerms['selfTradePrevention'][] = [
  'CANCEL_TAKER',
  'CANCEL_MAKER',
  'CANCEL_BOTH',
  'DECREMENT',
  'NONE',
];

/** Bytes of a body's hash. */
const HASH_BYTES = 16;

/** Value of a small hexadecimal digit. */
function digitAt(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 97 ? code - 48 : code - 87;
}

/** Reads and writes one field after the other. */
class Cursor {
  readonly view: DataView;
  offset: number;

  constructor(view: DataView, offset: number) {
    this.view = view;
    this.offset = offset;
  }

  putByte(value: number): void {
    this.view.setUint8(this.offset, value);
    this.offset += 1;
  }

  putInteger(value: number): void {
    this.view.setFloat64(this.offset, value);
    this.offset += 8;
  }

  putAmount(value: bigint): void {
    this.view.setBigInt64(this.offset, value);
    this.offset += 8;
  }

  putText(value: string): void {
    this.putByte(value.length);
    for (let index = 0; index < value.length; index += 1) this.putByte(value.charCodeAt(index));
  }

  putHash(value: string): void {
    for (let index = 0; index < value.length; index += 2) {
      this.putByte(digitAt(value, index) * 16 + digitAt(value, index + 1));
    }
  }

  byte(): number {
    this.offset += 1;
    return this.view.getUint8(this.offset - 1);
  }

  integer(): number {
    this.offset += 8;
    return this.view.getFloat64(this.offset - 8);
  }

  amount(): bigint {
    this.offset += 8;
    return this.view.getBigInt64(this.offset - 8);
  }

  text(): string {
    const length = this.byte();
    let value = '';
    for (let index = 0; index < length; index += 1) value += String.fromCharCode(this.byte());
    return value;
  }

  hash(): string {
    let value = '';
    for (let index = 0; index < HASH_BYTES; index += 1)
      value += this.byte().toString(16).padStart(2, '0');
    return value;
  }
}

/** Writes a final order's record and returns its length. */
export function encodeRecord(view: DataView, offset: number, record: OrderRecord): number {
  const cursor = new Cursor(view, offset);
  cursor.putInteger(record.accountNumber);
  cursor.putText(record.accountId);
  cursor.putInteger(record.placement);
  cursor.putText(record.clientOrderId);
  cursor.putByte(STATUSES.indexOf(record.status));
  cursor.putByte(REJECT_REASONS.indexOf(record.rejectReason));
  cursor.putByte(CANCEL_REASONS.indexOf(record.cancelReason));
  cursor.putInteger(record.version);
  cursor.putInteger(record.filledUnits);
  cursor.putAmount(record.filledNotionalUnits);
  cursor.putAmount(record.feeUnits);
  cursor.putInteger(record.holdAssetNumber);
  cursor.putInteger(record.validUntilUs);
  cursor.putInteger(record.placedTimeUs);
  cursor.putInteger(record.updatedTimeUs);
  cursor.putInteger(record.instrumentSequence);
  cursor.putInteger(record.accountSequence);
  cursor.putByte(GROUP_TYPES.indexOf(record.groupType));
  if (record.groupType !== undefined) cursor.putInteger(record.groupPlacement);
  cursor.putByte(record.terms === undefined ? 0 : hasMore(record.terms) ? 2 : 1);
  if (record.terms !== undefined) {
    cursor.putHash(record.bodyHash);
    putTerms(cursor, record.terms);
  }
  return cursor.offset - offset;
}

function putTerms(cursor: Cursor, terms: OrderTerms): void {
  cursor.putInteger(terms.instrumentNumber);
  cursor.putByte(SIDES.indexOf(terms.side));
  cursor.putByte(TYPES.indexOf(terms.type));
  cursor.putByte(TIMES_IN_FORCE.indexOf(terms.timeInForce));
  cursor.putByte(terms.postOnly ? 1 : 0);
  cursor.putInteger(terms.quantityUnits);
  cursor.putAmount(terms.quoteBudgetUnits);
  cursor.putInteger(terms.priceUnits);
  cursor.putByte(SELF_TRADE_PREVENTIONS.indexOf(terms.selfTradePrevention));
  cursor.putInteger(terms.makerRatePpm);
  cursor.putInteger(terms.takerRatePpm);
  cursor.putInteger(terms.auctionRatePpm);
  cursor.putInteger(terms.instrumentVersion);
  cursor.putInteger(terms.selfTradeGroup);
  if (!hasMore(terms)) return;
  cursor.putInteger(terms.stopPriceUnits);
  cursor.putInteger(terms.trailingOffsetUnits);
  cursor.putInteger(terms.trailingOffsetBps);
  cursor.putInteger(terms.expireTimeUs);
  cursor.putInteger(terms.displayUnits);
  cursor.putInteger(terms.minimumUnits);
}

/** Whether terms say what most orders do not; else those fields are left out. */
function hasMore(terms: OrderTerms): boolean {
  const { stopPriceUnits, trailingOffsetUnits, trailingOffsetBps } = terms;
  const { expireTimeUs, displayUnits, minimumUnits } = terms;
  return (
    stopPriceUnits + trailingOffsetUnits + trailingOffsetBps > 0 ||
    expireTimeUs + displayUnits + minimumUnits > 0
  );
}

/** Reads what `encodeRecord` wrote. */
export function decodeRecord(view: DataView, offset: number): OrderRecord {
  const cursor = new Cursor(view, offset);
  const head = {
    accountNumber: cursor.integer(),
    accountId: cursor.text(),
    placement: cursor.integer(),
    clientOrderId: cursor.text(),
    status: STATUSES[cursor.byte()] as OrderStatus,
    rejectReason: REJECT_REASONS[cursor.byte()] as OrderRecord['rejectReason'],
    cancelReason: CANCEL_REASONS[cursor.byte()] as OrderRecord['cancelReason'],
    version: cursor.integer(),
    filledUnits: cursor.integer(),
    filledNotionalUnits: cursor.amount(),
    feeUnits: cursor.amount(),
    holdAssetNumber: cursor.integer(),
    validUntilUs: cursor.integer(),
    placedTimeUs: cursor.integer(),
    updatedTimeUs: cursor.integer(),
    instrumentSequence: cursor.integer(),
    accountSequence: cursor.integer(),
  };
  const groupType = GROUP_TYPES[cursor.byte()];
  const groupPlacement = groupType === undefined ? 0 : cursor.integer();
  const group = { groupType, groupPlacement, groupHeldUnits: 0n };
  const termsKind = cursor.byte();
  const bodyHash = termsKind > 0 ? cursor.hash() : '';
  const terms = termsKind > 0 ? takeTerms(cursor, termsKind === 2) : undefined;
  const closed = { holdState: 'CLOSED', remainingUnits: 0, heldUnits: 0n } as const;
  return { ...head, ...closed, ...group, bodyHash, terms };
}

/** By what a final order is found, and what it counts to. */
export type RecordKeys = {
  readonly accountNumber: number;
  readonly placement: number;
  readonly clientOrderId: string;
  /** Undefined for what never was an order of any instrument (HLD-3). */
  readonly instrumentNumber: number | undefined;
};

/** Fields that every record has between its ids and its group. */
const MIDDLE_BYTES = 3 + 10 * 8;
/** Terms behind the instrument's number, and what few of them have (`hasMore`). */
const TERMS_BYTES = 4 + 3 * 8 + 1 + 5 * 8;
const MORE_BYTES = 6 * 8;

/**
 * Reads the keys of what `encodeRecord` wrote.
 *
 * @throws Error when it does not have the length of such a record
 */
export function readKeys(view: DataView, offset: number, length: number): RecordKeys {
  const cursor = new Cursor(view, offset);
  const accountNumber = cursor.integer();
  cursor.offset += 1 + view.getUint8(cursor.offset);
  const placement = cursor.integer();
  const clientOrderId = cursor.text();
  cursor.offset += MIDDLE_BYTES;
  if (cursor.byte() > 0) cursor.offset += 8;
  const termsKind = cursor.byte();
  let instrumentNumber: number | undefined;
  if (termsKind > 0) {
    cursor.offset += HASH_BYTES;
    instrumentNumber = cursor.integer();
    cursor.offset += TERMS_BYTES + (termsKind === 2 ? MORE_BYTES : 0);
  }
  if (cursor.offset - offset !== length || termsKind > 2) throw new Error('no record of an order');
  return { accountNumber, placement, clientOrderId, instrumentNumber };
}

function takeTerms(cursor: Cursor, more: boolean): OrderTerms {
  const most = {
    instrumentNumber: cursor.integer(),
    side: SIDES[cursor.byte()] as OrderTerms['side'],
    type: TYPES[cursor.byte()] as OrderTerms['type'],
    timeInForce: TIMES_IN_FORCE[cursor.byte()] as OrderTerms['timeInForce'],
    postOnly: cursor.byte() === 1,
    quantityUnits: cursor.integer(),
    quoteBudgetUnits: cursor.amount(),
    priceUnits: cursor.integer(),
    selfTradePrevention: SELF_TRADE_PREVENTIONS[cursor.byte()] as OrderTerms['selfTradePrevention'],
    makerRatePpm: cursor.integer(),
    takerRatePpm: cursor.integer(),
    auctionRatePpm: cursor.integer(),
    instrumentVersion: cursor.integer(),
    selfTradeGroup: cursor.integer(),
  };
  return {
    ...most,
    stopPriceUnits: more ? cursor.integer() : 0,
    trailingOffsetUnits: more ? cursor.integer() : 0,
    trailingOffsetBps: more ? cursor.integer() : 0,
    expireTimeUs: more ? cursor.integer() : 0,
    displayUnits: more ? cursor.integer() : 0,
    minimumUnits: more ? cursor.integer() : 0,
  };
}
