// Events as bytes, bourse.matching.v1.Event: what every order makes is written by hand, straight
// into the outgoing buffer, without an object, a bigint or a text; everything else is encoded by
// the generated code. A test holds the bytes equal to the generated code's.
import type { Book } from './book.ts';
import type { MatchingEvent } from './event.ts';
import { ObjectSink } from './object-sink.ts';
import type { OrderStore } from './order-store.ts';
import * as orderFields from './order-store.ts';
import type { OutgoingEvents } from './outgoing-events.ts';
import type { CancelReason, OrderTerms, RejectReason } from './rules.ts';
import type { Amended, AmendName, Emit, Fill, OrderName } from './sink.ts';
import {
  CANCEL_REASON_NUMBERS,
  ORDER_TYPE_NUMBERS,
  PREVENTION_NUMBERS,
  REJECT_REASON_NUMBERS,
  TIME_IN_FORCE_NUMBERS,
} from './wire-numbers.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { ACCOUNT, PLACEMENT, REMAINING, VERSION } = orderFields;

/** More than the longest event that is written by hand takes. */
const LONGEST_EVENT = 512;
const TWO_TO_32 = 2 ** 32;

/** Tags: a field's number times 8, plus 2 when a length follows. */
const EVENTS = 0x0a;
const ACCEPTED = 3 * 8 + 2;
const REJECTED = 4 * 8 + 2;
const TRADED = 5 * 8 + 2;
const CANCELED = 7 * 8 + 2;
const AMENDED = 8 * 8 + 2;
const AMEND_REJECTED = 9 * 8 + 2;
const CANCEL_REJECTED = 10 * 8 + 2;

/** Numbers events and writes their bytes. Nothing is emitted: they are in the buffer. */
export class WireSink extends ObjectSink {
  readonly #outgoing: OutgoingEvents;
  readonly #encode: (event: MatchingEvent) => Uint8Array;
  /** Where the bytes of this step begin. */
  #from = 0;

  /** @param encode the generated code, for the events that are not written by hand */
  constructor(
    orders: OrderStore,
    outgoing: OutgoingEvents,
    encode: (event: MatchingEvent) => Uint8Array,
  ) {
    super(orders);
    this.#outgoing = outgoing;
    this.#encode = encode;
  }

  override begin(emit: Emit<MatchingEvent>): void {
    super.begin(emit);
    this.#from = this.#outgoing.length;
  }

  override drop(): void {
    this.#outgoing.length = this.#from;
  }

  protected override send(event: MatchingEvent): void {
    this.count += 1;
    this.#outgoing.append(this.#encode(event));
  }

  override orderAccepted(book: Book, name: OrderName, terms: OrderTerms, groupPlacement = 0): void {
    if (groupPlacement !== 0 || !isPlain(terms)) {
      super.orderAccepted(book, name, terms, groupPlacement);
      return;
    }
    const bytes = this.#begin();
    const body = this.#putPlace(bytes, ACCEPTED, book);
    const at = putName(bytes, body, name.accountNumber, name.placement);
    bytes[at] = 3 * 8 + 2;
    this.#end(bytes, body, closeField(bytes, at + 2, putTerms(bytes, at + 2, terms)));
  }

  override orderRejected(book: Book, name: OrderName, reason: RejectReason): void {
    this.#refused(REJECTED, book, name, reason);
  }

  override cancelRejected(book: Book, name: OrderName, reason: RejectReason): void {
    this.#refused(CANCEL_REJECTED, book, name, reason);
  }

  override amendRejected(book: Book, name: AmendName, reason: RejectReason): void {
    if (name.amendHoldId === '') this.#refused(AMEND_REJECTED, book, name, reason);
    else super.amendRejected(book, name, reason);
  }

  override traded(book: Book, maker: number, taker: number, fill: Fill): void {
    const { makerFeeUnits, takerFeeUnits } = fill;
    const isPlainFee = typeof makerFeeUnits === 'number' && typeof takerFeeUnits === 'number';
    if (!isPlainFee || fill.unspentUnits !== 0n) {
      super.traded(book, maker, taker, fill);
      return;
    }
    const bytes = this.#begin();
    const body = this.#putPlace(bytes, TRADED, book);
    let at = putField(bytes, body, 1 * 8, fill.priceUnits);
    at = putField(bytes, at, 2 * 8, fill.quantityUnits);
    const { aggressorSide } = fill;
    if (aggressorSide !== undefined) {
      at = putField(bytes, at, 3 * 8, aggressorSide === 'BUY' ? 1 : 2);
    }
    bytes[at] = 4 * 8 + 2;
    at = closeField(bytes, at + 2, this.#putParty(bytes, at + 2, maker, makerFeeUnits));
    bytes[at] = 5 * 8 + 2;
    at = closeField(bytes, at + 2, this.#putParty(bytes, at + 2, taker, takerFeeUnits));
    if (fill.sameOwner) at = putField(bytes, at, 6 * 8, 1);
    this.#end(bytes, body, at);
  }

  override orderCanceled(
    book: Book,
    order: number,
    reason: CancelReason,
    canceledUnits: number,
  ): void {
    const { words, floats } = this.orders;
    const bytes = this.#begin();
    const body = this.#putPlace(bytes, CANCELED, book);
    const account = (words[order + ACCOUNT] as number) >>> 0;
    let at = putName(bytes, body, account, floats[(order >>> 1) + PLACEMENT] as number);
    const number = reason === 'OWNER' ? 1 : CANCEL_REASON_NUMBERS[reason];
    bytes[at] = 3 * 8;
    bytes[at + 1] = number;
    at = putOptional(bytes, at + 2, 4 * 8, canceledUnits);
    at = putField(bytes, at, 5 * 8, words[order + VERSION] as number);
    this.#end(bytes, body, at);
  }

  override orderAmended(book: Book, name: OrderName, amended: Amended): void {
    if (amended.amendHoldId !== '') {
      super.orderAmended(book, name, amended);
      return;
    }
    const bytes = this.#begin();
    const body = this.#putPlace(bytes, AMENDED, book);
    let at = putName(bytes, body, name.accountNumber, name.placement);
    at = putField(bytes, at, 3 * 8, amended.version);
    at = putOptional(bytes, at, 4 * 8, amended.quantityUnits);
    at = putOptional(bytes, at, 5 * 8, amended.remainingUnits);
    at = putOptional(bytes, at, 6 * 8, amended.priceUnits);
    if (amended.placeKept) at = putField(bytes, at, 7 * 8, 1);
    at = putOptional(bytes, at, 9 * 8, amended.stopPriceUnits ?? 0);
    at = putOptional(bytes, at, 10 * 8, amended.displayUnits ?? 0);
    at = putOptional(bytes, at, 11 * 8, amended.expireTimeUs ?? 0);
    this.#end(bytes, body, at);
  }

  #refused(tag: number, book: Book, name: OrderName, reason: RejectReason): void {
    const bytes = this.#begin();
    const body = this.#putPlace(bytes, tag, book);
    const at = putName(bytes, body, name.accountNumber, name.placement);
    this.#end(bytes, body, putField(bytes, at, 3 * 8, REJECT_REASON_NUMBERS[reason]));
  }

  #putParty(bytes: Uint8Array, from: number, order: number, feeUnits: number): number {
    const { words, floats } = this.orders;
    const half = order >>> 1;
    const account = (words[order + ACCOUNT] as number) >>> 0;
    let at = putName(bytes, from, account, floats[half + PLACEMENT] as number);
    at = putOptional(bytes, at, 3 * 8, floats[half + REMAINING] as number);
    return feeUnits === 0 ? at : putSigned(bytes, at, 4 * 8, feeUnits);
  }

  #begin(): Uint8Array {
    this.count += 1;
    this.#outgoing.reserve(LONGEST_EVENT);
    return this.#outgoing.bytes;
  }

  /** Instrument and sequence, and the begin of what happened. @returns where that goes */
  #putPlace(bytes: Uint8Array, tag: number, book: Book): number {
    const from = this.#outgoing.length;
    bytes[from] = EVENTS;
    let at = putField(bytes, from + 2, 1 * 8, book.rules.instrumentNumber);
    at = putField(bytes, at, 2 * 8, book.nextSequence());
    // Every kind that is written here has a number below 16.
    bytes[at] = tag;
    return at + 2;
  }

  /** Fills in the lengths of what happened, from `body` on, and of the event. */
  #end(bytes: Uint8Array, body: number, to: number): void {
    const at = closeField(bytes, body, to);
    this.#outgoing.length = closeField(bytes, this.#outgoing.length + 2, at);
  }
}

/** Whether terms are written by hand: none of what seldom is set is set. */
function isPlain(terms: OrderTerms): boolean {
  if (terms.quantityUnits === 0) return false;
  const waits = terms.stopPriceUnits + terms.trailingOffsetUnits + terms.trailingOffsetBps;
  return waits + terms.expireTimeUs + terms.displayUnits + terms.minimumUnits === 0;
}

function putName(bytes: Uint8Array, from: number, account: number, placement: number): number {
  return putOptional(bytes, putOptional(bytes, from, 1 * 8, account), 2 * 8, placement);
}

/** Terms of a plain order, bourse.matching.v1.OrderTerms. */
function putTerms(bytes: Uint8Array, from: number, terms: OrderTerms): number {
  let at = putField(bytes, from, 1 * 8, terms.instrumentNumber);
  const side = terms.side === 'BUY' ? 1 : 2;
  const type = terms.type === 'LIMIT' ? 1 : ORDER_TYPE_NUMBERS[terms.type];
  const time = terms.timeInForce === 'GTC' ? 1 : TIME_IN_FORCE_NUMBERS[terms.timeInForce];
  bytes[at] = 2 * 8;
  bytes[at + 1] = side;
  bytes[at + 2] = 3 * 8;
  bytes[at + 3] = type;
  bytes[at + 4] = 4 * 8;
  bytes[at + 5] = time;
  at += 6;
  if (terms.postOnly) at = putField(bytes, at, 5 * 8, 1);
  at = putField(bytes, at, 6 * 8, terms.quantityUnits);
  at = putOptional(bytes, at, 8 * 8, terms.priceUnits);
  const prevention = terms.selfTradePrevention;
  const mode = prevention === 'NONE' ? 5 : PREVENTION_NUMBERS[prevention];
  bytes[at] = 9 * 8;
  bytes[at + 1] = mode;
  at += 2;
  if (terms.makerRatePpm !== 0) at = putSigned(bytes, at, 10 * 8, terms.makerRatePpm);
  if (terms.takerRatePpm !== 0) at = putSigned(bytes, at, 11 * 8, terms.takerRatePpm);
  at = putOptional(bytes, at, 12 * 8, terms.instrumentVersion);
  // Fields from 16 on have tags of two bytes.
  if (terms.selfTradeGroup !== 0) {
    bytes[at] = ((19 * 8) & 127) | 128;
    at = putField(bytes, at + 1, (19 * 8) >>> 7, terms.selfTradeGroup);
  }
  if (terms.auctionRatePpm !== 0) {
    bytes[at] = ((20 * 8) & 127) | 128;
    at = putSigned(bytes, at + 1, (20 * 8) >>> 7, terms.auctionRatePpm);
  }
  return at;
}

/**
 * Fills in the length of a field whose bytes begin at `from`, behind one byte kept free for it.
 *
 * @returns where the next byte goes: one further when the length needs two bytes
 */
function closeField(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  bytes[from - 1] = length;
  return length < 128 ? to : widenLength(bytes, from, to);
}

function widenLength(bytes: Uint8Array, from: number, to: number): number {
  bytes.copyWithin(from + 1, from, to);
  bytes[from - 1] = (to - from) | 128;
  bytes[from] = (to - from) >>> 7;
  return to + 1;
}

/**
 * Writes a field with a whole number from 0 to 2^53 - 1, also when it is 0; the tag is one byte.
 * Short numbers are written without a loop.
 *
 * @returns where the next byte goes
 */
function putField(bytes: Uint8Array, at: number, tag: number, value: number): number {
  bytes[at] = tag;
  if (value >= 0x20_0000) return putLargeNumber(bytes, at + 1, value);
  const word = value | 0;
  if (word < 0x80) {
    bytes[at + 1] = word;
    return at + 2;
  }
  bytes[at + 1] = word | 128;
  if (word < 0x4000) {
    bytes[at + 2] = word >>> 7;
    return at + 3;
  }
  bytes[at + 2] = (word >>> 7) | 128;
  bytes[at + 3] = word >>> 14;
  return at + 4;
}

function putLargeNumber(bytes: Uint8Array, at: number, value: number): number {
  let place = at;
  let rest = value;
  while (rest >= TWO_TO_32) {
    bytes[place] = (rest % 128) | 128;
    place += 1;
    rest = Math.floor(rest / 128);
  }
  rest >>>= 0;
  while (rest > 127) {
    bytes[place] = rest | 128;
    place += 1;
    rest >>>= 7;
  }
  bytes[place] = rest;
  return place + 1;
}

/** As `putField`, but leaves out a 0. */
function putOptional(bytes: Uint8Array, at: number, tag: number, value: number): number {
  return value === 0 ? at : putField(bytes, at, tag, value);
}

/** Writes a signed number within 2^52 of zero, small either side of it; leaves out a 0. */
function putSigned(bytes: Uint8Array, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  return putField(bytes, at, tag, value < 0 ? -2 * value - 1 : 2 * value);
}
