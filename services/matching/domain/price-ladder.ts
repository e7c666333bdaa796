// Keeps the price levels of one side of a book in order, at any prices up to 2^53 and however
// far apart: sorted chunks of up to 64 levels under one sorted list of chunks (a B+ tree of two
// storeys). Work happens near the best price, and that is at the end, where little is shifted.
import { assert } from '../../lib/base/assert.ts';

const CHUNK = 64;
const HALF = CHUNK / 2;
const FIRST_CHUNKS = 4;

/** Chunks of all ladders of a shard, side by side. */
export class ChunkStore {
  keys = new Float64Array(CHUNK * FIRST_CHUNKS);
  levels = new Int32Array(CHUNK * FIRST_CHUNKS);
  counts = new Int32Array(FIRST_CHUNKS);
  #used = 0;
  readonly #free: number[] = [];

  get byteLength(): number {
    return this.keys.byteLength + this.levels.byteLength + this.counts.byteLength;
  }

  allocate(): number {
    const chunk = this.#free.pop() ?? this.#used++;
    if (chunk >= this.counts.length) this.#grow();
    this.counts[chunk] = 0;
    return chunk;
  }

  release(chunk: number): void {
    this.#free.push(chunk);
  }

  #grow(): void {
    const chunks = this.counts.length * 2;
    const keys = new Float64Array(CHUNK * chunks);
    const levels = new Int32Array(CHUNK * chunks);
    const counts = new Int32Array(chunks);
    keys.set(this.keys);
    levels.set(this.levels);
    counts.set(this.counts);
    this.keys = keys;
    this.levels = levels;
    this.counts = counts;
  }
}

/** Sorted map of keys to level handles. The caller's best key is the highest one. */
export class PriceLadder {
  readonly #chunks: ChunkStore;
  /** Chunks in order of their keys, and the lowest key of each. */
  #order = new Int32Array(FIRST_CHUNKS);
  #lowest = new Float64Array(FIRST_CHUNKS);
  #count = 0;

  constructor(chunks: ChunkStore) {
    this.#chunks = chunks;
  }

  /** Level with this key; 0 when there is none. */
  find(key: number): number {
    if (this.#count === 0) return 0;
    const chunk = this.#order[this.#placeOf(key)] as number;
    const at = this.#position(chunk, key);
    const slot = chunk * CHUNK + at;
    if (at === this.#chunks.counts[chunk] || this.#chunks.keys[slot] !== key) return 0;
    return this.#chunks.levels[slot] as number;
  }

  /**
   * Adds a level under a key that is not there.
   *
   * @returns the level with the next higher (better) key; 0 when the new one is the best
   */
  add(key: number, level: number): number {
    if (this.#count === 0) this.#addChunk(0, this.#chunks.allocate(), key);
    let place = this.#placeOf(key);
    let chunk = this.#order[place] as number;
    if (this.#chunks.counts[chunk] === CHUNK) {
      this.#split(place);
      place = this.#placeOf(key);
      chunk = this.#order[place] as number;
    }
    const { keys, levels, counts } = this.#chunks;
    const at = this.#position(chunk, key);
    const count = counts[chunk] as number;
    const slot = chunk * CHUNK + at;
    for (let to = chunk * CHUNK + count; to > slot; to -= 1) {
      keys[to] = keys[to - 1] as number;
      levels[to] = levels[to - 1] as number;
    }
    keys[slot] = key;
    levels[slot] = level;
    counts[chunk] = count + 1;
    if (at === 0) this.#lowest[place] = key;
    if (at < count) return levels[slot + 1] as number;
    if (place + 1 === this.#count) return 0;
    return levels[(this.#order[place + 1] as number) * CHUNK] as number;
  }

  /** Takes out a key that is there. */
  remove(key: number): void {
    const place = this.#placeOf(key);
    const chunk = this.#order[place] as number;
    const { keys, levels, counts } = this.#chunks;
    const at = this.#position(chunk, key);
    const count = (counts[chunk] as number) - 1;
    const slot = chunk * CHUNK + at;
    assert(keys[slot] === key, 'a removed level is in its ladder');
    for (let to = slot; to < chunk * CHUNK + count; to += 1) {
      keys[to] = keys[to + 1] as number;
      levels[to] = levels[to + 1] as number;
    }
    counts[chunk] = count;
    if (count === 0) this.#removeChunk(place);
    else {
      if (at === 0) this.#lowest[place] = keys[chunk * CHUNK] as number;
      if (count < HALF / 2) {
        this.#merge(place);
        if (place > 0) this.#merge(place - 1);
      }
    }
  }

  /** Place of the chunk where a key belongs. */
  #placeOf(key: number): number {
    const lowest = this.#lowest;
    let high = this.#count - 1;
    if ((lowest[high] as number) <= key) return high;
    let low = 0;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((lowest[middle] as number) <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Position of the first key in a chunk that is not below the given one. */
  #position(chunk: number, key: number): number {
    const { keys } = this.#chunks;
    const from = chunk * CHUNK;
    let low = 0;
    let high = this.#chunks.counts[chunk] as number;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((keys[from + middle] as number) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #split(place: number): void {
    const chunk = this.#order[place] as number;
    const added = this.#chunks.allocate();
    const { keys, levels, counts } = this.#chunks;
    const from = chunk * CHUNK + HALF;
    keys.copyWithin(added * CHUNK, from, from + HALF);
    levels.copyWithin(added * CHUNK, from, from + HALF);
    counts[chunk] = HALF;
    counts[added] = HALF;
    this.#addChunk(place + 1, added, keys[added * CHUNK] as number);
  }

  /** Joins a chunk that has become small with its upper neighbor when both fit well into one. */
  #merge(place: number): void {
    if (place + 1 >= this.#count) return;
    const chunk = this.#order[place] as number;
    const upper = this.#order[place + 1] as number;
    const { keys, levels, counts } = this.#chunks;
    const count = counts[chunk] as number;
    const more = counts[upper] as number;
    if (count + more > CHUNK - HALF / 2) return;
    keys.copyWithin(chunk * CHUNK + count, upper * CHUNK, upper * CHUNK + more);
    levels.copyWithin(chunk * CHUNK + count, upper * CHUNK, upper * CHUNK + more);
    counts[chunk] = count + more;
    this.#removeChunk(place + 1);
  }

  #addChunk(place: number, chunk: number, lowestKey: number): void {
    if (this.#count === this.#order.length) {
      const order = new Int32Array(this.#count * 2);
      const lowest = new Float64Array(this.#count * 2);
      order.set(this.#order);
      lowest.set(this.#lowest);
      this.#order = order;
      this.#lowest = lowest;
    }
    this.#order.copyWithin(place + 1, place, this.#count);
    this.#lowest.copyWithin(place + 1, place, this.#count);
    this.#order[place] = chunk;
    this.#lowest[place] = lowestKey;
    this.#count += 1;
  }

  #removeChunk(place: number): void {
    this.#chunks.release(this.#order[place] as number);
    this.#order.copyWithin(place, place + 1, this.#count);
    this.#lowest.copyWithin(place, place + 1, this.#count);
    this.#count -= 1;
  }
}
