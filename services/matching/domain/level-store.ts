// The price levels of all books of a shard, side by side: a queue of orders by age at each. Which
// level stands at a price, and which one is next in price, PricePages tells.
//
// A level is named by its handle, the index of its first 32-bit word: 32-bit fields are at
// `words[handle + FIELD]`, 64-bit floats at `floats[(handle >>> 1) + FIELD]`. Handle 0 is none.

import { assert } from '../../lib/base/assert.ts';
import { grownCapacity } from './handle-table.ts';
import * as levelFields from './level-fields.ts';
import type { OrderStore } from './order-store.ts';
import * as orderFields from './order-store.ts';

export * from './level-fields.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { LEVEL, NEXT, PREVIOUS } = orderFields;
const { LEVEL_PRICE, LEVEL_QUANTITY, FIRST, LAST, ORDER_COUNT, SIDE_NUMBER } = levelFields;

const LEVEL_WORDS = 8;

const FIRST_CAPACITY = 8;
/** Levels that 32-bit handles can name. */
const MAXIMUM_CAPACITY = 2 ** 31 / LEVEL_WORDS - 1;

/** Price levels, with the free ones chained. */
export class LevelStore {
  words: Int32Array;
  floats: Float64Array;
  readonly #orders: OrderStore;
  #capacity = FIRST_CAPACITY;
  #free = 0;
  #used = 0;

  constructor(orders: OrderStore) {
    this.#orders = orders;
    this.words = new Int32Array((FIRST_CAPACITY + 1) * LEVEL_WORDS);
    this.floats = new Float64Array(this.words.buffer);
  }

  get byteLength(): number {
    return this.words.byteLength;
  }

  /** A new level, without orders, of a side that has none at the price. */
  allocate(sideNumber: number, priceUnits: number): number {
    let level = this.#free;
    if (level !== 0) this.#free = this.words[level + FIRST] as number;
    else {
      if (this.#used === this.#capacity) this.#grow();
      this.#used += 1;
      level = this.#used * LEVEL_WORDS;
    }
    const { words, floats } = this;
    floats[(level >>> 1) + LEVEL_PRICE] = priceUnits;
    floats[(level >>> 1) + LEVEL_QUANTITY] = 0;
    words[level + FIRST] = 0;
    words[level + LAST] = 0;
    words[level + ORDER_COUNT] = 0;
    words[level + SIDE_NUMBER] = sideNumber;
    return level;
  }

  /** Takes out a level that has no orders. */
  release(level: number): void {
    this.words[level + SIDE_NUMBER] = -1;
    this.words[level + FIRST] = this.#free;
    this.#free = level;
  }

  /** Puts an order with so much open at the back of a level's queue (MAT-1). */
  append(level: number, order: number, openUnits: number): void {
    const { words, floats } = this;
    const { words: orders } = this.#orders;
    const last = words[level + LAST] as number;
    orders[order + LEVEL] = level;
    orders[order + NEXT] = 0;
    orders[order + PREVIOUS] = last;
    if (last === 0) words[level + FIRST] = order;
    else orders[last + NEXT] = order;
    words[level + LAST] = order;
    words[level + ORDER_COUNT] = (words[level + ORDER_COUNT] as number) + 1;
    const quantity = floats[(level >>> 1) + LEVEL_QUANTITY] as number;
    floats[(level >>> 1) + LEVEL_QUANTITY] = quantity + openUnits;
  }

  /**
   * Takes an order out of its level's queue, wherever it stands, with what it has open (MAT-5).
   *
   * @returns how many orders are left in the level
   */
  unlink(order: number, openUnits: number): number {
    const { words, floats } = this;
    const { words: orders } = this.#orders;
    const level = orders[order + LEVEL] as number;
    const next = orders[order + NEXT] as number;
    const previous = orders[order + PREVIOUS] as number;
    if (previous === 0) words[level + FIRST] = next;
    else orders[previous + NEXT] = next;
    if (next === 0) words[level + LAST] = previous;
    else orders[next + PREVIOUS] = previous;
    const quantity = floats[(level >>> 1) + LEVEL_QUANTITY] as number;
    floats[(level >>> 1) + LEVEL_QUANTITY] = quantity - openUnits;
    orders[order + LEVEL] = 0;
    const left = (words[level + ORDER_COUNT] as number) - 1;
    words[level + ORDER_COUNT] = left;
    return left;
  }

  #grow(): void {
    this.#capacity = grownCapacity(this.#capacity);
    assert(this.#capacity < MAXIMUM_CAPACITY, 'no room for more levels in one shard');
    const grown = new Int32Array((this.#capacity + 1) * LEVEL_WORDS);
    grown.set(this.words);
    this.words = grown;
    this.floats = new Float64Array(grown.buffer);
  }
}
