// One side of one book: its price levels in order, the best one at hand (MAT-1, MAT-5, MAT-6).

import type { LevelStore } from './level-store.ts';
import * as levelFields from './level-store.ts';
import type { PricePages } from './price-pages.ts';
import type { Side } from './rules.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { LEVEL_PRICE } = levelFields;

/** Where the levels of all books of a shard live. */
export type LevelStores = { readonly levels: LevelStore; readonly pages: PricePages };

/** One side of a book. */
export class BookSide {
  readonly side: Side;
  /** Unique among the sides of the shard. */
  readonly number: number;
  /** Best level; 0 when the side is empty. */
  best = 0;
  /** Price of the best level, in price units; 0 when the side is empty. */
  bestPriceUnits = 0;
  /** Orders that rest on the side. */
  orderCount = 0;
  /** What they have open together, below 2^53. */
  quantityUnits = 0;
  /** Compared, not tested: the compiler does not know that it is a boolean. */
  readonly #isBids: boolean;
  readonly #levels: LevelStore;
  readonly #pages: PricePages;

  /** @param number unique among the sides of the shard */
  constructor(side: Side, number: number, stores: LevelStores) {
    this.side = side;
    this.number = number;
    this.#isBids = side === 'BUY';
    this.#levels = stores.levels;
    this.#pages = stores.pages;
  }

  /** Whether an incoming order with this limit would meet the side's best level (MAT-3). */
  isMetBy(limitUnits: number): boolean {
    if (this.best === 0) return false;
    return this.#isBids === true
      ? this.bestPriceUnits >= limitUnits
      : this.bestPriceUnits <= limitUnits;
  }

  /** The level at a price, made when it does not exist. */
  levelAt(priceUnits: number): number {
    const found = this.#pages.find(this.number, priceUnits);
    return found === 0 ? this.#addLevel(priceUnits) : found;
  }

  /** Level at a price; 0 when there is none. */
  findLevel(priceUnits: number): number {
    return this.#pages.find(this.number, priceUnits);
  }

  /** The next worse level; 0 when there is none. */
  worseThan(level: number): number {
    const price = this.#worsePrice(this.#levels.floats[(level >>> 1) + LEVEL_PRICE] as number);
    return price === 0 ? 0 : this.#pages.find(this.number, price);
  }

  /** Takes out a level that has no order left (MAT-5). */
  removeLevel(level: number): void {
    const priceUnits = this.#levels.floats[(level >>> 1) + LEVEL_PRICE] as number;
    this.#levels.release(level);
    this.#pages.remove(this.number, priceUnits);
    if (level !== this.best) return;
    this.bestPriceUnits = this.#worsePrice(priceUnits);
    this.best = this.bestPriceUnits === 0 ? 0 : this.#pages.find(this.number, this.bestPriceUnits);
  }

  #addLevel(priceUnits: number): number {
    const level = this.#levels.allocate(this.number, priceUnits);
    this.#pages.addNew(this.number, priceUnits, level);
    const isBest =
      this.#isBids === true
        ? priceUnits > this.bestPriceUnits
        : this.best === 0 || priceUnits < this.bestPriceUnits;
    if (isBest) {
      this.best = level;
      this.bestPriceUnits = priceUnits;
    }
    return level;
  }

  #worsePrice(priceUnits: number): number {
    return this.#isBids === true
      ? this.#pages.below(this.number, priceUnits)
      : this.#pages.above(this.number, priceUnits);
  }
}
