// Waits for the next commit of a leadership, time and again, for one who follows it: with one
// listener and one timer at a time for as long as it follows, because a busy shard commits a
// thousand times a second.

import type { Leadership } from './leadership.ts';
import type { Timer, World } from './world.ts';

export class NextCommit<C, E, A> {
  readonly #world: World;
  readonly #signal: AbortSignal | undefined;
  readonly #stopListening: () => void;
  #timer: Timer | undefined;
  /** True when something has happened since the last look. */
  #isNew = false;
  #wake: (() => void) | undefined;

  constructor(leadership: Leadership<C, E, A>, world: World, signal: AbortSignal | undefined) {
    this.#world = world;
    this.#signal = signal;
    this.#stopListening = leadership.onCommit(this.#happened);
    signal?.addEventListener('abort', this.#happened);
  }

  /** From here on only what happens later ends a wait. */
  look(): void {
    this.#isNew = false;
  }

  /**
   * Returns after a commit since the last look, the end of the leadership, an abort or, at the
   * latest, the time given; perhaps earlier.
   */
  async wait(delayMs: number): Promise<void> {
    if (this.#isNew || this.#signal?.aborted === true) return;
    this.#timer ??= this.#world.setTimer(Math.ceil(delayMs), () => {
      this.#timer = undefined;
      this.#happened();
    });
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  close(): void {
    this.#stopListening();
    this.#timer?.cancel();
    this.#signal?.removeEventListener('abort', this.#happened);
  }

  readonly #happened = (): void => {
    this.#isNew = true;
    this.#wake?.();
  };
}
