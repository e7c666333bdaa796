// One side of one book: its price levels in order, the best one at hand (MAT-1, MAT-5, MAT-6).
import { BETTER, LEVEL_PRICE, type LevelStore, SIDE_NUMBER, WORSE } from './level-store.ts';
import { type ChunkStore, PriceLadder } from './price-ladder.ts';
import type { Side } from './rules.ts';

const CACHE_SIZE = 4096;

/**
 * Remembers at which handle a price was last found. No part of the state: a wrong entry is
 * noticed and only costs a search.
 */
export class LevelCache {
  readonly handles = new Int32Array(CACHE_SIZE);
}

/** Where the levels of all books of a shard live. */
export type LevelStores = {
  readonly levels: LevelStore;
  readonly chunks: ChunkStore;
  readonly cache: LevelCache;
};

/** One side of a book. */
export class BookSide {
  readonly side: Side;
  /** Unique among the sides of the shard. */
  readonly number: number;
  /** Best level; 0 when the side is empty. */
  best = 0;
  /** Orders that rest on the side. */
  orderCount = 0;
  /** What they have open together, below 2^53. */
  quantityUnits = 0;
  /** 1 for bids, -1 for asks: the higher of price times sign is the better one. */
  readonly #sign: number;
  readonly #levels: LevelStore;
  readonly #cache: LevelCache;
  readonly #ladder: PriceLadder;

  /** @param number unique among the sides of the shard */
  constructor(side: Side, number: number, stores: LevelStores) {
    this.side = side;
    this.number = number;
    this.#sign = side === 'BUY' ? 1 : -1;
    this.#levels = stores.levels;
    this.#cache = stores.cache;
    this.#ladder = new PriceLadder(stores.chunks);
  }

  /** Price of the best level, in price units; 0 when the side is empty. */
  get bestPriceUnits(): number {
    if (this.best === 0) return 0;
    return this.#levels.floats[(this.best >>> 1) + LEVEL_PRICE] as number;
  }

  /** Whether an incoming order with this limit would meet the side's best level (MAT-3). */
  isMetBy(limitUnits: number): boolean {
    if (this.best === 0) return false;
    const price = this.#levels.floats[(this.best >>> 1) + LEVEL_PRICE] as number;
    return (price - limitUnits) * this.#sign >= 0;
  }

  /** The level at a price, made when it does not exist. */
  levelAt(priceUnits: number): number {
    const { words, floats } = this.#levels;
    const slot = (priceUnits + this.number * 0x9e3b) & (CACHE_SIZE - 1);
    const cached = this.#cache.handles[slot] as number;
    if (
      floats[(cached >>> 1) + LEVEL_PRICE] === priceUnits &&
      words[cached + SIDE_NUMBER] === this.number
    ) {
      return cached;
    }
    const found = this.#ladder.find(this.#key(priceUnits));
    const level = found === 0 ? this.#addLevel(priceUnits) : found;
    this.#cache.handles[slot] = level;
    return level;
  }

  /** Level at a price; 0 when there is none. */
  findLevel(priceUnits: number): number {
    return this.#ladder.find(this.#key(priceUnits));
  }

  /** Takes out a level that has no order left (MAT-5). */
  removeLevel(level: number): void {
    const { words, floats } = this.#levels;
    const better = words[level + BETTER] as number;
    const worse = words[level + WORSE] as number;
    if (better === 0) this.best = worse;
    else words[better + WORSE] = worse;
    if (worse !== 0) words[worse + BETTER] = better;
    this.#ladder.remove(this.#key(floats[(level >>> 1) + LEVEL_PRICE] as number));
    this.#levels.release(level);
  }

  #addLevel(priceUnits: number): number {
    const level = this.#levels.allocate(this.number, priceUnits);
    const better = this.#ladder.add(this.#key(priceUnits), level);
    const { words } = this.#levels;
    const worse = better === 0 ? this.best : (words[better + WORSE] as number);
    words[level + BETTER] = better;
    words[level + WORSE] = worse;
    if (better === 0) this.best = level;
    else words[better + WORSE] = level;
    if (worse !== 0) words[worse + BETTER] = level;
    return level;
  }

  /** The ladder's best key is the highest: bids by price, asks by its negative. */
  #key(priceUnits: number): number {
    return priceUnits * this.#sign;
  }
}
