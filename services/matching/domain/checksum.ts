// The incremental checksum of the orders that rest (SNAP-3): every resting order counts with a
// hash of all that can influence the future, its place in the queue included; adding, changing
// and removing one costs one hash at most. The small rest of the state is hashed when asked for.

import type { LevelStore } from './level-store.ts';
import * as levelFields from './level-store.ts';
import type { OrderStore } from './order-store.ts';
import * as orderFields from './order-store.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { LEVEL_PRICE, SIDE_NUMBER } = levelFields;
const { ACCOUNT, FLAGS, HASH, LEVEL, RATES, VERSION } = orderFields;

const TWO_TO_32 = 2 ** 32;

/** Mixes one 32-bit word into a hash. */
export function mixWord(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

/** Mixes a whole number below 2^53 into a hash. */
export function mixNumber(hash: number, value: number): number {
  return mixWord(mixWord(hash, value | 0), (value / TWO_TO_32) | 0);
}

/** Mixes a text into a hash. */
export function mixText(hash: number, text: string): number {
  let mixed = mixWord(hash, text.length);
  for (let index = 0; index < text.length; index += 1) {
    mixed = mixWord(mixed, text.charCodeAt(index));
  }
  return mixed;
}

/** Mixes what every field of a flat record holds, by their names in order. */
export function mixFields(hash: number, record: Readonly<Record<string, unknown>>): number {
  let mixed = hash;
  for (const key of Object.keys(record).sort((a, b) => (a < b ? -1 : 1))) {
    mixed = mixText(mixed, `${key}=${String(record[key])}`);
  }
  return mixed;
}

/** Changes that wait to be counted: room for so many at first, and at most. */
const FIRST_PENDING = 32;
const MAXIMUM_PENDING = 4096;

/**
 * Running checksum of the resting orders of a shard. What has changed is counted a little later,
 * at the latest when the checksum is asked for: most orders are gone before.
 */
export class OrderChecksum {
  readonly #orders: OrderStore;
  readonly #levels: LevelStore;
  /** Orders to be counted; some have left the book since, or stand here twice. */
  #pending = new Int32Array(FIRST_PENDING);
  #pendingCount = 0;
  /** Two sums of the orders' hashes, each mixed in its own way. */
  #sum = 0;
  #secondSum = 0;

  constructor(orders: OrderStore, levels: LevelStore) {
    this.#orders = orders;
    this.#levels = levels;
  }

  get sum(): number {
    this.#countPending();
    return this.#sum;
  }

  get secondSum(): number {
    this.#countPending();
    return this.#secondSum;
  }

  /** Counts an order that has come to rest. */
  add(order: number): void {
    this.#orders.words[order + HASH] = 0;
    if (this.#pendingCount === this.#pending.length) this.#makeRoom();
    this.#pending[this.#pendingCount] = order;
    this.#pendingCount += 1;
  }

  /** Counts a resting order anew after one of its fields has changed. */
  change(order: number): void {
    if (this.#orders.words[order + HASH] === 0) return;
    this.remove(order);
    this.add(order);
  }

  /** Counts an order no more that leaves the book. */
  remove(order: number): void {
    const counted = this.#orders.words[order + HASH] as number;
    if (counted === 0) return;
    this.#sum = (this.#sum - mixed(counted)) | 0;
    this.#secondSum = (this.#secondSum - mixedAgain(counted)) | 0;
  }

  /** More room only where it helps, because most are gone when they are to be counted. */
  #makeRoom(): void {
    if (this.#countPending() * 2 > this.#pending.length) return;
    const room = Math.min(this.#pending.length * 2, MAXIMUM_PENDING);
    if (room > this.#pending.length) this.#pending = new Int32Array(room);
  }

  /** @returns how many were still to be counted */
  #countPending(): number {
    const { words } = this.#orders;
    let counted = 0;
    for (let place = 0; place < this.#pendingCount; place += 1) {
      const order = this.#pending[place] as number;
      if (words[order + LEVEL] === 0 || words[order + HASH] !== 0) continue;
      const hash = this.#hashOf(order);
      words[order + HASH] = hash;
      counted += 1;
      this.#sum = (this.#sum + mixed(hash)) | 0;
      this.#secondSum = (this.#secondSum + mixedAgain(hash)) | 0;
    }
    this.#pendingCount = 0;
    return counted;
  }

  /** Whether a resting order counts with the hash that it has now. */
  isCounted(order: number): boolean {
    this.#countPending();
    return this.#orders.words[order + HASH] === this.#hashOf(order);
  }

  /**
   * A sum of words times odd numbers, each word with one of its own: no product waits for another.
   * Two orders that differ in one word never have the same sum.
   */
  #hashOf(order: number): number {
    const { words } = this.#orders;
    const { words: levels } = this.#levels;
    const level = words[order + LEVEL] as number;
    // The floats of a record are its first words, up to the fee.
    const sum =
      (0x2545f491 +
        Math.imul(words[order] as number, 0x9e3779b1) +
        Math.imul(words[order + 1] as number, 0x85ebca77) +
        Math.imul(words[order + 2] as number, 0xc2b2ae3d) +
        Math.imul(words[order + 3] as number, 0x27d4eb2f) +
        Math.imul(words[order + 4] as number, 0x165667b1) +
        Math.imul(words[order + 5] as number, 0xd6e8feb9) +
        Math.imul(words[order + 6] as number, 0xcc9e2d51) +
        Math.imul(words[order + 7] as number, 0x1b873593) +
        Math.imul(words[order + 8] as number, 0xe6546b65) +
        Math.imul(words[order + 9] as number, 0x38b34ae5) +
        Math.imul(words[order + ACCOUNT] as number, 0x7feb352d) +
        Math.imul(words[order + VERSION] as number, 0x846ca68b) +
        Math.imul(words[order + RATES] as number, 0xd35a2d97) +
        Math.imul(words[order + RATES + 1] as number, 0xb5297a4d) +
        Math.imul(words[order + FLAGS] as number, 0x68e31da5) +
        Math.imul(this.#orders.groupOf(order), 0x1b56c4e9) +
        Math.imul(levels[level + SIDE_NUMBER] as number, 0x9e3779f9) +
        Math.imul(levels[level + LEVEL_PRICE * 2] as number, 0x45d9f3b5) +
        Math.imul(levels[level + LEVEL_PRICE * 2 + 1] as number, 0x119de1f3)) |
      0;
    // 0 stands for an order that is not counted.
    return sum === 0 ? 1 : sum;
  }
}

/** Spreads a hash over all bits; 0 stays 0, so that an order not counted counts nothing. */
function mixed(hash: number): number {
  const product = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return product ^ (product >>> 13);
}

/** Spreads it otherwise; 0 stays 0. */
function mixedAgain(hash: number): number {
  const product = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return product ^ (product >>> 12);
}
