// States of an instrument and the uncross (STA-1, STA-2).

import type { InstrumentState } from '../../../services/matching/domain/rules.ts';
import type { NaiveBook } from './naive-book.ts';
import { trade } from './naive-matching.ts';
import type { NaiveOrder } from './naive-order.ts';
import { moveTrailingStops } from './naive-triggers.ts';

/** STA-1: whether an operator may change one state into another. */
export function mayChange(book: NaiveBook, to: InstrumentState): boolean {
  switch (book.state) {
    case 'RETIRED':
      return false;
    case 'HALTED':
      return to === 'AUCTION' || to === 'CLOSED';
    case 'CANCEL_ONLY':
      return to === book.stateBefore || to === 'HALTED' || to === 'CLOSED';
    default:
      return true;
  }
}

type Change = {
  readonly state: InstrumentState;
  readonly comment: string;
  readonly auctionEndTimeUs: number;
};

/** Enters another state, and does what belongs to entering it. */
export function enterState(book: NaiveBook, change: Change): void {
  const { state, auctionEndTimeUs } = change;
  const isTrading = state === 'CONTINUOUS' || state === 'POST_ONLY';
  if (isTrading) uncross(book);
  if (state === 'CLOSED') {
    const ofTheDay = book.open().filter((order) => order.terms.timeInForce === 'DAY');
    for (const order of byAge(ofTheDay)) book.expire(order);
  }
  if (state === 'CANCEL_ONLY') book.stateBefore = book.state;
  book.state = state;
  if (state === 'AUCTION') book.auctionEndTimeUs = auctionEndTimeUs;
  book.emit({ kind: 'instrumentStateChanged', ...change });
  // When continuous trading begins, conditions are checked against the last price (TYP-3).
  if (state === 'CONTINUOUS' && book.lastPriceUnits > 0) book.prints.push(book.lastPriceUnits);
}

export function byAge(orders: readonly NaiveOrder[]): NaiveOrder[] {
  return [...orders].sort((a, b) => a.age - b.age);
}

/** The end of a call: what is crossed trades, and the state goes on. */
export function endAuction(book: NaiveBook): void {
  uncross(book);
  enterState(book, { state: book.stateAfterAuction, comment: '', auctionEndTimeUs: 0 });
}

/**
 * Trades everything that is crossed at one price. Orders of OCOs that end one another in it may
 * leave others crossed; these trade in their turn, until nothing is executable.
 */
function uncross(book: NaiveBook): void {
  for (;;) {
    const priceUnits = uncrossPrice(book);
    if (priceUnits === undefined) return;
    uncrossAt(book, priceUnits);
  }
}

/** By price-time priority, all at this price. */
function uncrossAt(book: NaiveBook, priceUnits: number): void {
  let volumeUnits = 0;
  for (;;) {
    const buyer = book.sorted('BUY')[0];
    const seller = book.sorted('SELL')[0];
    if (buyer === undefined || buyer.priceUnits < priceUnits) break;
    if (seller === undefined || seller.priceUnits > priceUnits) break;
    const units = Math.min(buyer.shownUnits, seller.shownUnits);
    volumeUnits += units;
    trade(book, { maker: buyer, taker: seller, units, priceUnits, isUncross: true });
  }
  const surplus = surplusAt(book, priceUnits);
  book.emit({
    kind: 'uncrossed',
    priceUnits,
    volumeUnits,
    surplusUnits: Math.abs(surplus),
    surplusSide: surplus === 0 ? undefined : surplus > 0 ? 'BUY' : 'SELL',
  });
  book.referencePriceUnits = priceUnits;
  book.prints = [];
  moveTrailingStops(book, priceUnits);
}

/** What buyers would take at a price; hidden parts count. */
function bought(book: NaiveBook, priceUnits: number): number {
  const buyers = book.sorted('BUY').filter((order) => order.priceUnits >= priceUnits);
  return buyers.reduce((sum, order) => sum + order.remainingUnits, 0);
}

function sold(book: NaiveBook, priceUnits: number): number {
  const sellers = book.sorted('SELL').filter((order) => order.priceUnits <= priceUnits);
  return sellers.reduce((sum, order) => sum + order.remainingUnits, 0);
}

/** Left over at a price: above zero on the buy side, below zero on the sell side. */
function surplusAt(book: NaiveBook, priceUnits: number): number {
  return bought(book, priceUnits) - sold(book, priceUnits);
}

/** STA-2, sentence by sentence; undefined when nothing is executable. */
export function uncrossPrice(book: NaiveBook): number | undefined {
  const bid = book.sorted('BUY')[0]?.priceUnits ?? 0;
  const ask = book.sorted('SELL')[0]?.priceUnits ?? Number.POSITIVE_INFINITY;
  if (bid < ask) return undefined;
  let prices = ticksBetween(book, ask, bid);
  const volumeAt = (price: number) => Math.min(bought(book, price), sold(book, price));
  prices = withLeast(prices, (price) => -volumeAt(price));
  prices = withLeast(prices, (price) => Math.abs(surplusAt(book, price)));
  if (prices.every((price) => surplusAt(book, price) > 0)) return Math.max(...prices);
  if (prices.every((price) => surplusAt(book, price) < 0)) return Math.min(...prices);
  const reference = book.lastPriceUnits || book.rules.referencePriceUnits;
  if (reference > 0) prices = withLeast(prices, (price) => Math.abs(price - reference));
  return Math.max(...prices);
}

function ticksBetween(book: NaiveBook, lowest: number, highest: number): number[] {
  const { tickUnits } = book.rules;
  const prices: number[] = [];
  const first = Math.ceil(lowest / tickUnits) * tickUnits;
  for (let price = first; price <= highest; price += tickUnits) prices.push(price);
  if (prices.length > 0) return prices;
  // The tick has changed and none lies between: the limits themselves are the prices.
  const limits = book.orders.map((order) => order.priceUnits);
  return [...new Set(limits)].filter((price) => price >= lowest && price <= highest);
}

function withLeast(prices: readonly number[], measure: (price: number) => number): number[] {
  const least = Math.min(...prices.map(measure));
  return prices.filter((price) => measure(price) === least);
}
