// The records of all orders of a shard, side by side in one buffer: no object per order, and what
// one command touches of an order lies in one or two cache lines.
//
// An order is named by its handle, the index of its first 32-bit word: 32-bit fields are at
// `words[handle + FIELD]`, 64-bit floats at `floats[(handle >>> 1) + FIELD]`. Handle 0 is nobody.
import { assert } from '../../lib/base/assert.ts';
import { grownCapacity } from './handle-table.ts';

/** Length of a record in 32-bit words: 88 bytes. */
export const RECORD_WORDS = 22;

// 64-bit floats.
/** The account's count of placements: with the account number the order id. */
export const PLACEMENT = 0;
/** Open, in quantity units. */
export const REMAINING = 1;
/** Total, in quantity units: what is filled plus what is open. */
export const QUANTITY = 2;
/** Number that the book gave the order when it took its place: the smaller, the earlier. */
export const ARRIVAL = 3;
/** Σ notional × rate of the fills (SET-2), whole part in smallest units; see order-fees.ts. */
export const FEE_WHOLE = 4;

// 32-bit words.
/** What the state checksum counts for this order; see checksum.ts. */
export const HASH = 10;
/** Next younger order of the price level; of a free record the next free one. */
export const NEXT = 11;
/** Next older order of the price level. */
export const PREVIOUS = 12;
/** Level where the order rests; 0 while it does not. */
export const LEVEL = 13;
/** Account and instrument that the order is counted under; 0 while it never rested. */
export const HOLDER = 14;
/** Next younger order of the holder. */
export const HOLDER_NEXT = 15;
/** Next older order of the holder. */
export const HOLDER_PREVIOUS = 16;
export const ACCOUNT = 17;
/** From 1, raised by each amend. */
export const VERSION = 18;
/** The three rates, packed into two words; see `packRates`. */
export const RATES = 19;
/** The bits below, above them the self-trade prevention, and above that the fees' rest. */
export const FLAGS = 21;

/** The order sells. */
export const SELLS = 1;
/** The order must not take (TYP-6). */
export const POST_ONLY = 2;
/** FEE_WHOLE holds a 64-bit integer, because it passed 2^53. */
export const WIDE_FEE = 4;
/** More is known of the order than its record has room for. */
export const HAS_EXTRAS = 8;
/** Its owner is a self-trade group, not its account (STP-1); see `groupOf`. */
export const OWNED_BY_GROUP = 16;
/** Place of the self-trade prevention in the flags, three bits. */
export const PREVENTION_SHIFT = 5;
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
