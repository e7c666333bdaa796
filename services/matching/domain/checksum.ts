// The incremental checksum of the orders that rest (SNAP-3): every resting order counts with a
// hash of all that can influence the future, its place in the queue included; adding, changing
// and removing one costs one hash at most. The small rest of the state is hashed when asked for.
import { LEVEL_PRICE, type LevelStore, SIDE_NUMBER } from './level-store.ts';
import {
  ACCOUNT,
  FEE_PART,
  FLAGS,
  HASH,
  LEVEL,
  type OrderStore,
  OWNER,
  RATES,
  VERSION,
} from './order-store.ts';

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

/** Running checksum of the resting orders of a shard. */
export class OrderChecksum {
  readonly #orders: OrderStore;
  readonly #levels: LevelStore;
  /** Sum of the orders' hashes, and of the hashes of those. */
  #sum = 0;
  #secondSum = 0;

  constructor(orders: OrderStore, levels: LevelStore) {
    this.#orders = orders;
    this.#levels = levels;
  }

  get sum(): number {
    return this.#sum;
  }

  get secondSum(): number {
    return this.#secondSum;
  }

  /** Counts an order that has come to rest. */
  add(order: number): void {
    this.#orders.words[order + HASH] = 0;
    this.change(order);
  }

  /** Counts a resting order anew after one of its fields has changed. */
  change(order: number): void {
    const { words } = this.#orders;
    const counted = words[order + HASH] as number;
    const hash = this.#hashOf(order);
    words[order + HASH] = hash;
    this.#sum = (this.#sum + hash - counted) | 0;
    this.#secondSum = (this.#secondSum + spread(hash) - spread(counted)) | 0;
  }

  /** Counts an order no more that leaves the book. */
  remove(order: number): void {
    const counted = this.#orders.words[order + HASH] as number;
    this.#sum = (this.#sum - counted) | 0;
    this.#secondSum = (this.#secondSum - spread(counted)) | 0;
  }

  /** Whether a resting order counts with the hash that it has now. */
  isCounted(order: number): boolean {
    return this.#orders.words[order + HASH] === this.#hashOf(order);
  }

  /** Two chains side by side, as a processor likes it. */
  #hashOf(order: number): number {
    const { words } = this.#orders;
    const { words: levels } = this.#levels;
    const level = words[order + LEVEL] as number;
    // The floats of a record are its first words, up to the fee.
    let amounts = mixWord(0x2545f491, words[order] as number);
    let terms = mixWord(0x27d4eb2f, levels[level + SIDE_NUMBER] as number);
    amounts = mixWord(amounts, words[order + 1] as number);
    terms = mixWord(terms, levels[level + LEVEL_PRICE * 2] as number);
    amounts = mixWord(amounts, words[order + 2] as number);
    terms = mixWord(terms, levels[level + LEVEL_PRICE * 2 + 1] as number);
    amounts = mixWord(amounts, words[order + 3] as number);
    terms = mixWord(terms, words[order + ACCOUNT] as number);
    amounts = mixWord(amounts, words[order + 4] as number);
    terms = mixWord(terms, words[order + VERSION] as number);
    amounts = mixWord(amounts, words[order + 5] as number);
    terms = mixWord(terms, words[order + RATES] as number);
    amounts = mixWord(amounts, words[order + 6] as number);
    terms = mixWord(terms, words[order + RATES + 1] as number);
    amounts = mixWord(amounts, words[order + 7] as number);
    terms = mixWord(terms, words[order + FLAGS] as number);
    terms = mixWord(terms, words[order + OWNER] as number);
    amounts = mixWord(amounts, words[order + 8] as number);
    terms = mixWord(terms, words[order + 9] as number);
    amounts = mixWord(amounts, words[order + FEE_PART] as number);
    return mixWord(amounts, terms);
  }
}

/** Spreads a hash over other bits; 0 stays 0, so that an order not counted counts nothing. */
function spread(hash: number): number {
  const product = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return product ^ (product >>> 13);
}
