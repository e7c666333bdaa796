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
import type { Amended, AmendName, Emit, Fill, OrderName, PlainAmended } from './sink.ts';
import { closeField, putField, putOptional, putSigned } from './wire-fields.ts';
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
    if (groupPlacement !== 0 || !isWritable(terms)) {
      super.orderAccepted(book, name, terms, groupPlacement);
    } else this.plainAccepted(book, name, terms);
  }

  override plainAccepted(book: Book, name: OrderName, terms: OrderTerms): void {
    const view = this.#begin();
    const body = this.#putPlace(view, book);
    const at = putName(view, body, name.accountNumber, name.placement);
    const end = putTerms(view, at + 2, terms);
    this.#end(view, ACCEPTED, body, closeField(view, 3 * 8 + 2, at + 2, end));
  }

  override plainRemainder(book: Book, name: OrderName, canceledUnits: number): void {
    const view = this.#begin();
    const body = this.#putPlace(view, book);
    let at = putName(view, body, name.accountNumber, name.placement);
    view.setInt16(at, (3 * 8) | (CANCEL_REASON_NUMBERS.IOC_REMAINDER << 8), true);
    at = putField(view, at + 2, 4 * 8, canceledUnits);
    this.#end(view, CANCELED, body, putField(view, at, 5 * 8, 1));
  }

  override plainAmended(book: Book, name: OrderName, amended: PlainAmended): void {
    const view = this.#begin();
    const body = this.#putPlace(view, book);
    let at = putName(view, body, name.accountNumber, name.placement);
    at = putField(view, at, 3 * 8, amended.version);
    at = putField(view, at, 4 * 8, amended.quantityUnits);
    at = putField(view, at, 5 * 8, amended.remainingUnits);
    at = putField(view, at, 6 * 8, amended.priceUnits);
    if (amended.placeKept === true) at = putField(view, at, 7 * 8, 1);
    this.#end(view, AMENDED, body, at);
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
    const view = this.#begin();
    const body = this.#putPlace(view, book);
    let at = putField(view, body, 1 * 8, fill.priceUnits);
    at = putField(view, at, 2 * 8, fill.quantityUnits);
    const { aggressorSide } = fill;
    if (aggressorSide !== undefined) {
      at = putField(view, at, 3 * 8, aggressorSide === 'BUY' ? 1 : 2);
    }
    let end = this.#putParty(view, at + 2, maker, makerFeeUnits);
    at = closeField(view, 4 * 8 + 2, at + 2, end);
    end = this.#putParty(view, at + 2, taker, takerFeeUnits);
    at = closeField(view, 5 * 8 + 2, at + 2, end);
    if (fill.sameOwner) at = putField(view, at, 6 * 8, 1);
    this.#end(view, TRADED, body, at);
  }

  override orderCanceled(
    book: Book,
    order: number,
    reason: CancelReason,
    canceledUnits: number,
  ): void {
    const { words, floats } = this.orders;
    const view = this.#begin();
    const body = this.#putPlace(view, book);
    const account = (words[order + ACCOUNT] as number) >>> 0;
    let at = putName(view, body, account, floats[(order >>> 1) + PLACEMENT] as number);
    const number = reason === 'OWNER' ? 1 : CANCEL_REASON_NUMBERS[reason];
    view.setInt16(at, (3 * 8) | (number << 8), true);
    at = putOptional(view, at + 2, 4 * 8, canceledUnits);
    at = putField(view, at, 5 * 8, words[order + VERSION] as number);
    this.#end(view, CANCELED, body, at);
  }

  override orderAmended(book: Book, name: OrderName, amended: Amended): void {
    if (amended.amendHoldId !== '') {
      super.orderAmended(book, name, amended);
      return;
    }
    const view = this.#begin();
    const body = this.#putPlace(view, book);
    let at = putName(view, body, name.accountNumber, name.placement);
    at = putField(view, at, 3 * 8, amended.version);
    at = putOptional(view, at, 4 * 8, amended.quantityUnits);
    at = putOptional(view, at, 5 * 8, amended.remainingUnits);
    at = putOptional(view, at, 6 * 8, amended.priceUnits);
    if (amended.placeKept === true) at = putField(view, at, 7 * 8, 1);
    at = putOptional(view, at, 9 * 8, amended.stopPriceUnits ?? 0);
    at = putOptional(view, at, 10 * 8, amended.displayUnits ?? 0);
    at = putOptional(view, at, 11 * 8, amended.expireTimeUs ?? 0);
    this.#end(view, AMENDED, body, at);
  }

  #refused(tag: number, book: Book, name: OrderName, reason: RejectReason): void {
    const view = this.#begin();
    const body = this.#putPlace(view, book);
    const at = putName(view, body, name.accountNumber, name.placement);
    this.#end(view, tag, body, putField(view, at, 3 * 8, REJECT_REASON_NUMBERS[reason]));
  }

  #putParty(view: DataView, from: number, order: number, feeUnits: number): number {
    const { words, floats } = this.orders;
    const half = order >>> 1;
    const account = (words[order + ACCOUNT] as number) >>> 0;
    let at = putName(view, from, account, floats[half + PLACEMENT] as number);
    at = putOptional(view, at, 3 * 8, floats[half + REMAINING] as number);
    return feeUnits === 0 ? at : putSigned(view, at, 4 * 8, feeUnits);
  }

  #begin(): DataView {
    this.count += 1;
    this.#outgoing.reserve(LONGEST_EVENT);
    return this.#outgoing.view;
  }

  /** Instrument and sequence. @returns where what happened goes */
  #putPlace(view: DataView, book: Book): number {
    const from = this.#outgoing.length;
    const at = putField(view, from + 2, 1 * 8, book.plainRules.instrumentNumber);
    return putField(view, at, 2 * 8, book.nextSequence()) + 2;
  }

  /** Fills in the tags and lengths of what happened, from `body` on, and of the event. */
  #end(view: DataView, tag: number, body: number, to: number): void {
    // Every kind that is written here has a number below 16.
    const at = closeField(view, tag, body, to);
    this.#outgoing.length = closeField(view, EVENTS, this.#outgoing.length + 2, at);
  }
}

/** Whether terms are written by hand: none of what seldom is set is set. */
function isWritable(terms: OrderTerms): boolean {
  if (terms.quantityUnits === 0) return false;
  const waits = terms.stopPriceUnits + terms.trailingOffsetUnits + terms.trailingOffsetBps;
  return waits + terms.expireTimeUs + terms.displayUnits + terms.minimumUnits === 0;
}

function putName(view: DataView, from: number, account: number, placement: number): number {
  return putOptional(view, putOptional(view, from, 1 * 8, account), 2 * 8, placement);
}

/** Terms of a plain order, bourse.matching.v1.OrderTerms. */
function putTerms(view: DataView, from: number, terms: OrderTerms): number {
  let at = putField(view, from, 1 * 8, terms.instrumentNumber);
  const side = terms.side === 'BUY' ? 1 : 2;
  const type = terms.type === 'LIMIT' ? 1 : ORDER_TYPE_NUMBERS[terms.type];
  const time = terms.timeInForce === 'GTC' ? 1 : TIME_IN_FORCE_NUMBERS[terms.timeInForce];
  view.setInt32(at, (2 * 8) | (side << 8) | ((3 * 8) << 16) | (type << 24), true);
  view.setInt16(at + 4, (4 * 8) | (time << 8), true);
  at += 6;
  if (terms.postOnly === true) at = putField(view, at, 5 * 8, 1);
  at = putField(view, at, 6 * 8, terms.quantityUnits);
  at = putOptional(view, at, 8 * 8, terms.priceUnits);
  view.setInt16(at, (9 * 8) | (preventionNumber(terms.selfTradePrevention) << 8), true);
  at += 2;
  const { makerRatePpm, takerRatePpm, auctionRatePpm, selfTradeGroup } = terms;
  if ((makerRatePpm | takerRatePpm | auctionRatePpm | selfTradeGroup) === 0) {
    return putOptional(view, at, 12 * 8, terms.instrumentVersion);
  }
  at = putSigned(view, at, 10 * 8, makerRatePpm);
  at = putSigned(view, at, 11 * 8, takerRatePpm);
  at = putOptional(view, at, 12 * 8, terms.instrumentVersion);
  // Fields from 16 on have tags of two bytes.
  if (selfTradeGroup !== 0) {
    view.setUint8(at, ((19 * 8) & 127) | 128);
    at = putField(view, at + 1, (19 * 8) >>> 7, selfTradeGroup);
  }
  if (auctionRatePpm !== 0) {
    view.setUint8(at, ((20 * 8) & 127) | 128);
    at = putSigned(view, at + 1, (20 * 8) >>> 7, auctionRatePpm);
  }
  return at;
}

/** The two modes that nearly all orders have need no look into the table. */
function preventionNumber(mode: OrderTerms['selfTradePrevention']): number {
  if (mode === 'NONE') return 5;
  return mode === 'CANCEL_TAKER' ? 1 : PREVENTION_NUMBERS[mode];
}
