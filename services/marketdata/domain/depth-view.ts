// The best N levels of a book as subscribers of that depth have them, and the changes that take
// them from one state to the next: after each a client's book is exactly the top N. A change
// costs what it touches; only when a level enters or leaves the top is the top read anew.

import type { MarketBook, TouchedPrices } from './market-book.ts';
import type { Side } from './market-event.ts';
import type { Level, SideLevels } from './side-levels.ts';

/** A level's new total; quantity 0 removes it. */
export type LevelChange = {
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly orderCount: number;
};

export type DepthChange = {
  readonly bids: readonly LevelChange[];
  readonly asks: readonly LevelChange[];
};

export class DepthView {
  readonly #bids: DepthSide;
  readonly #asks: DepthSide;

  /** @param depth levels a side, at least 1 */
  constructor(book: MarketBook, depth: number) {
    this.#bids = new DepthSide(book.bids, 'buy', depth);
    this.#asks = new DepthSide(book.asks, 'sell', depth);
  }

  /** @returns what subscribers have, best first: a book snapshot. */
  snapshot(): DepthChange {
    return { bids: this.#bids.snapshot(), asks: this.#asks.snapshot() };
  }

  /** Goes on to the book's present state. @returns what changed; empty when nothing did. */
  advance(touched: TouchedPrices): DepthChange {
    return { bids: this.#bids.advance(touched.bids), asks: this.#asks.advance(touched.asks) };
  }

  /** @returns present totals at these prices: the merged update of a slow subscriber. */
  totalsAt(prices: TouchedPrices): DepthChange {
    return { bids: this.#bids.totalsAt(prices.bids), asks: this.#asks.totalsAt(prices.asks) };
  }
}

class DepthSide {
  readonly #levels: SideLevels;
  readonly #depth: number;
  readonly #sign: 1 | -1;
  #shown = new Map<number, LevelChange>();
  /** Price of the worst level shown, while as many are shown as the depth allows. */
  #worstUnits: number | undefined;

  constructor(levels: SideLevels, side: Side, depth: number) {
    this.#levels = levels;
    this.#depth = depth;
    this.#sign = side === 'buy' ? 1 : -1;
    this.#show(levels.top(depth));
  }

  snapshot(): LevelChange[] {
    return this.#levels.top(this.#depth).map(toChange);
  }

  advance(touched: ReadonlySet<number>): LevelChange[] {
    if (touched.size === 0) return [];
    const changes: LevelChange[] = [];
    for (const priceUnits of touched) {
      const level = this.#levels.findLevel(priceUnits);
      const had = this.#shown.get(priceUnits);
      if (had === undefined && (level === undefined || this.#isBelowTop(priceUnits))) continue;
      if (had !== undefined && level !== undefined) {
        if (!isSame(had, level)) changes.push(toChange(level));
      } else if (this.#levels.levelCount > this.#depth || this.#worstUnits !== undefined) {
        return this.#showAnew();
      } else {
        changes.push(level === undefined ? removal(priceUnits) : toChange(level));
      }
    }
    for (const change of changes) this.#apply(change);
    if (this.#shown.size === this.#depth && this.#worstUnits === undefined) {
      this.#show(this.#levels.top(this.#depth));
    }
    return changes;
  }

  totalsAt(prices: ReadonlySet<number>): LevelChange[] {
    return [...prices].map((priceUnits) => this.#shown.get(priceUnits) ?? removal(priceUnits));
  }

  #isBelowTop(priceUnits: number): boolean {
    return this.#worstUnits !== undefined && (priceUnits - this.#worstUnits) * this.#sign < 0;
  }

  #apply(change: LevelChange): void {
    if (change.quantityUnits === 0) this.#shown.delete(change.priceUnits);
    else this.#shown.set(change.priceUnits, change);
  }

  #show(top: readonly Level[]): void {
    this.#shown = new Map(top.map((level) => [level.priceUnits, toChange(level)]));
    const worst = top[this.#depth - 1];
    this.#worstUnits = worst?.priceUnits;
  }

  /** Reads the top again. @returns how it differs from what was shown. */
  #showAnew(): LevelChange[] {
    const before = this.#shown;
    this.#show(this.#levels.top(this.#depth));
    const changes: LevelChange[] = [];
    for (const priceUnits of before.keys()) {
      if (!this.#shown.has(priceUnits)) changes.push(removal(priceUnits));
    }
    for (const [priceUnits, level] of this.#shown) {
      const had = before.get(priceUnits);
      if (had === undefined || !isSame(had, level)) changes.push(level);
    }
    return changes;
  }
}

function isSame(had: LevelChange, level: LevelChange): boolean {
  return had.quantityUnits === level.quantityUnits && had.orderCount === level.orderCount;
}

function toChange(level: Level): LevelChange {
  const { priceUnits, quantityUnits, orderCount } = level;
  return { priceUnits, quantityUnits, orderCount };
}

function removal(priceUnits: number): LevelChange {
  return { priceUnits, quantityUnits: 0, orderCount: 0 };
}
