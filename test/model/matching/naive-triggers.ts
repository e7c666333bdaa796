// What follows a command: prints trigger what waits, exits of brackets appear, triggered orders
// arrive one by one, until all is quiet (TYP-3, TYP-4, TYP-7).

import type { CancelReason } from '../../../services/matching/domain/rules.ts';
import { isOutsideStaticBand } from './naive-band.ts';
import type { NaiveBook } from './naive-book.ts';
import { appear } from './naive-exits.ts';
import { enter, rest } from './naive-matching.ts';
import {
  accepts,
  conditionHolds,
  isLimited,
  type NaiveOrder,
  rests,
  trailingStopPrice,
  worstPrice,
} from './naive-order.ts';

export function settle(book: NaiveBook): void {
  for (;;) {
    const print = book.prints.shift();
    const entry = print === undefined ? book.endedEntries.shift() : undefined;
    if (print !== undefined) takePrint(book, print);
    else if (entry !== undefined) {
      const exits = appear(book, entry);
      for (const exit of exits) if (isOver(book, exit)) book.expire(exit);
      for (const exit of exits) triggerAtOnce(book, exit);
    } else {
      const next = book.queue.shift();
      if (next === undefined) return;
      arriveTriggered(book, next);
    }
  }
}

/** Nothing trades at or past its time, and an exit may have been waited for too long (TIF-6). */
function isOver(book: NaiveBook, order: NaiveOrder): boolean {
  return order.expireTimeUs > 0 && order.expireTimeUs <= book.nowUs;
}

/** Trailing stops move first, then the print triggers what it reaches, nearest first. */
function takePrint(book: NaiveBook, priceUnits: number): void {
  moveTrailingStops(book, priceUnits);
  if (book.state !== 'CONTINUOUS') return;
  const before = book.checkedPriceUnits;
  const distance = (order: NaiveOrder) =>
    before === 0 ? 0 : Math.abs(order.stopPriceUnits - before);
  const hit = book.waiting
    .filter((order) => conditionHolds(order, priceUnits))
    .sort((a, b) => distance(a) - distance(b) || a.age - b.age);
  // The other order of an OCO may have ended it meanwhile.
  for (const order of hit) if (book.waiting.includes(order)) trigger(book, order, priceUnits);
  book.checkedPriceUnits = priceUnits;
}

/** TYP-4: the best last price since acceptance; the stop only moves in the order's favour. */
export function moveTrailingStops(book: NaiveBook, priceUnits: number): void {
  for (const order of book.waiting) {
    const { type, side } = order.terms;
    if (type !== 'TRAILING_STOP') continue;
    const best = side === 'SELL' ? Math.max : Math.min;
    order.bestUnits = best(order.bestUnits, priceUnits);
    const stop = trailingStopPrice(book.rules, order.terms, order.bestUnits);
    order.stopPriceUnits = best(order.stopPriceUnits, stop);
  }
}

/** A condition that already holds triggers at once (TYP-3). */
export function triggerAtOnce(book: NaiveBook, order: NaiveOrder): void {
  const { lastPriceUnits } = book;
  if (book.state !== 'CONTINUOUS' || lastPriceUnits === 0) return;
  if (!book.waiting.includes(order)) return;
  if (conditionHolds(order, lastPriceUnits)) trigger(book, order, lastPriceUnits);
}

function trigger(book: NaiveBook, order: NaiveOrder, lastPriceUnits: number): void {
  const { accountNumber, placement, stopPriceUnits } = order;
  const { side, type } = order.terms;
  if (type === 'TRAILING_STOP') {
    const present = worstPrice(book.rules, side, stopPriceUnits);
    const inner = side === 'SELL' ? Math.max : Math.min;
    order.priceUnits = inner(order.priceUnits, present);
  }
  const { priceUnits } = order;
  const told = { accountNumber, placement, stopPriceUnits, lastPriceUnits, priceUnits };
  book.emit({ kind: 'orderTriggered', ...told });
  book.waiting = book.waiting.filter((other) => other !== order);
  book.queue.push(order);
  book.endOther(order);
}

/** What is refused after its trigger is canceled with the reason, never rejected. */
function arriveTriggered(book: NaiveBook, order: NaiveOrder): void {
  const refused = refusalOf(book, order);
  if (refused !== undefined) book.cancel(order, refused);
  else if (book.state === 'AUCTION') rest(book, order);
  else enter(book, order);
}

function refusalOf(book: NaiveBook, order: NaiveOrder): CancelReason | undefined {
  // A sweep before it may have begun a volatility auction: only what rests joins it.
  const isCall = book.state === 'AUCTION';
  const { side, type, postOnly, minimumUnits } = order.terms;
  if (isCall && (!rests(order.terms) || minimumUnits > 0)) return 'INSTRUMENT_STATE';
  if (isLimited(type) && isOutsideStaticBand(book, side, order.priceUnits)) return 'PRICE_BAND';
  const met = book.firstAgainst(side);
  if (!isCall && postOnly && met !== undefined && accepts(order, met.priceUnits)) {
    return 'POST_ONLY_WOULD_TAKE';
  }
  const isFull = book.orders.length >= book.limits.ordersPerBook;
  return rests(order.terms) && isFull ? 'BOOK_FULL' : undefined;
}
