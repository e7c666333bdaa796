// What must not arrive any more (HLD-3): placements and amends that somebody gave up, remembered
// until no command that carries them can be valid, plus the answer window.
import { assertDefined } from '../../lib/base/assert.ts';
import { mixNumber, mixText } from './checksum.ts';
import type { OrderName } from './sink.ts';

/** How long after `valid_until` an identity is remembered (LOG-11). */
export const ANSWER_WINDOW_US = 60_000_000;

/** A forbidden placement, or one forbidden amend of it. */
export type ForbidName = OrderName & { readonly amendHoldId: string };

/** Forbids that all slots of a shard remember together; what bounds them. */
export type ForbidRoom = { taken: number };

type Due = { readonly timeUs: number; readonly key: string };

/** Forbidden commands, forgotten in order of time. */
export class Forbids {
  /** Log time, in microseconds, at which each is forgotten. */
  readonly #untilUs = new Map<string, number>();
  /** Binary heap by time, then key; an entry that was extended meanwhile is passed over. */
  readonly #due: Due[] = [];
  readonly #room: ForbidRoom;
  #hash = 0;

  constructor(room: ForbidRoom = { taken: 0 }) {
    this.#room = room;
  }

  /** Forbids of all slots of the shard. */
  get countInShard(): number {
    return this.#room.taken;
  }

  /** Gives the room back because the slot leaves the shard. */
  leave(): void {
    this.#room.taken -= this.#untilUs.size;
  }

  get count(): number {
    return this.#untilUs.size;
  }

  /** Changes with every forbid that is remembered or forgotten. */
  get hash(): number {
    return this.#hash;
  }

  has(name: ForbidName): boolean {
    return this.#untilUs.size !== 0 && this.#untilUs.has(keyOf(name));
  }

  /** Remembers a forbid until its command's `valid_until` plus the answer window. */
  add(name: ForbidName, validUntilUs: number): void {
    const key = keyOf(name);
    const timeUs = validUntilUs + ANSWER_WINDOW_US;
    const before = this.#untilUs.get(key);
    if (before !== undefined && before >= timeUs) return;
    if (before === undefined) this.#room.taken += 1;
    else this.#hash ^= hashOf(key, before);
    this.#hash ^= hashOf(key, timeUs);
    this.#untilUs.set(key, timeUs);
    this.#push({ timeUs, key });
  }

  /** Everything that is remembered, in order of its key. */
  remembered(): { readonly key: string; readonly untilUs: number }[] {
    const all = Array.from(this.#untilUs, ([key, untilUs]) => ({ key, untilUs }));
    return all.sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  /** Remembers what a snapshot has remembered. */
  remember(key: string, untilUs: number): void {
    this.#room.taken += 1;
    this.#hash ^= hashOf(key, untilUs);
    this.#untilUs.set(key, untilUs);
    this.#push({ timeUs: untilUs, key });
  }

  /** Log time, in microseconds, of the next one to forget; undefined when there is none. */
  nextDueTimeUs(): number | undefined {
    return this.#due[0]?.timeUs;
  }

  /**
   * Forgets what is due at or before a log time, at most `limit` of it at once (LOG-17).
   *
   * @returns false when there is more
   */
  forgetDue(logTimeUs: number, limit: number): boolean {
    for (let left = limit; ; left -= 1) {
      const due = this.#due[0];
      if (due === undefined || due.timeUs > logTimeUs) return true;
      if (left === 0) return false;
      this.#pop();
      if (this.#untilUs.get(due.key) !== due.timeUs) continue;
      this.#untilUs.delete(due.key);
      this.#room.taken -= 1;
      this.#hash ^= hashOf(due.key, due.timeUs);
    }
  }

  #push(due: Due): void {
    const heap = this.#due;
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = assertDefined(heap[parent], 'a heap has no holes');
      if (!isBefore(due, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#due;
    const moved = heap.pop();
    if (moved === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let least = left;
      if (right !== undefined && isBefore(right, left)) {
        child += 1;
        least = right;
      }
      if (!isBefore(least, moved)) break;
      heap[at] = least;
      at = child;
    }
    heap[at] = moved;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.timeUs !== b.timeUs ? a.timeUs < b.timeUs : a.key < b.key;
}

function keyOf(name: ForbidName): string {
  return `${name.accountNumber}-${name.placement}/${name.amendHoldId}`;
}

function hashOf(key: string, timeUs: number): number {
  return mixNumber(mixText(0x165667b1, key), timeUs);
}
