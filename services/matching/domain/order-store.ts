// The records of all orders of a shard, side by side in one buffer: no object per order, and what
// one command touches of an order lies in one or two cache lines.
//
// An order is named by its handle, the index of its first 32-bit word: 32-bit fields are at
// `words[handle + FIELD]`, 64-bit floats at `floats[(handle >>> 1) + FIELD]`. Handle 0 is nobody.
import { assert } from '../../lib/base/assert.ts';
import { grownCapacity } from './handle-table.ts';
import * as orderFields from './order-fields.ts';

export * from './order-fields.ts';

// Constants of this file: the compiler folds them, and loads imported and exported ones each time.
const { RECORD_WORDS, NEXT, ACCOUNT, RATES, FLAGS, OWNED_BY_GROUP } = orderFields;

/** Place of the fees' rest in the flags, twenty bits; see `feePart`. */
const FEE_SHIFT = 8;

/** Bits of a rate, which lies within a million either side of zero. */
const RATE_BITS = 21;
/** Bits of the second of three rates that the first word has room for. */
const RATE_BITS_BEFORE = 32 - RATE_BITS;

const FIRST_CAPACITY = 16;
/** Orders that 32-bit handles can name. */
const MAXIMUM_CAPACITY = Math.floor(2 ** 31 / RECORD_WORDS) - 1;

/** Records of orders, with the free ones chained. */
export class OrderStore {
  words: Int32Array;
  floats: Float64Array;
  /** The same bytes as 64-bit integers, for sums beyond 2^53. */
  wide: BigInt64Array;
  /** Self-trade groups by record; made for the first order that has one: most never do. */
  #groups: Int32Array | undefined;
  #capacity: number;
  #free = 0;
  #used = 0;

  constructor(capacity = FIRST_CAPACITY) {
    this.#capacity = capacity;
    const buffer = new ArrayBuffer((capacity + 1) * RECORD_WORDS * 4);
    this.words = new Int32Array(buffer);
    this.floats = new Float64Array(buffer);
    this.wide = new BigInt64Array(buffer);
  }

  /** Bytes that the records take, free ones included. */
  get byteLength(): number {
    return this.words.byteLength + (this.#groups?.byteLength ?? 0);
  }

  /** A record whose fields are still what they were; the caller sets every one. */
  allocate(): number {
    const order = this.#free;
    if (order !== 0) {
      this.#free = this.words[order + NEXT] as number;
      return order;
    }
    if (this.#used === this.#capacity) this.#grow();
    this.#used += 1;
    return this.#used * RECORD_WORDS;
  }

  /** Gives a record back. Nothing may name it any more. */
  release(order: number): void {
    this.words[order + NEXT] = this.#free;
    this.#free = order;
  }

  /** Sets what an order pays, in millionths of the notional: as maker, as taker, in an uncross. */
  packRates(order: number, makerPpm: number, takerPpm: number, auctionPpm: number): void {
    this.words[order + RATES] = (makerPpm & ((1 << RATE_BITS) - 1)) | (takerPpm << RATE_BITS);
    this.words[order + RATES + 1] = ((takerPpm >> RATE_BITS_BEFORE) & 0x3ff) | (auctionPpm << 10);
  }

  /** Rate as a maker, in millionths of the notional. */
  makerRatePpm(order: number): number {
    return ((this.words[order + RATES] as number) << RATE_BITS_BEFORE) >> RATE_BITS_BEFORE;
  }

  /** Rate as a taker, in millionths of the notional. */
  takerRatePpm(order: number): number {
    const low = (this.words[order + RATES] as number) >>> RATE_BITS;
    return (((this.words[order + RATES + 1] as number) << 22) >> 11) | low;
  }

  /** Rate in an uncross, in millionths of the notional. */
  auctionRatePpm(order: number): number {
    return (this.words[order + RATES + 1] as number) >> 10;
  }

  /** Σ notional × rate of the fills, rest in millionths of a smallest unit, 0 to 999,999. */
  feePart(order: number): number {
    return (this.words[order + FLAGS] as number) >>> FEE_SHIFT;
  }

  setFeePart(order: number, part: number): void {
    const flags = (this.words[order + FLAGS] as number) & ((1 << FEE_SHIFT) - 1);
    this.words[order + FLAGS] = flags | (part << FEE_SHIFT);
  }

  /** Self-trade group of an order; 0 when its owner is its account. */
  groupOf(order: number): number {
    if (((this.words[order + FLAGS] as number) & OWNED_BY_GROUP) === 0) return 0;
    return (this.#groups?.[(order / RECORD_WORDS) >>> 0] ?? 0) >>> 0;
  }

  /** Sets the self-trade group of an order that has the flag. */
  setGroup(order: number, group: number): void {
    this.#groups ??= new Int32Array(this.#capacity + 1);
    this.#groups[(order / RECORD_WORDS) >>> 0] = group;
  }

  /** Whether two orders have one owner: an account and a group of one number are two (STP-1). */
  haveOneOwner(one: number, other: number): boolean {
    const { words } = this;
    const flags = (words[one + FLAGS] as number) | (words[other + FLAGS] as number);
    if ((flags & OWNED_BY_GROUP) === 0) return words[one + ACCOUNT] === words[other + ACCOUNT];
    return this.groupOf(one) === this.groupOf(other);
  }

  #grow(): void {
    assert(this.#capacity < MAXIMUM_CAPACITY, 'no room for more orders in one shard');
    this.#capacity = Math.min(grownCapacity(this.#capacity), MAXIMUM_CAPACITY);
    const grown = new Int32Array((this.#capacity + 1) * RECORD_WORDS);
    grown.set(this.words);
    this.words = grown;
    this.floats = new Float64Array(grown.buffer);
    this.wide = new BigInt64Array(grown.buffer);
    if (this.#groups === undefined) return;
    const groups = new Int32Array(this.#capacity + 1);
    groups.set(this.#groups);
    this.#groups = groups;
  }
}
