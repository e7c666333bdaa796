// What the demo's makers believe the instrument is worth: a walk that wanders off and comes back.

import type { Chance } from './chance.ts';

/** One step is at most a 50,000th of where the walk began: 1 on 50,000. */
const STEP_DIVISOR = 50_000;
/** One step in so many is a jump, ten times as long. */
const JUMP_PERCENT = 2;
const JUMP_FACTOR = 10;
/** The further it is from its beginning, the more often it turns back. */
const RETURN_DIVISOR = 200;

export class FairPrice {
  readonly #start: number;
  readonly #longestStep: number;
  #ticks: number;

  /** @param startTicks where it begins, in ticks */
  constructor(startTicks: number) {
    this.#start = startTicks;
    this.#ticks = startTicks;
    this.#longestStep = Math.max(1, Math.floor(startTicks / STEP_DIVISOR));
  }

  get ticks(): number {
    return this.#ticks;
  }

  step(chance: Chance): void {
    const longest = this.#longestStep * (chance.happens(JUMP_PERCENT) ? JUMP_FACTOR : 1);
    const back = Math.trunc((this.#start - this.#ticks) / RETURN_DIVISOR);
    this.#ticks = Math.max(1, this.#ticks + chance.between(-longest, longest) + back);
  }
}
