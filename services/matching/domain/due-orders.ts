// The orders that end at a time (TIF-4, TIF-6): a binary heap by time, then book, then age. Each
// knows its position, so that one that ends earlier or is amended leaves at once.
import { assertDefined } from '../../lib/base/assert.ts';
import type { OrderExtras } from './order-extras.ts';

/** GTD orders of a shard that rest or wait. */
export class DueOrders {
  readonly #heap: OrderExtras[] = [];

  get count(): number {
    return this.#heap.length;
  }

  /** The order that is due next; undefined when there is none. */
  get next(): OrderExtras | undefined {
    return this.#heap[0];
  }

  add(extras: OrderExtras): void {
    this.#heap.push(extras);
    this.#rise(this.#heap.length - 1, extras);
  }

  /** Takes out an order that is there. */
  remove(extras: OrderExtras): void {
    const at = extras.dueAt;
    extras.dueAt = -1;
    const moved = assertDefined(this.#heap.pop(), 'a due order is in the heap');
    if (moved === extras) return;
    this.#put(at, moved);
    this.#rise(at, moved);
    this.#sink(moved.dueAt, moved);
  }

  #put(at: number, extras: OrderExtras): void {
    this.#heap[at] = extras;
    extras.dueAt = at;
  }

  #rise(from: number, extras: OrderExtras): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = this.#heap[parent] as OrderExtras;
      if (!isBefore(extras, above)) break;
      this.#put(at, above);
      at = parent;
    }
    this.#put(at, extras);
  }

  #sink(from: number, extras: OrderExtras): void {
    const heap = this.#heap;
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as OrderExtras, heap[child] as OrderExtras)) {
        child = right;
      }
      const least = heap[child] as OrderExtras;
      if (!isBefore(least, extras)) break;
      this.#put(at, least);
      at = child;
    }
    this.#put(at, extras);
  }
}

function isBefore(one: OrderExtras, other: OrderExtras): boolean {
  if (one.expireTimeUs !== other.expireTimeUs) return one.expireTimeUs < other.expireTimeUs;
  if (one.bookNumber !== other.bookNumber) return one.bookNumber < other.bookNumber;
  return one.age < other.age;
}
