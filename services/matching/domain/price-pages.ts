// The price levels of all sides of a shard by price: which level stands at a price, and which price
// is the next better or worse one. Prices stand in pages of 32: one bit and the level's handle for
// each. A page is found by side and place in one look; which pages of a side may hold something,
// PriceBits tells: one that has become empty stays listed there until somebody looks for the next
// price and finds nothing in it, because most soon hold something again. Only pages that hold
// something or did so lately exist, so that the market may move as far as it likes and prices may
// lie as far apart as they like: there is no window.
import { grownCapacity } from './handle-table.ts';
import { lowestBit, PriceBits } from './price-bits.ts';

/** Bits of a price within its page. */
const PAGE_BITS = 5;
const PAGE_PRICES = 2 ** PAGE_BITS;
const TWO_TO_31 = 2 ** 31;
const TWO_TO_32 = 2 ** 32;

// 32-bit words of a page, from its handle; handle 0 is none.
/** Its place, the price without its last five bits: low and high word. */
const PLACE = 0;
const PLACE_HIGH = 1;
/** Number of the side, plus 1; 0 for a page that is free. */
const OWNER = 2;
/** One bit for each of the following words that is not 0. */
const BITS = 3;
/** The first of 32 handles of levels, by price. */
const LEVELS = 4;
/** 1 while the page is listed among those that may hold something. */
const LISTED = 36;
const PAGE_WORDS = 37;

const FIRST_CAPACITY = 2;

/** The levels that exist, of all sides of a shard, by price. */
export class PricePages {
  #words = new Int32Array((FIRST_CAPACITY + 1) * PAGE_WORDS);
  #capacity = FIRST_CAPACITY;
  #used = 0;
  /** Pages by hash of side and place; at most half full. */
  #table = new Int32Array(FIRST_CAPACITY * 2);
  #mask = FIRST_CAPACITY * 2 - 1;
  /** Where the last search ended; 0 when it found no page. */
  #found = 0;
  /** Pages of each side that may hold something, by place plus 1. */
  readonly #listed = new PriceBits();

  get byteLength(): number {
    return this.#words.byteLength + this.#table.byteLength + this.#listed.byteLength;
  }

  /** The level of a side at a price; 0 when there is none. */
  find(sideNumber: number, priceUnits: number): number {
    const page = this.#find(sideNumber + 1, placeOf(priceUnits));
    this.#found = page;
    return page === 0 ? 0 : (this.#words[page + LEVELS + (priceUnits & 31)] as number);
  }

  /** As `add`, for the side and price that were looked for last. */
  addNew(sideNumber: number, priceUnits: number, level: number): void {
    const page = this.#found;
    if (page === 0 || this.#words[page + LISTED] === 0) {
      this.add(sideNumber, priceUnits, level);
      return;
    }
    const words = this.#words;
    words[page + LEVELS + (priceUnits & 31)] = level;
    words[page + BITS] = (words[page + BITS] as number) | (1 << (priceUnits & 31));
  }

  /** Adds the level of a side at a price, from 1 to 2^53 - 1, where there is none. */
  add(sideNumber: number, priceUnits: number, level: number): void {
    const place = placeOf(priceUnits);
    const page = this.#obtain(sideNumber + 1, place);
    const words = this.#words;
    words[page + LEVELS + (priceUnits & 31)] = level;
    words[page + BITS] = (words[page + BITS] as number) | (1 << (priceUnits & 31));
    if (words[page + LISTED] !== 0) return;
    words[page + LISTED] = 1;
    this.#listed.add(sideNumber, place + 1);
  }

  /** Takes out the level of a side at a price. */
  remove(sideNumber: number, priceUnits: number): void {
    const page = this.#find(sideNumber + 1, placeOf(priceUnits));
    const words = this.#words;
    words[page + LEVELS + (priceUnits & 31)] = 0;
    words[page + BITS] = (words[page + BITS] as number) & ~(1 << (priceUnits & 31));
  }

  /** The next lower price of a side; 0 when there is none. */
  below(sideNumber: number, priceUnits: number): number {
    const place = placeOf(priceUnits);
    const page = this.#find(sideNumber + 1, place);
    if (page !== 0) {
      const bits = (this.#words[page + BITS] as number) & ((1 << (priceUnits & 31)) - 1);
      if (bits !== 0) return place * PAGE_PRICES + 31 - Math.clz32(bits);
    }
    for (;;) {
      const next = this.#listed.below(sideNumber, place + 1);
      if (next === 0) return 0;
      const bits = this.#bitsOf(sideNumber, next - 1);
      if (bits !== 0) return (next - 1) * PAGE_PRICES + 31 - Math.clz32(bits);
    }
  }

  /** The next higher price of a side; 0 when there is none. */
  above(sideNumber: number, priceUnits: number): number {
    const place = placeOf(priceUnits);
    const page = this.#find(sideNumber + 1, place);
    if (page !== 0) {
      const bits = (this.#words[page + BITS] as number) & ~((2 << (priceUnits & 31)) - 1);
      if (bits !== 0) return place * PAGE_PRICES + lowestBit(bits);
    }
    for (;;) {
      const next = this.#listed.above(sideNumber, place + 1);
      if (next === 0) return 0;
      const bits = this.#bitsOf(sideNumber, next - 1);
      if (bits !== 0) return (next - 1) * PAGE_PRICES + lowestBit(bits);
    }
  }

  /** Bits of a page that is listed; one without any is listed no more. */
  #bitsOf(sideNumber: number, place: number): number {
    const page = this.#find(sideNumber + 1, place);
    const bits = this.#words[page + BITS] as number;
    if (bits !== 0) return bits;
    this.#words[page + LISTED] = 0;
    this.#listed.remove(sideNumber, place + 1);
    return 0;
  }

  /** Handle of a page; 0 when there is none. */
  #find(owner: number, place: number): number {
    const table = this.#table;
    const words = this.#words;
    const mask = this.#mask;
    const low = place | 0;
    const high = place < TWO_TO_32 ? 0 : (place / TWO_TO_32) | 0;
    for (let slot = pageHash(owner, low, high) & mask; ; slot = (slot + 1) & mask) {
      const page = table[slot] as number;
      if (page === 0) return 0;
      if (words[page + PLACE] !== low || words[page + OWNER] !== owner) continue;
      if (words[page + PLACE_HIGH] === high) return page;
    }
  }

  #obtain(owner: number, place: number): number {
    const found = this.#find(owner, place);
    if (found !== 0) return found;
    if (this.#used === this.#capacity) this.#makeRoom();
    this.#used += 1;
    const page = this.#used * PAGE_WORDS;
    const words = this.#words;
    words[page + PLACE] = place | 0;
    words[page + PLACE_HIGH] = (place / TWO_TO_32) | 0;
    words[page + OWNER] = owner;
    this.#enter(page);
    return page;
  }

  #enter(page: number): void {
    const words = this.#words;
    const table = this.#table;
    const mask = this.#mask;
    const low = words[page + PLACE] as number;
    let slot = pageHash(words[page + OWNER] as number, low, words[page + PLACE_HIGH] as number);
    for (slot &= mask; table[slot] !== 0; ) slot = (slot + 1) & mask;
    table[slot] = page;
  }

  /** Drops the pages that have become empty, and grows when they are few. */
  #makeRoom(): void {
    const before = this.#words;
    const pages: number[] = [];
    for (let number = 1; number <= this.#used; number += 1) {
      const page = number * PAGE_WORDS;
      if (before[page + BITS] !== 0) pages.push(page);
      else if (before[page + LISTED] !== 0) {
        const place =
          ((before[page + PLACE] as number) >>> 0) +
          (before[page + PLACE_HIGH] as number) * TWO_TO_32;
        this.#listed.remove((before[page + OWNER] as number) - 1, place + 1);
      }
    }
    if (pages.length * 2 > this.#capacity) this.#capacity = grownCapacity(this.#capacity);
    this.#words = new Int32Array((this.#capacity + 1) * PAGE_WORDS);
    let size = this.#table.length;
    while (size < this.#capacity * 2) size *= 2;
    this.#table = new Int32Array(size);
    this.#mask = size - 1;
    this.#used = 0;
    for (const page of pages) {
      this.#used += 1;
      this.#words.set(before.subarray(page, page + PAGE_WORDS), this.#used * PAGE_WORDS);
      this.#enter(this.#used * PAGE_WORDS);
    }
  }
}

/** Place of the page that a price stands in. */
function placeOf(priceUnits: number): number {
  return priceUnits < TWO_TO_31 ? priceUnits >>> PAGE_BITS : Math.floor(priceUnits / PAGE_PRICES);
}

/** The pages of a book stand side by side, those of its bids between those of its asks. */
function pageHash(owner: number, low: number, high: number): number {
  return (low << 1) + ((owner - 1) & 1) + Math.imul(((owner - 1) >>> 1) ^ high, 0x9e3779b1);
}
