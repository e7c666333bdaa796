// A hash table of numbers from 1 with open addressing and linear probing. Each entry knows how far
// it lies behind the slot it belongs to, so that taking one out moves its followers up without
// looking at what they stand for, and no tombstones are needed. Finding is up to the caller, who
// knows what a number stands for:
//
//   for (let distance = 0; ; distance += 1) {
//     const entry = table.slots[(hash + distance) & table.mask];  // 0: nothing there
//     if ((entry & FAR) === distance || distance >= FAR) {        // else it has another hash
//       const number = entry >>> DISTANCE_BITS;
//     }
//   }
import { assert } from '../../lib/base/assert.ts';

import * as tableFields from './table-fields.ts';

export * from './table-fields.ts';

// Constants of this file: the compiler folds them, and loads imported and exported ones each time.
const { DISTANCE_BITS, FAR, NUMBER_LIMIT } = tableFields;

/** Tables up to this size are in a processor's cache anyway, and may be fuller. */
const SMALL_SIZE = 1024;

/** Records from which on growing costs more than room that is left over. */
const MANY = 4096;

/** Records that a table of records has room for when it is full: a quarter more, or a half. */
export function grownCapacity(capacity: number): number {
  return capacity + Math.max(capacity >>> (capacity < MANY ? 2 : 1), 8);
}

/** Numbers by hash; at most half full, small ones five eighths. */
export class HandleTable {
  slots: Int32Array;
  mask: number;
  readonly #hashOf: (number: number) => number;
  #count = 0;
  /** Numbers that it holds before it grows. */
  #room: number;

  /**
   * @param size a power of two
   * @param hashOf hash of what a number in the table stands for
   */
  constructor(size: number, hashOf: (number: number) => number) {
    this.slots = new Int32Array(size);
    this.mask = size - 1;
    this.#hashOf = hashOf;
    this.#room = roomOf(size);
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.slots.byteLength;
  }

  /** Adds a number that is not there. */
  add(hash: number, number: number): void {
    if (this.#count >= this.#room) this.#grow();
    this.#count += 1;
    this.#put(hash, number);
  }

  /** Makes room for one more, so that a slot found free is its slot. */
  reserve(): void {
    if (this.#count >= this.#room) this.#grow();
  }

  /** Adds a number where its search ended, at a free slot so far behind its own. */
  addAt(slot: number, distance: number, number: number): void {
    this.#count += 1;
    this.slots[slot] = (number << DISTANCE_BITS) | Math.min(distance, FAR);
  }

  /** Takes out a number that is there. */
  remove(hash: number, number: number): void {
    const { slots, mask } = this;
    let slot = hash & mask;
    while ((slots[slot] as number) >>> DISTANCE_BITS !== number) slot = (slot + 1) & mask;
    this.removeAt(slot);
  }

  /** Takes out what stands in a slot. */
  removeAt(from: number): void {
    const { slots, mask } = this;
    this.#count -= 1;
    let hole = from;
    let slot = from;
    for (;;) {
      slot = (slot + 1) & mask;
      const entry = slots[slot] as number;
      if (entry === 0) break;
      const gap = (slot - hole) & mask;
      let distance = entry & FAR;
      if (distance === FAR) distance = (slot - this.#hashOf(entry >>> DISTANCE_BITS)) & mask;
      // An entry may fill the hole only when it belongs there or before it.
      if (distance < gap) continue;
      slots[hole] = (entry & ~FAR) | Math.min(distance - gap, FAR);
      hole = slot;
    }
    slots[hole] = 0;
  }

  #put(hash: number, number: number): void {
    const { slots, mask } = this;
    let slot = hash & mask;
    let distance = 0;
    while (slots[slot] !== 0) {
      slot = (slot + 1) & mask;
      distance += 1;
    }
    slots[slot] = (number << DISTANCE_BITS) | Math.min(distance, FAR);
  }

  #grow(): void {
    assert(this.slots.length < NUMBER_LIMIT, 'a table does not outgrow its numbers');
    const before = this.slots;
    this.slots = new Int32Array(before.length * 2);
    this.mask = this.slots.length - 1;
    this.#room = roomOf(this.slots.length);
    for (const entry of before) {
      if (entry !== 0) this.#put(this.#hashOf(entry >>> DISTANCE_BITS), entry >>> DISTANCE_BITS);
    }
  }
}

function roomOf(size: number): number {
  return size <= SMALL_SIZE ? (size * 5) >>> 3 : size >>> 1;
}
