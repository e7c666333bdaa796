// The memory of command identities (LOG-11): 16 bytes of keyed hash and the log position of the
// first answer, in typed arrays, forgotten by log time and never early.
//
// An open hash table holds slot numbers; the identities themselves lie in slots that are linked
// into one list per second of forgetting. Every identity is forgotten within a second of its time.

import { SIPHASH_KEY_BYTES, sipHash128, sipHashKey } from '../base/siphash.ts';
import { ANSWER_WINDOW_US, MAXIMUM_IDENTITY_BYTES } from './proposal.ts';

/** Where the first answer to an identity lies. */
export type AnswerPosition = { readonly entryIndex: number; readonly record: number };

const SECOND_US = 1_000_000;
const EMPTY = -1;
const FIRST_CAPACITY = 1024;

export class IdentityTable {
  readonly #limit: number;
  readonly #key: Int32Array;
  readonly #scratch = Buffer.alloc(MAXIMUM_IDENTITY_BYTES);
  readonly #hash = new Int32Array(4);
  /** Slot numbers by hash, `EMPTY` where none; at most half full, length a power of two. */
  #buckets = new Int32Array(FIRST_CAPACITY * 2).fill(EMPTY);
  #hashes = new Int32Array(FIRST_CAPACITY * 4);
  #entryIndexes = new Float64Array(FIRST_CAPACITY);
  #records = new Uint16Array(FIRST_CAPACITY);
  /** Next slot in the same second's list, or in the list of free slots. */
  #next = new Int32Array(FIRST_CAPACITY);
  #freeSlot = EMPTY;
  #unusedSlots = 0;
  #count = 0;
  /** First slot of each second's list, by the second in which it is forgotten. */
  readonly #lists = new Map<number, number>();
  #forgottenThroughSecond = Number.NEGATIVE_INFINITY;

  constructor({ key, limit }: { readonly key: Uint8Array; readonly limit: number }) {
    if (key.length !== SIPHASH_KEY_BYTES) throw new Error('an identity key has 16 bytes');
    this.#key = sipHashKey(key);
    this.#limit = limit;
  }

  /** Identities remembered now. */
  get count(): number {
    return this.#count;
  }

  /** True when no further identity may be taken in. */
  get full(): boolean {
    return this.#count >= this.#limit;
  }

  /** The position of the first answer, or undefined when the identity is unknown. */
  find(identity: string): AnswerPosition | undefined {
    this.#hashIdentity(identity);
    const slot = this.#buckets[this.#bucketOfHash()] as number;
    if (slot === EMPTY) return undefined;
    return {
      entryIndex: this.#entryIndexes[slot] as number,
      record: this.#records[slot] as number,
    };
  }

  /** Remembers an unknown identity until log time has passed `validUntilUs` and the window. */
  add(identity: string, position: AnswerPosition, validUntilUs: number): void {
    if (this.#freeSlot === EMPTY && this.#unusedSlots === this.#next.length) this.#grow();
    this.#hashIdentity(identity);
    const bucket = this.#bucketOfHash();
    if (this.#buckets[bucket] !== EMPTY) throw new Error(`identity ${identity} is known already`);
    const slot = this.#takeSlot();
    this.#buckets[bucket] = slot;
    this.#hashes.set(this.#hash, slot * 4);
    this.#entryIndexes[slot] = position.entryIndex;
    this.#records[slot] = position.record;
    const second = Math.floor((validUntilUs + ANSWER_WINDOW_US) / SECOND_US) + 1;
    this.#next[slot] = this.#lists.get(second) ?? EMPTY;
    this.#lists.set(second, slot);
    this.#count += 1;
  }

  /** Forgets what log time has left behind. */
  forgetBefore(logTimeUs: number): void {
    const second = Math.floor(logTimeUs / SECOND_US);
    if (second <= this.#forgottenThroughSecond) return;
    this.#forgottenThroughSecond = second;
    for (const [due, firstSlot] of this.#lists) {
      if (due > second) continue;
      this.#lists.delete(due);
      for (let slot = firstSlot; slot !== EMPTY; ) {
        const following = this.#next[slot] as number;
        this.#remove(slot);
        slot = following;
      }
    }
  }

  #hashIdentity(identity: string): void {
    const length = this.#scratch.write(identity, 'utf8');
    sipHash128(this.#key, this.#scratch, length, this.#hash);
  }

  /** Where the identity that was hashed last is, or belongs. */
  #bucketOfHash(): number {
    const mask = this.#buckets.length - 1;
    const h0 = this.#hash[0] as number;
    const h1 = this.#hash[1] as number;
    const h2 = this.#hash[2] as number;
    const h3 = this.#hash[3] as number;
    let bucket = h0 & mask;
    for (;;) {
      const slot = this.#buckets[bucket] as number;
      if (slot === EMPTY) return bucket;
      const at = slot * 4;
      if (
        this.#hashes[at] === h0 &&
        this.#hashes[at + 1] === h1 &&
        this.#hashes[at + 2] === h2 &&
        this.#hashes[at + 3] === h3
      ) {
        return bucket;
      }
      bucket = (bucket + 1) & mask;
    }
  }

  #takeSlot(): number {
    if (this.#freeSlot === EMPTY) return this.#unusedSlots++;
    const slot = this.#freeSlot;
    this.#freeSlot = this.#next[slot] as number;
    return slot;
  }

  #remove(slot: number): void {
    const mask = this.#buckets.length - 1;
    let hole = (this.#hashes[slot * 4] as number) & mask;
    while (this.#buckets[hole] !== slot) hole = (hole + 1) & mask;
    // Moves back what was pushed past the hole, so that no search ends there too early.
    for (let bucket = (hole + 1) & mask; this.#buckets[bucket] !== EMPTY; ) {
      const moved = this.#buckets[bucket] as number;
      const home = (this.#hashes[moved * 4] as number) & mask;
      if (((bucket - home) & mask) >= ((bucket - hole) & mask)) {
        this.#buckets[hole] = moved;
        hole = bucket;
      }
      bucket = (bucket + 1) & mask;
    }
    this.#buckets[hole] = EMPTY;
    this.#next[slot] = this.#freeSlot;
    this.#freeSlot = slot;
    this.#count -= 1;
  }

  #grow(): void {
    const capacity = this.#next.length * 2;
    this.#hashes = enlarge(this.#hashes, new Int32Array(capacity * 4));
    this.#entryIndexes = enlarge(this.#entryIndexes, new Float64Array(capacity));
    this.#records = enlarge(this.#records, new Uint16Array(capacity));
    this.#next = enlarge(this.#next, new Int32Array(capacity));
    const buckets = new Int32Array(capacity * 2).fill(EMPTY);
    const mask = buckets.length - 1;
    for (const slot of this.#buckets) {
      if (slot === EMPTY) continue;
      let bucket = (this.#hashes[slot * 4] as number) & mask;
      while (buckets[bucket] !== EMPTY) bucket = (bucket + 1) & mask;
      buckets[bucket] = slot;
    }
    this.#buckets = buckets;
  }
}

function enlarge<T extends Int32Array | Float64Array | Uint16Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
