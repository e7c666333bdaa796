// Wakes the leader when something is due by itself, so that an entry without commands is appended
// when nothing else is there (LOG-15).

import type { Timer, World } from './world.ts';

/** Longest wait in milliseconds; it is looked at again then. */
const LONGEST_WAIT_MS = 3_600_000;

export class Tick {
  readonly #world: World;
  readonly #wake: () => void;
  #waiting: { readonly dueTimeUs: number; readonly timer: Timer } | undefined;

  constructor(world: World, wake: () => void) {
    this.#world = world;
    this.#wake = wake;
  }

  /** Waits for this log time from here on, and for no other. */
  setDueTime(dueTimeUs: number | undefined): void {
    if (this.#waiting?.dueTimeUs === dueTimeUs) return;
    this.cancel();
    if (dueTimeUs === undefined) return;
    const delayMs = Math.ceil((dueTimeUs - this.#world.wallClockUs()) / 1000);
    const boundedMs = Math.min(Math.max(delayMs, 0), LONGEST_WAIT_MS);
    const timer = this.#world.setTimer(boundedMs, () => {
      this.#waiting = undefined;
      this.#wake();
    });
    this.#waiting = { dueTimeUs, timer };
  }

  cancel(): void {
    this.#waiting?.timer.cancel();
    this.#waiting = undefined;
  }
}
