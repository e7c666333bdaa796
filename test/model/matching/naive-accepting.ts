// Orders come into being: with the prices that the book fixes for them (TYP-2, TYP-4).

import type { OrderTerms } from '../../../services/matching/domain/rules.ts';
import type { NaiveBook } from './naive-book.ts';
import {
  isLimited,
  isWaitingType,
  type NaiveOrder,
  type OrderName,
  trailingStopPrice,
  worstPrice,
} from './naive-order.ts';

export function newOrder(name: OrderName, terms: OrderTerms): NaiveOrder {
  return {
    accountNumber: name.accountNumber,
    placement: name.placement,
    terms,
    priceUnits: terms.priceUnits,
    stopPriceUnits: terms.stopPriceUnits,
    displayUnits: terms.displayUnits,
    expireTimeUs: terms.expireTimeUs,
    quantityUnits: terms.quantityUnits,
    remainingUnits: terms.quantityUnits,
    shownUnits: 0,
    unspentUnits: terms.quoteBudgetUnits,
    version: 1,
    place: 0,
    age: 0,
    bestUnits: 0,
    weightedSum: 0n,
    tradedUnits: 0,
    groupPlacement: 0,
    groupType: undefined,
    exits: [],
  };
}

/** Fixes what the terms leave to the book: a trailing stop's stop price, a worst price. */
export function fixPrices(book: NaiveBook, order: NaiveOrder): void {
  const { type, side } = order.terms;
  if (type === 'TRAILING_STOP') {
    order.bestUnits = book.lastPriceUnits;
    order.stopPriceUnits = trailingStopPrice(book.rules, order.terms, order.bestUnits);
  }
  if (!isLimited(type) && order.priceUnits === 0) {
    const from = isWaitingType(type)
      ? order.stopPriceUnits
      : (book.firstAgainst(side)?.priceUnits ?? 0);
    order.priceUnits = worstPrice(book.rules, side, from);
  }
  const { priceUnits, stopPriceUnits } = order;
  order.terms = { ...order.terms, priceUnits, stopPriceUnits };
}

export function accept(book: NaiveBook, order: NaiveOrder): void {
  fixPrices(book, order);
  const { accountNumber, placement, terms, groupPlacement } = order;
  book.emit({ kind: 'orderAccepted', accountNumber, placement, terms, groupPlacement });
}

/** Accepts an order that waits from now on. */
export function acceptWaiting(book: NaiveBook, order: NaiveOrder): void {
  accept(book, order);
  order.age = book.tick();
  book.waiting.push(order);
}
