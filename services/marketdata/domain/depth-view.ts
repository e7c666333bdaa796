// The book as subscribers of one depth have it, and the update that takes them to the next
// state: after each update a client's book is exactly the top N. With full depth only touched
// prices are looked at; with a limited depth also what enters and leaves the top.

import type { MarketBook, TouchedPrices } from './market-book.ts';
import type { Level, SideLevels } from './side-levels.ts';

/** A level's new total; quantity 0 removes it. */
export type LevelChange = {
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly orderCount: number;
};

export type DepthChange = { readonly bids: LevelChange[]; readonly asks: LevelChange[] };

/** Depth value that means every level. */
export const FULL_DEPTH = 0;

type Shown = Map<number, LevelChange>;

export class DepthView {
  readonly depth: number;
  readonly #book: MarketBook;
  /** What subscribers have; not kept for full depth, where the book itself says it. */
  #bids: Shown = new Map();
  #asks: Shown = new Map();

  constructor(book: MarketBook, depth: number) {
    this.depth = depth;
    this.#book = book;
    if (depth !== FULL_DEPTH) {
      this.#bids = topOf(book.bids, depth);
      this.#asks = topOf(book.asks, depth);
    }
  }

  /** @returns what subscribers have, best first: a book snapshot. */
  snapshot(): DepthChange {
    const depth = this.depth === FULL_DEPTH ? Number.MAX_SAFE_INTEGER : this.depth;
    return {
      bids: this.#book.bids.top(depth).map(toChange),
      asks: this.#book.asks.top(depth).map(toChange),
    };
  }

  /** Goes on to the book's present state. @returns what changed; both sides empty when nothing. */
  advance(touched: TouchedPrices): DepthChange {
    if (this.depth === FULL_DEPTH) {
      return {
        bids: totalsAt(this.#book.bids, touched.bids),
        asks: totalsAt(this.#book.asks, touched.asks),
      };
    }
    const bids = touched.bids.size === 0 ? this.#bids : topOf(this.#book.bids, this.depth);
    const asks = touched.asks.size === 0 ? this.#asks : topOf(this.#book.asks, this.depth);
    const change = { bids: difference(this.#bids, bids), asks: difference(this.#asks, asks) };
    this.#bids = bids;
    this.#asks = asks;
    return change;
  }

  /** @returns the present totals at these prices: the merged update of a slow subscriber. */
  totalsAt(prices: TouchedPrices): DepthChange {
    if (this.depth === FULL_DEPTH) {
      return {
        bids: totalsAt(this.#book.bids, prices.bids),
        asks: totalsAt(this.#book.asks, prices.asks),
      };
    }
    return { bids: shownAt(this.#bids, prices.bids), asks: shownAt(this.#asks, prices.asks) };
  }
}

function topOf(side: SideLevels, depth: number): Shown {
  const shown: Shown = new Map();
  for (const level of side.top(depth)) shown.set(level.priceUnits, toChange(level));
  return shown;
}

function toChange(level: Level): LevelChange {
  return {
    priceUnits: level.priceUnits,
    quantityUnits: level.quantityUnits,
    orderCount: level.orderCount,
  };
}

function removed(priceUnits: number): LevelChange {
  return { priceUnits, quantityUnits: 0, orderCount: 0 };
}

function totalsAt(side: SideLevels, prices: ReadonlySet<number>): LevelChange[] {
  const changes: LevelChange[] = [];
  for (const priceUnits of prices) {
    const level = side.findLevel(priceUnits);
    changes.push(level === undefined ? removed(priceUnits) : toChange(level));
  }
  return changes;
}

function shownAt(shown: Shown, prices: ReadonlySet<number>): LevelChange[] {
  return [...prices].map((priceUnits) => shown.get(priceUnits) ?? removed(priceUnits));
}

function difference(before: Shown, after: Shown): LevelChange[] {
  const changes: LevelChange[] = [];
  for (const priceUnits of before.keys()) {
    if (!after.has(priceUnits)) changes.push(removed(priceUnits));
  }
  for (const [priceUnits, level] of after) {
    const had = before.get(priceUnits);
    const same =
      had !== undefined &&
      had.quantityUnits === level.quantityUnits &&
      had.orderCount === level.orderCount;
    if (!same) changes.push(level);
  }
  return changes;
}
