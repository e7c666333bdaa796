// Which prices of which side have a level, so that the next better or worse one is found at once:
// for each side a tree of 32-bit words, one bit for each price at the leaves, and in every word
// above one bit for each word below that is not empty. Storeys are added when a price needs one;
// eleven reach 2^53. Only words that hold something exist, so that the market may move as far as
// it likes and prices may lie as far apart as they like: there is no window.
//
// The words of all sides of a shard stand in one hash table, found by side, storey and place.

/** Highest storey at first: 5 bits of the number a storey, enough for a thousand. */
const FIRST_TOP = 1;
const STOREYS = 16;
const TWO_TO_31 = 2 ** 31;
const TWO_TO_32 = 2 ** 32;

/** 32-bit words of a slot: place in its storey, low and high; side and storey; bits. */
const SLOT_WORDS = 4;
const FIRST_SLOTS = 16;

/** The prices that exist, of all sides of a shard. */
export class PriceBits {
  #slots = new Int32Array(FIRST_SLOTS * SLOT_WORDS);
  #mask = FIRST_SLOTS - 1;
  /** Slots that are taken; the words of some may have become empty. */
  #used = 0;
  /** Highest storey: every side has one word there. */
  #top = FIRST_TOP;
  /** Prices below this one have a place under it. */
  #limit = 32 ** (FIRST_TOP + 1);

  get byteLength(): number {
    return this.#slots.byteLength;
  }

  /** Adds a price of a side, from 1 to 2^53 - 1. */
  add(sideNumber: number, priceUnits: number): void {
    while (priceUnits >= this.#limit) this.#raise();
    const owner = sideNumber * STOREYS + 1;
    let place = priceUnits;
    for (let storey = 0; storey <= this.#top; storey += 1) {
      const above = parentOf(place);
      const at = this.#obtain(above, owner + storey) + 3;
      const before = this.#slots[at] as number;
      this.#slots[at] = before | (1 << (place & 31));
      if (before !== 0) return;
      place = above;
    }
  }

  /** Takes out a price of a side that is there. */
  remove(sideNumber: number, priceUnits: number): void {
    const owner = sideNumber * STOREYS + 1;
    let place = priceUnits;
    for (let storey = 0; storey <= this.#top; storey += 1) {
      const above = parentOf(place);
      const at = this.#find(above, owner + storey) + 3;
      const after = (this.#slots[at] as number) & ~(1 << (place & 31));
      this.#slots[at] = after;
      if (after !== 0) return;
      place = above;
    }
  }

  /** The next lower price of a side; 0 when there is none. */
  below(sideNumber: number, priceUnits: number): number {
    while (priceUnits >= this.#limit) this.#raise();
    const owner = sideNumber * STOREYS + 1;
    let place = priceUnits;
    for (let storey = 0; storey <= this.#top; storey += 1) {
      const above = parentOf(place);
      const bits = this.#bitsOf(above, owner + storey) & ((1 << (place & 31)) - 1);
      if (bits !== 0) return this.#highest(owner, storey, above * 32 + 31 - Math.clz32(bits));
      place = above;
    }
    return 0;
  }

  /** The next higher price of a side; 0 when there is none. */
  above(sideNumber: number, priceUnits: number): number {
    if (priceUnits >= this.#limit) return 0;
    const owner = sideNumber * STOREYS + 1;
    let place = priceUnits;
    for (let storey = 0; storey <= this.#top; storey += 1) {
      const above = parentOf(place);
      const bits = this.#bitsOf(above, owner + storey) & ~((2 << (place & 31)) - 1);
      if (bits !== 0) return this.#lowest(owner, storey, above * 32 + lowestBit(bits));
      place = above;
    }
    return 0;
  }

  /** Adds a storey: one word a side, over its only one in the storey below. */
  #raise(): void {
    const before = this.#slots;
    const top = this.#top;
    this.#top += 1;
    this.#limit *= 32;
    for (let at = 0; at < before.length; at += SLOT_WORDS) {
      const owner = before[at + 2] as number;
      if ((owner - 1) % STOREYS !== top || owner === 0 || before[at + 3] === 0) continue;
      const above = this.#obtain(0, owner + 1) + 3;
      this.#slots[above] = 1;
    }
  }

  /** Highest price under a word that is not empty. */
  #highest(owner: number, storey: number, from: number): number {
    let place = from;
    for (let below = storey - 1; below >= 0; below -= 1) {
      place = place * 32 + 31 - Math.clz32(this.#bitsOf(place, owner + below));
    }
    return place;
  }

  /** Lowest price under a word that is not empty. */
  #lowest(owner: number, storey: number, from: number): number {
    let place = from;
    for (let below = storey - 1; below >= 0; below -= 1) {
      place = place * 32 + lowestBit(this.#bitsOf(place, owner + below));
    }
    return place;
  }

  #bitsOf(place: number, owner: number): number {
    // A slot that is not taken has no bits either.
    return this.#slots[this.#find(place, owner) + 3] as number;
  }

  /** Index of a word's slot, or of the free one where it would stand. */
  #find(place: number, owner: number): number {
    const slots = this.#slots;
    const low = place | 0;
    const high = place < TWO_TO_32 ? 0 : (place / TWO_TO_32) | 0;
    let slot = wordHash(low, high, owner) & this.#mask;
    for (;;) {
      const at = slot * SLOT_WORDS;
      const found = slots[at + 2] as number;
      if (found === 0) return at;
      if (found === owner && slots[at] === low && slots[at + 1] === high) return at;
      slot = (slot + 1) & this.#mask;
    }
  }

  #obtain(place: number, owner: number): number {
    let at = this.#find(place, owner);
    if (this.#slots[at + 2] !== 0) return at;
    if (this.#used * 2 >= this.#mask) {
      this.#rebuild();
      at = this.#find(place, owner);
    }
    this.#used += 1;
    this.#slots[at] = place | 0;
    this.#slots[at + 1] = (place / TWO_TO_32) | 0;
    this.#slots[at + 2] = owner;
    return at;
  }

  /** Drops the words that have become empty, and grows when there are few of them. */
  #rebuild(): void {
    const before = this.#slots;
    let full = 0;
    for (let at = 3; at < before.length; at += SLOT_WORDS) if (before[at] !== 0) full += 1;
    const size = full * 4 > this.#mask ? (this.#mask + 1) * 2 : this.#mask + 1;
    this.#slots = new Int32Array(size * SLOT_WORDS);
    this.#mask = size - 1;
    this.#used = full;
    for (let at = 0; at < before.length; at += SLOT_WORDS) {
      if (before[at + 3] === 0) continue;
      const word = before.subarray(at, at + SLOT_WORDS);
      const place = ((word[0] as number) >>> 0) + (word[1] as number) * TWO_TO_32;
      this.#slots.set(word, this.#find(place, word[2] as number));
    }
  }
}

/** Place of the word above: one bit for 32 places. */
function parentOf(place: number): number {
  return place < TWO_TO_31 ? place >>> 5 : Math.floor(place / 32);
}

/** Number of the lowest bit that is set. */
export function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

function wordHash(low: number, high: number, owner: number): number {
  const hash = Math.imul(
    low ^ Math.imul(owner, 0x85ebca6b) ^ Math.imul(high, 0x27d4eb2f),
    0x9e3779b1,
  );
  return hash ^ (hash >>> 15);
}
