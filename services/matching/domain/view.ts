// Reading a book without changing it: levels, open orders, and the check of every invariant that
// a book has (MAT-5, MAT-6), which tests call after each command.
import { assert } from '../../lib/base/assert.ts';
import type { Book } from './book.ts';
import type { BookSide } from './book-side.ts';
import { FIRST, LEVEL_PRICE, LEVEL_QUANTITY, ORDER_COUNT } from './level-store.ts';
import { ACCOUNT, ARRIVAL, NEXT, PLACEMENT, QUANTITY, REMAINING, VERSION } from './order-store.ts';
import type { RestingOrders } from './resting-orders.ts';
import type { InstrumentRules, InstrumentState, Side } from './rules.ts';

/** One price of one side. */
export type BookLevel = {
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly orderCount: number;
};

/** A book as it is now, best levels first. */
export type BookView = {
  readonly instrumentSequence: number;
  readonly state: InstrumentState;
  readonly rules: InstrumentRules;
  /** 0 before the first trade. */
  readonly lastPriceUnits: number;
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
};

/** One resting order. */
export type OpenOrder = {
  readonly accountNumber: number;
  readonly placement: number;
  readonly side: Side;
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly remainingUnits: number;
  readonly version: number;
};

/** The best `depth` levels of both sides. */
export function viewBook(resting: RestingOrders, book: Book, depth: number): BookView {
  return {
    instrumentSequence: book.sequence,
    state: book.state,
    rules: book.rules,
    lastPriceUnits: book.lastPriceUnits,
    bids: levelsOf(resting, book.bids, depth),
    asks: levelsOf(resting, book.asks, depth),
  };
}

function levelsOf(resting: RestingOrders, side: BookSide, depth: number): BookLevel[] {
  const { words, floats } = resting.levels;
  const seen: BookLevel[] = [];
  for (let level = side.best; level !== 0 && seen.length < depth; ) {
    seen.push({
      priceUnits: floats[(level >>> 1) + LEVEL_PRICE] as number,
      quantityUnits: floats[(level >>> 1) + LEVEL_QUANTITY] as number,
      orderCount: words[level + ORDER_COUNT] as number,
    });
    level = side.worseThan(level);
  }
  return seen;
}

/** Every resting order of a side in price-time priority (MAT-1). */
export function openOrdersOf(resting: RestingOrders, side: BookSide): OpenOrder[] {
  const { words, floats } = resting.orders;
  const { words: levels } = resting.levels;
  const open: OpenOrder[] = [];
  for (let level = side.best; level !== 0; level = side.worseThan(level)) {
    let order = levels[level + FIRST] as number;
    for (; order !== 0; order = words[order + NEXT] as number) {
      open.push({
        accountNumber: (words[order + ACCOUNT] as number) >>> 0,
        placement: floats[(order >>> 1) + PLACEMENT] as number,
        side: side.side,
        priceUnits: resting.priceOf(order),
        quantityUnits: floats[(order >>> 1) + QUANTITY] as number,
        remainingUnits: floats[(order >>> 1) + REMAINING] as number,
        version: words[order + VERSION] as number,
      });
    }
  }
  return open;
}

/** Stops on a book that breaks an invariant: counts, sums, order of levels and of queues. */
export function assertBookSound(resting: RestingOrders, book: Book): void {
  for (const side of [book.bids, book.asks]) assertSideSound(resting, side);
  const bid = book.bids.bestPriceUnits;
  const ask = book.asks.bestPriceUnits;
  assert(bid === 0 || ask === 0 || bid < ask, `the book is crossed: ${bid} and ${ask}`);
}

function assertSideSound(resting: RestingOrders, side: BookSide): void {
  const { words, floats } = resting.levels;
  let orderCount = 0;
  let quantityUnits = 0;
  let better = 0;
  for (let level = side.best; level !== 0; level = side.worseThan(level)) {
    const price = floats[(level >>> 1) + LEVEL_PRICE] as number;
    const isWorse = better === 0 || (side.side === 'BUY' ? price < better : price > better);
    assert(isWorse, `level ${price} is not worse than ${better}`);
    assert(side.findLevel(price) === level, `level ${price} is not found by its price`);
    const inLevel = assertLevelSound(resting, level);
    orderCount += words[level + ORDER_COUNT] as number;
    quantityUnits += inLevel;
    better = price;
  }
  assert(orderCount === side.orderCount, 'the side counts its orders');
  assert(quantityUnits === side.quantityUnits, 'the side sums its quantity');
}

function assertLevelSound(resting: RestingOrders, level: number): number {
  const { words, floats } = resting.orders;
  let orderCount = 0;
  let quantityUnits = 0;
  let arrival = 0;
  let order = resting.levels.words[level + FIRST] as number;
  assert(order !== 0, 'an empty level does not exist');
  for (; order !== 0; order = words[order + NEXT] as number) {
    const remaining = floats[(order >>> 1) + REMAINING] as number;
    const later = floats[(order >>> 1) + ARRIVAL] as number;
    assert(remaining > 0, 'a resting order has something open');
    assert(later > arrival, 'a queue is in order of arrival');
    const account = (words[order + ACCOUNT] as number) >>> 0;
    const placement = floats[(order >>> 1) + PLACEMENT] as number;
    assert(resting.index.find(account, placement) === order, 'a resting order is found by its id');
    assert(resting.checksum.isCounted(order), 'the checksum counts the order as it is');
    orderCount += 1;
    quantityUnits += remaining;
    arrival = later;
  }
  assert(orderCount === resting.levels.words[level + ORDER_COUNT], 'a level counts its orders');
  const sum = resting.levels.floats[(level >>> 1) + LEVEL_QUANTITY];
  assert(quantityUnits === sum, 'a level sums its quantity');
  return quantityUnits;
}
