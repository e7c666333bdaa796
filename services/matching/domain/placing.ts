// Entering an order: everything that can refuse it is decided first, then it is accepted and
// arrives at the book (TYP-1 to TYP-6, BND-1, BND-2).
import { admitsOrder, isCallPhase } from '../../lib/rules/admission.ts';
import {
  checkOrder,
  checkRulesOf,
  isFormReason,
  type OrderProblem,
} from '../../lib/rules/check-order.ts';
import { worstPrice } from '../../lib/rules/cost.ts';
import { hasLimit, isWaitingType, mayRest } from '../../lib/rules/order-types.ts';
import { trailingStopPrice } from '../../lib/rules/stop-price.ts';
import type { Book } from './book.ts';
import { affordableUnits } from './budget.ts';
import { type Incoming, preventionBits } from './incoming.ts';
import type { MatchingLimits } from './limits.ts';
import { OrderExtras } from './order-extras.ts';
import type { OrderLife } from './order-life.ts';
import * as orderFields from './order-store.ts';
import type { OrderTerms, RejectReason } from './rules.ts';
import type { OrderName } from './sink.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const {
  ACCOUNT,
  FEE_WHOLE,
  FLAGS,
  HOLDER,
  LEVEL,
  OWNED_BY_GROUP,
  PLACEMENT,
  POST_ONLY,
  QUANTITY,
  REMAINING,
  SELLS,
  VERSION,
} = orderFields;

/** Why a placement is not accepted: a rejection is an event, a refusal is none. */
export type PlacingProblem =
  | { readonly kind: 'rejected'; readonly reason: RejectReason }
  | { readonly kind: 'refused'; readonly reason: string };

/** What the legs before this one will take of the limits (TYP-7). */
export type LegsAhead = { orders: number; resting: number; waiting: number; trailing: number };

/** Where an order is to be placed, and when. */
export type PlacingContext = {
  readonly life: OrderLife;
  readonly limits: MatchingLimits;
  logTimeUs: number;
};

const NOBODY_AHEAD: Readonly<LegsAhead> = { orders: 0, resting: 0, waiting: 0, trailing: 0 };

function rejected(reason: RejectReason): PlacingProblem {
  return { kind: 'rejected', reason };
}

/** Whether the name of an order is one that a record can hold. */
export function isOrderName({ accountNumber, placement }: OrderName): boolean {
  const isAccount = accountNumber >>> 0 === accountNumber && accountNumber > 0;
  return isAccount && Number.isSafeInteger(placement) && placement >= 0;
}

/** The first reason why a placement is not accepted, in order of precedence. */
export function checkPlacement(
  context: PlacingContext,
  book: Book,
  name: OrderName,
  terms: OrderTerms,
): PlacingProblem | undefined {
  if (isTaken(context.life, book, name)) return { kind: 'refused', reason: 'ALREADY_EXISTS' };
  return checkTerms(book, terms) ?? checkBook(context, book, name, terms, NOBODY_AHEAD);
}

/** As above, for a leg of a group that is entered now. */
export function checkLeg(
  context: PlacingContext,
  book: Book,
  name: OrderName,
  terms: OrderTerms,
  ahead: LegsAhead,
): PlacingProblem | undefined {
  const problem = checkTerms(book, terms) ?? checkBook(context, book, name, terms, ahead);
  ahead.orders += 1;
  if (isWaitingType(terms.type)) ahead.waiting += 1;
  else if (mayRest(terms)) ahead.resting += 1;
  if (terms.type === 'TRAILING_STOP') ahead.trailing += 1;
  return problem;
}

/** As above, for an exit: it appears later, in any state, and its room is promised now. */
export function checkExit(
  context: PlacingContext,
  book: Book,
  terms: OrderTerms,
  ahead: LegsAhead,
): PlacingProblem | undefined {
  const problem =
    problemOf(book, terms, checkRulesOf(book.rules, terms)) ??
    checkTimeAndBand(context, book, terms) ??
    checkRoomToWait(context, book, terms, ahead);
  ahead.waiting += 1;
  if (terms.type === 'TRAILING_STOP') ahead.trailing += 1;
  return problem;
}

/** State, form and rules. */
function checkTerms(book: Book, terms: OrderTerms): PlacingProblem | undefined {
  const unknown = checkKnownPrevention(terms);
  if (unknown !== undefined) return unknown;
  if (!admitsOrder(book.state, terms)) return rejected('INSTRUMENT_STATE');
  return problemOf(book, terms, checkOrder(book.rules, terms));
}

export function checkKnownPrevention(terms: OrderTerms): PlacingProblem | undefined {
  if (preventionBits(terms.selfTradePrevention) >= 0) return undefined;
  return { kind: 'refused', reason: 'NUMBER_OUT_OF_RANGE' };
}

/** An error of form is refused; one of rules says so if other rules were checked against. */
function problemOf(
  book: Book,
  terms: OrderTerms,
  problem: OrderProblem | undefined,
): PlacingProblem | undefined {
  if (problem === undefined) return undefined;
  const { reason } = problem;
  if (isFormReason(reason)) return { kind: 'refused', reason };
  const isStale = terms.instrumentVersion !== book.rules.version;
  return rejected(isStale ? 'INSTRUMENT_CHANGED' : reason);
}

/** Whether the id is one of an open order, or of an exit that is still to come (MAT-4). */
export function isTaken(life: OrderLife, book: Book, name: OrderName): boolean {
  const { accountNumber, placement } = name;
  const { index } = life.resting;
  if (index.find(accountNumber, placement) !== 0) return true;
  if (book.openBrackets === 0) return false;
  for (const before of [1, 2]) {
    const entry = index.find(accountNumber, placement - before);
    if (entry === 0) continue;
    const group = life.extras.find(entry)?.group;
    if (group?.entry?.order === entry) return true;
  }
  return false;
}

/** Time, band, limits and book. */
function checkBook(
  context: PlacingContext,
  book: Book,
  name: OrderName,
  terms: OrderTerms,
  ahead: Readonly<LegsAhead>,
): PlacingProblem | undefined {
  const early = checkTimeAndBand(context, book, terms);
  if (early !== undefined) return early;
  const waits = isWaitingType(terms.type);
  if (!waits && !mayRest(terms)) return checkReference(book, terms);
  const { holders } = context.life.resting;
  const open = holders.openCount(name.accountNumber, book.rules.instrumentNumber) + ahead.orders;
  if (open >= book.rules.maximumOpenOrders) return rejected('TOO_MANY_OPEN_ORDERS');
  return waits
    ? checkWait(context, book, terms, ahead)
    : checkRest(context, book, terms, ahead.resting);
}

function checkTimeAndBand(
  context: PlacingContext,
  book: Book,
  terms: OrderTerms,
): PlacingProblem | undefined {
  if (terms.expireTimeUs !== 0 && terms.expireTimeUs <= context.logTimeUs) {
    return rejected('TOO_LATE');
  }
  return isOutsideBand(book, terms) ? rejected('PRICE_BAND') : undefined;
}

/** Whether a limit price lies outside the static band (BND-1). */
export function isOutsideBand(
  book: Book,
  order: Pick<OrderTerms, 'type' | 'side' | 'priceUnits'>,
): boolean {
  if (book.staticReferenceUnits === 0 || !hasLimit(order.type)) return false;
  const band = book.bandOf(order.side);
  return order.priceUnits > band.highest || order.priceUnits < band.lowest;
}

/** A trailing stop needs a price to start from (TYP-4). */
function checkWait(
  context: PlacingContext,
  book: Book,
  terms: OrderTerms,
  ahead: Readonly<LegsAhead>,
): PlacingProblem | undefined {
  if (terms.type === 'TRAILING_STOP' && book.lastPriceUnits === 0) {
    return rejected('NO_REFERENCE_PRICE');
  }
  return checkRoomToWait(context, book, terms, ahead);
}

/** Room among the waiting orders; the exits of open brackets have theirs promised (TYP-7). */
function checkRoomToWait(
  { limits }: PlacingContext,
  book: Book,
  terms: OrderTerms,
  ahead: Readonly<LegsAhead>,
): PlacingProblem | undefined {
  const isTrailing = terms.type === 'TRAILING_STOP';
  const waiting = book.waiting.count + book.promisedWaiting + ahead.waiting;
  if (waiting >= limits.waitingPerBook) return rejected('BOOK_FULL');
  const trailing = book.waiting.trailingCount + book.promisedTrailing + ahead.trailing;
  return isTrailing && trailing >= limits.trailingPerBook ? rejected('BOOK_FULL') : undefined;
}

/** The book for an order that may rest. */
function checkRest(
  context: PlacingContext,
  book: Book,
  terms: OrderTerms,
  restingAhead: number,
): PlacingProblem | undefined {
  // In a call phase nothing trades on arrival (TYP-6).
  if (terms.postOnly && !isCallPhase(book.state)) {
    if (book.oppositeOf(terms.side).isMetBy(terms.priceUnits)) {
      return rejected('POST_ONLY_WOULD_TAKE');
    }
  }
  return hasRoom(context, book, terms, restingAhead) ? undefined : rejected('BOOK_FULL');
}

/** Whether an order may come to rest: room for it, and the side's sum stays exact (MAT-7). */
export function hasRoom(
  { life, limits }: PlacingContext,
  book: Book,
  order: Pick<OrderTerms, 'side' | 'quantityUnits'>,
  restingAhead = 0,
): boolean {
  const side = book.sideOf(order.side);
  const total = side.quantityUnits + life.hidden.onSide(side) + order.quantityUnits;
  return book.orderCount + restingAhead < limits.ordersPerBook && total <= Number.MAX_SAFE_INTEGER;
}

/** A market order needs a price to start from, and a budget that buys a lot there (TYP-2). */
function checkReference(book: Book, terms: OrderTerms): PlacingProblem | undefined {
  if (terms.type !== 'MARKET') return undefined;
  const opposite = book.oppositeOf(terms.side);
  const best = opposite.bestPriceUnits;
  if (best === 0) return terms.priceUnits === 0 ? rejected('NO_REFERENCE_PRICE') : undefined;
  if (terms.quoteBudgetUnits === 0n) return undefined;
  if (terms.priceUnits !== 0 && !opposite.isMetBy(terms.priceUnits)) return undefined;
  const { side, takerRatePpm } = terms;
  const budget = { side, takerRatePpm, unspentUnits: terms.quoteBudgetUnits, weightedSum: 0n };
  const buysNothing = affordableUnits(book.rules, budget, best) === 0;
  return buysNothing ? rejected('NOTIONAL_BELOW_MINIMUM') : undefined;
}

/**
 * The terms of an accepted order: a trailing stop begins at its distance from the last price, and
 * the bare engine fixes a worst price where none is stated.
 */
export function acceptedTerms(book: Book, terms: OrderTerms): OrderTerms {
  if (terms.type === 'TRAILING_STOP') {
    const { rules, lastPriceUnits } = book;
    const stopPriceUnits = trailingStopPrice(terms, lastPriceUnits, rules.tickUnits);
    return withWorstPrice(book, { ...terms, stopPriceUnits }, stopPriceUnits);
  }
  if (terms.priceUnits !== 0) return terms;
  if (isWaitingType(terms.type)) return withWorstPrice(book, terms, terms.stopPriceUnits);
  return withWorstPrice(book, terms, book.oppositeOf(terms.side).bestPriceUnits);
}

function withWorstPrice(book: Book, terms: OrderTerms, fromUnits: number): OrderTerms {
  if (terms.priceUnits !== 0) return terms;
  return { ...terms, priceUnits: worstPrice(book.rules, terms.side, fromUnits) };
}

/** Makes the record of an accepted order. */
export function makeRecord(life: OrderLife, name: OrderName, terms: OrderTerms): number {
  const { orders } = life.resting;
  const order = orders.allocate();
  const { words, floats } = orders;
  const at = order >>> 1;
  floats[at + PLACEMENT] = name.placement;
  floats[at + REMAINING] = terms.quantityUnits;
  floats[at + QUANTITY] = terms.quantityUnits;
  floats[at + FEE_WHOLE] = 0;
  words[order + LEVEL] = 0;
  words[order + HOLDER] = 0;
  words[order + ACCOUNT] = name.accountNumber;
  words[order + VERSION] = 1;
  if (terms.selfTradeGroup > 0) orders.setGroup(order, terms.selfTradeGroup);
  orders.packRates(order, terms.makerRatePpm, terms.takerRatePpm, terms.auctionRatePpm);
  words[order + FLAGS] =
    (terms.side === 'SELL' ? SELLS : 0) |
    (terms.postOnly ? POST_ONLY : 0) |
    (terms.selfTradeGroup > 0 ? OWNED_BY_GROUP : 0) |
    preventionBits(terms.selfTradePrevention);
  return order;
}

/** Whether an order uses more than the plain fields. */
export function usesExtras(terms: OrderTerms): boolean {
  return (
    terms.displayUnits !== 0 ||
    terms.expireTimeUs !== 0 ||
    terms.timeInForce === 'DAY' ||
    isWaitingType(terms.type)
  );
}

/** Gives an order what it has beside its record. */
export function makeExtras(
  life: OrderLife,
  book: Book,
  order: number,
  name: OrderName,
  terms: OrderTerms,
): OrderExtras {
  const extras = new OrderExtras(order, book.number, name, terms);
  if (terms.type === 'TRAILING_STOP') extras.bestPriceUnits = book.lastPriceUnits;
  life.extras.add(extras);
  return extras;
}

/** Begins the time of an order as the incoming one, with what its terms say. */
export function beginPlacement(
  incoming: Incoming,
  book: Book,
  order: number,
  terms: OrderTerms,
): void {
  const { timeInForce } = terms;
  incoming.book = book;
  incoming.order = order;
  incoming.extras = undefined;
  incoming.side = terms.side;
  incoming.isActive = true;
  incoming.limitUnits = terms.priceUnits;
  incoming.isMarket = terms.type === 'MARKET';
  incoming.rests = timeInForce !== 'IOC' && timeInForce !== 'FOK';
  incoming.timeInForce = timeInForce;
  incoming.minimumUnits = terms.minimumUnits;
  incoming.prevention = terms.selfTradePrevention;
  incoming.takerRatePpm = terms.takerRatePpm;
  incoming.state = 'TRADING';
  incoming.hasTraded = false;
  incoming.byBudget = terms.quantityUnits === 0;
  incoming.unspentUnits = terms.quoteBudgetUnits;
  incoming.allowanceUnits = 0;
  incoming.allowancePriceUnits = 0;
}
