// The records of all orders of a shard, side by side in one buffer: no object per order, and what
// one command touches of an order lies in one or two cache lines.
//
// An order is named by its handle, the index of its first 32-bit word: 32-bit fields are at
// `words[handle + FIELD]`, 64-bit floats at `floats[(handle >>> 1) + FIELD]`. Handle 0 is nobody.
import { assert } from '../../lib/base/assert.ts';

/** Length of a record in 32-bit words: 96 bytes. */
export const RECORD_WORDS = 24;

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
/** Σ notional × rate of the fills, rest in millionths of a smallest unit, 0 to 999,999. */
export const FEE_PART = 10;
/** What the state checksum counts for this order; see checksum.ts. */
export const HASH = 11;
/** Next younger order of the price level; of a free record the next free one. */
export const NEXT = 12;
/** Next older order of the price level. */
export const PREVIOUS = 13;
/** Level where the order rests; 0 while it does not. */
export const LEVEL = 14;
/** Account and instrument that the order is counted under; 0 while it never rested. */
export const HOLDER = 15;
/** Next younger order of the holder. */
export const HOLDER_NEXT = 16;
/** Next older order of the holder. */
export const HOLDER_PREVIOUS = 17;
export const ACCOUNT = 18;
/** From 1, raised by each amend. */
export const VERSION = 19;
/** The three rates, packed into two words; see `packRates`. */
export const RATES = 20;
/** The bits below, and above them the self-trade prevention. */
export const FLAGS = 22;
/** Whose orders it does not trade with: an account, or a self-trade group (STP-1). */
export const OWNER = 23;

/** The order sells. */
export const SELLS = 1;
/** The order must not take (TYP-6). */
export const POST_ONLY = 2;
/** FEE_WHOLE holds a 64-bit integer, because it passed 2^53. */
export const WIDE_FEE = 4;
/** More is known of the order than its record has room for. */
export const HAS_EXTRAS = 8;
/** OWNER is a self-trade group: an account and a group of one number are two owners. */
export const OWNED_BY_GROUP = 16;
/** Place of the self-trade prevention in the flags, its last bits. */
export const PREVENTION_SHIFT = 5;

/** Bits of a rate, which lies within a million either side of zero. */
const RATE_BITS = 21;
/** Bits of the second of three rates that the first word has room for. */
const RATE_BITS_BEFORE = 32 - RATE_BITS;

const FIRST_CAPACITY = 1024;
/** Orders that 32-bit handles can name. */
const MAXIMUM_CAPACITY = Math.floor(2 ** 31 / RECORD_WORDS) - 1;

/** Records of orders, with the free ones chained. */
export class OrderStore {
  words: Int32Array;
  floats: Float64Array;
  /** The same bytes as 64-bit integers, for sums beyond 2^53. */
  wide: BigInt64Array;
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
    return this.words.byteLength;
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

  /** Whether two orders have one owner (STP-1). */
  haveOneOwner(one: number, other: number): boolean {
    const { words } = this;
    if (words[one + OWNER] !== words[other + OWNER]) return false;
    const differing = (words[one + FLAGS] as number) ^ (words[other + FLAGS] as number);
    return (differing & OWNED_BY_GROUP) === 0;
  }

  #grow(): void {
    assert(this.#capacity < MAXIMUM_CAPACITY, 'no room for more orders in one shard');
    this.#capacity = Math.min(this.#capacity * 2, MAXIMUM_CAPACITY);
    const grown = new Int32Array((this.#capacity + 1) * RECORD_WORDS);
    grown.set(this.words);
    this.words = grown;
    this.floats = new Float64Array(grown.buffer);
    this.wide = new BigInt64Array(grown.buffer);
  }
}
