// Reads what frequent messages hold from their bytes, without the generated code, which takes many
// times as long: a start repeats all commands of a log. What is not in the canonical form of a
// known field throws MalformedBytes; the caller leaves such bytes to the generated code.

import {
  OrderTermsSchema,
  type OrderTerms as TermsMessage,
} from '../../../../gen/bourse/matching/v1/command_pb.ts';
import { MAXIMUM_AMOUNT_UNITS } from '../../base/decimal.ts';
import type { OrderTerms } from '../../rules/terms.ts';
import { MalformedBytes, WireReader } from '../../shard/wire.ts';
import { OperatingError } from '../errors/operating-error.ts';
import { readSent } from './message-reader.ts';
import { safeNumber } from './numbers.ts';
import {
  decodeTerms,
  orderTypeCodec,
  selfTradePreventionCodec,
  sideCodec,
  timeInForceCodec,
} from './terms-codec.ts';

const MAXIMUM_32_BITS = 0xffffffff;

/** Tag of a field with a number. */
export const numberTag = (field: number): number => field * 8;

/** Tag of a field with bytes, text or fields. */
export const bytesTag = (field: number): number => field * 8 + 2;

/** An unsigned integer of 32 bits. */
export function readUint32(reader: WireReader): number {
  const value = reader.varint();
  if (value > MAXIMUM_32_BITS) throw new MalformedBytes('number beyond 2^32');
  return value;
}

/** A signed integer of 32 bits as `sint32` writes it. */
export function readSint32(reader: WireReader): number {
  const value = readUint32(reader);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

export function readBool(reader: WireReader): boolean {
  return reader.varint() !== 0;
}

/** Text that is written as UTF-8 should be. */
export function readText(reader: WireReader): string {
  const text = reader.text();
  // What stands for bytes that are no text, and a mark that other readers leave out.
  if (text.includes('\ufffd') || text.startsWith('\ufeff')) throw new MalformedBytes('no text');
  return text;
}

/** An amount as `uint64` writes it. */
export function readAmount(reader: WireReader): bigint {
  const value = reader.bigVarint();
  if (value > MAXIMUM_AMOUNT_UNITS) throw new MalformedBytes('amount beyond what is counted');
  return value;
}

/** An amount as `sint64` writes it. */
export function readSignedAmount(reader: WireReader): bigint {
  const zigzag = reader.bigVarint();
  const value = (zigzag & 1n) === 0n ? zigzag >> 1n : -((zigzag + 1n) >> 1n);
  if (value > MAXIMUM_AMOUNT_UNITS || value < -MAXIMUM_AMOUNT_UNITS) {
    throw new MalformedBytes('amount beyond what is counted');
  }
  return value;
}

/** Terms of a placement: what concerns self-trade prevention may be left to the account. */
export type ReadPlacementTerms = Omit<OrderTerms, 'selfTradePrevention' | 'selfTradeGroup'> & {
  readonly selfTradePrevention: OrderTerms['selfTradePrevention'] | undefined;
};

/** Terms of an order, from a field that holds them. */
export function readOrderTerms(reader: WireReader): OrderTerms {
  readTermNumbers(reader);
  return foundTerms();
}

/**
 * Terms of an order that came as a message or as its bytes.
 *
 * @throws OperatingError MESSAGE_MALFORMED when they are absent or hold what no domain can.
 */
export function termsOf(sent: TermsMessage | Uint8Array | undefined): OrderTerms {
  if (!(sent instanceof Uint8Array)) return decodeTerms(sent);
  return readUsual(sent, foundTerms) ?? decodeTerms(readSent(OrderTermsSchema, sent));
}

/** What a book has computed of terms that came as a message or as its bytes. */
export function waitingTermsOf(
  sent: TermsMessage | Uint8Array,
): Pick<OrderTerms, 'quantityUnits' | 'stopPriceUnits'> & { readonly type: number } {
  if (!(sent instanceof Uint8Array)) return waitingOf(sent);
  return readUsual(sent, foundWaiting) ?? waitingOf(readSent(OrderTermsSchema, sent));
}

function waitingOf({ type, quantityUnits, stopPriceUnits }: TermsMessage) {
  const [quantity, stopPrice] = [safeNumber(quantityUnits), safeNumber(stopPriceUnits)];
  return { type, quantityUnits: quantity, stopPriceUnits: stopPrice };
}

function foundWaiting() {
  return { type: found(3), quantityUnits: found(6), stopPriceUnits: found(13) };
}

/** What was found in bytes that hold nothing but terms; undefined when they are unusual. */
function readUsual<T>(bytes: Uint8Array, take: () => T): T | undefined {
  try {
    readFields(new WireReader(bytes));
    return take();
  } catch (error) {
    if (error instanceof MalformedBytes || error instanceof OperatingError) return undefined;
    throw error;
  }
}

function foundTerms(): OrderTerms {
  return {
    instrumentNumber: found(1),
    side: sideCodec.toName(found(2)),
    type: orderTypeCodec.toName(found(3)),
    timeInForce: timeInForceCodec.toName(found(4)),
    postOnly: found(5) !== 0,
    quantityUnits: found(6),
    quoteBudgetUnits,
    priceUnits: found(8),
    stopPriceUnits: found(13),
    trailingOffsetUnits: found(14),
    trailingOffsetBps: found(15),
    expireTimeUs: found(16),
    displayUnits: found(17),
    minimumUnits: found(18),
    selfTradePrevention: selfTradePreventionCodec.toName(found(9)),
    selfTradeGroup: found(19),
    makerRatePpm: found(10),
    takerRatePpm: found(11),
    auctionRatePpm: found(20),
    instrumentVersion: found(12),
  };
}

/** Terms of a placement, from a field that holds them. */
export function readPlacementTerms(reader: WireReader): ReadPlacementTerms {
  readTermNumbers(reader);
  if (found(19) !== 0) throw new MalformedBytes('a placement names no self-trade group');
  const mode = found(9);
  return {
    instrumentNumber: found(1),
    side: sideCodec.toName(found(2)),
    type: orderTypeCodec.toName(found(3)),
    timeInForce: timeInForceCodec.toName(found(4)),
    postOnly: found(5) !== 0,
    quantityUnits: found(6),
    quoteBudgetUnits,
    priceUnits: found(8),
    stopPriceUnits: found(13),
    trailingOffsetUnits: found(14),
    trailingOffsetBps: found(15),
    expireTimeUs: found(16),
    displayUnits: found(17),
    minimumUnits: found(18),
    selfTradePrevention: mode === 0 ? undefined : selfTradePreventionCodec.toName(mode),
    makerRatePpm: found(10),
    takerRatePpm: found(11),
    auctionRatePpm: found(20),
    instrumentVersion: found(12),
  };
}

/** What a field holds: a safe integer, 32 bits without or with a sign, or an amount. */
const KIND = { number: 0, uint32: 1, sint32: 2, amount: 3 } as const;
const POST_ONLY = 5;
const QUOTE_BUDGET = 7;
const LAST_FIELD = 20;
/** By field number. */
const KINDS = Array.from({ length: LAST_FIELD + 1 }, (_, field) => {
  if (field === QUOTE_BUDGET) return KIND.amount;
  if (field === 10 || field === 11 || field === 20) return KIND.sint32;
  return field === 6 || field === 8 || field === 12 || (field >= 13 && field <= 18 && field !== 15)
    ? KIND.number
    : KIND.uint32;
});

const numbers: number[] = Array.from({ length: LAST_FIELD + 1 }, () => 0);
let quoteBudgetUnits = 0n;

/** What `readTermNumbers` found in a field last; 0 when it was absent. */
const found = (field: number): number => numbers[field] as number;

function readTermNumbers(reader: WireReader): void {
  const outside = reader.open();
  readFields(reader);
  reader.close(outside);
}

/** As far as the reader goes. */
function readFields(reader: WireReader): void {
  numbers.fill(0);
  quoteBudgetUnits = 0n;
  let last = 0;
  while (!reader.done) {
    const tag = reader.tag();
    const field = tag >>> 3;
    if ((tag & 7) !== 0 || field <= last || field > LAST_FIELD) {
      throw new MalformedBytes(`tag ${tag} in terms`);
    }
    last = field;
    const kind = KINDS[field];
    if (kind === KIND.amount) quoteBudgetUnits = readAmount(reader);
    else if (kind === KIND.number) numbers[field] = reader.varint();
    else if (kind === KIND.sint32) numbers[field] = readSint32(reader);
    else numbers[field] = readUint32(reader);
    // True is written as 1.
    if (field === POST_ONLY && (numbers[field] as number) > 1) throw new MalformedBytes('no bool');
  }
}
