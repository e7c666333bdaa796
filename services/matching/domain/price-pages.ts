// Which prices of which side have a level, so that the next better or worse one is found at once.
// Prices stand in pages of 1,024: one bit for each price in 32 words, and one bit for each of these
// words that is not empty. A book mostly uses a few pages, which are found at once; which pages of
// a side are not empty, PriceBits tells. Only pages that hold something or did so lately exist, so
// that the market may move as far as it likes and prices may lie as far apart as they like: there
// is no window.
import { grownCapacity } from './handle-table.ts';
import { lowestBit, PriceBits } from './price-bits.ts';

/** Bits of a price within its page. */
const PAGE_BITS = 10;
const PAGE_PRICES = 2 ** PAGE_BITS;
const TWO_TO_31 = 2 ** 31;
const TWO_TO_32 = 2 ** 32;

// 32-bit words of a page, from its handle; handle 0 is none.
/** Its place, the price without its last ten bits: low and high word. */
const PLACE = 0;
const PLACE_HIGH = 1;
/** Number of the side, plus 1; 0 for a page that is free. */
const OWNER = 2;
/** One bit for each of the following words that is not empty. */
const SUMMARY = 3;
/** The first of 32 words of prices. */
const PRICES = 4;
const PAGE_WORDS = 36;

const FIRST_CAPACITY = 2;

/** The prices that exist, of all sides of a shard. */
export class PricePages {
  #words = new Int32Array((FIRST_CAPACITY + 1) * PAGE_WORDS);
  #capacity = FIRST_CAPACITY;
  #used = 0;
  /** Pages by hash of side and place; at most half full. */
  #table = new Int32Array(FIRST_CAPACITY * 2);
  /** Pages of each side that are not empty, by place plus 1. */
  readonly #filled = new PriceBits();

  get byteLength(): number {
    return this.#words.byteLength + this.#table.byteLength + this.#filled.byteLength;
  }

  /** Adds a price of a side, from 1 to 2^53 - 1. */
  add(sideNumber: number, priceUnits: number): void {
    const place = placeOf(priceUnits);
    const page = this.#obtain(sideNumber + 1, place);
    const words = this.#words;
    const word = (priceUnits >>> 5) & 31;
    const at = page + PRICES + word;
    const before = words[at] as number;
    words[at] = before | (1 << (priceUnits & 31));
    if (before !== 0) return;
    const summary = words[page + SUMMARY] as number;
    words[page + SUMMARY] = summary | (1 << word);
    if (summary === 0) this.#filled.add(sideNumber, place + 1);
  }

  /** Takes out a price of a side that is there. */
  remove(sideNumber: number, priceUnits: number): void {
    const place = placeOf(priceUnits);
    const page = this.#find(sideNumber + 1, place);
    const words = this.#words;
    const word = (priceUnits >>> 5) & 31;
    const at = page + PRICES + word;
    const after = (words[at] as number) & ~(1 << (priceUnits & 31));
    words[at] = after;
    if (after !== 0) return;
    const summary = (words[page + SUMMARY] as number) & ~(1 << word);
    words[page + SUMMARY] = summary;
    if (summary === 0) this.#filled.remove(sideNumber, place + 1);
  }

  /** The next lower price of a side; 0 when there is none. */
  below(sideNumber: number, priceUnits: number): number {
    const place = placeOf(priceUnits);
    const page = this.#find(sideNumber + 1, place);
    if (page !== 0) {
      const words = this.#words;
      const word = (priceUnits >>> 5) & 31;
      const base = priceUnits - (priceUnits & (PAGE_PRICES - 1));
      const bits = (words[page + PRICES + word] as number) & ((1 << (priceUnits & 31)) - 1);
      if (bits !== 0) return base + word * 32 + 31 - Math.clz32(bits);
      const lower = (words[page + SUMMARY] as number) & ((1 << word) - 1);
      if (lower !== 0) return base + this.#highestOf(page, lower);
    }
    const next = this.#filled.below(sideNumber, place + 1);
    if (next === 0) return 0;
    const other = this.#find(sideNumber + 1, next - 1);
    return (
      (next - 1) * PAGE_PRICES + this.#highestOf(other, this.#words[other + SUMMARY] as number)
    );
  }

  /** The next higher price of a side; 0 when there is none. */
  above(sideNumber: number, priceUnits: number): number {
    const place = placeOf(priceUnits);
    const page = this.#find(sideNumber + 1, place);
    if (page !== 0) {
      const words = this.#words;
      const word = (priceUnits >>> 5) & 31;
      const base = priceUnits - (priceUnits & (PAGE_PRICES - 1));
      const bits = (words[page + PRICES + word] as number) & ~((2 << (priceUnits & 31)) - 1);
      if (bits !== 0) return base + word * 32 + lowestBit(bits);
      const higher = (words[page + SUMMARY] as number) & ~((2 << word) - 1);
      if (higher !== 0) return base + this.#lowestOf(page, higher);
    }
    const next = this.#filled.above(sideNumber, place + 1);
    if (next === 0) return 0;
    const other = this.#find(sideNumber + 1, next - 1);
    return (next - 1) * PAGE_PRICES + this.#lowestOf(other, this.#words[other + SUMMARY] as number);
  }

  /** The highest price in the words that a summary names, within its page. */
  #highestOf(page: number, summary: number): number {
    const word = 31 - Math.clz32(summary);
    return word * 32 + 31 - Math.clz32(this.#words[page + PRICES + word] as number);
  }

  /** The lowest price in the words that a summary names, within its page. */
  #lowestOf(page: number, summary: number): number {
    const word = lowestBit(summary);
    return word * 32 + lowestBit(this.#words[page + PRICES + word] as number);
  }

  /** Handle of a page; 0 when there is none. */
  #find(owner: number, place: number): number {
    const table = this.#table;
    const words = this.#words;
    const mask = table.length - 1;
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
    const mask = table.length - 1;
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
      if (before[number * PAGE_WORDS + SUMMARY] !== 0) pages.push(number * PAGE_WORDS);
    }
    if (pages.length * 4 > this.#capacity * 3) this.#capacity = grownCapacity(this.#capacity);
    this.#words = new Int32Array((this.#capacity + 1) * PAGE_WORDS);
    let size = this.#table.length;
    while (size < this.#capacity * 2) size *= 2;
    this.#table = new Int32Array(size);
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
