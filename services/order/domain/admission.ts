// Whether the order service takes on more requests (LOG-10). What it has open must be no more than
// it ends in the time that a request may wait; beyond that new ones are refused at once, while
// those that were taken on keep their pace. A burst passes; only what lasts is refused.

import type { Workload } from './lanes.ts';

/** Requests end by batches, so that a shorter one would say more of a batch than of the pace. */
const WINDOW_US = 200_000;
/** The best of the last windows says how fast requests end: a short stand-still is no overload. */
const WINDOWS = 10;
/** How long a request may wait for those before it. */
const TARGET_US = 150_000;
/** No more may be open, however fast they end. */
const MOST_OPEN = 16_384;
/** More than the limit for less than this is a burst. */
const BURST_US = 300_000;
/** After a refusal there is no patience for bursts for this long. */
const WARY_US = 1_000_000;

const LEAST_HINT_MS = 100;
const MOST_HINT_MS = 2_000;

export class Admission {
  readonly #leastOpen: number;
  readonly #endedByWindow: number[] = Array.from({ length: WINDOWS }, () => 0);
  readonly #refusedByWindow: number[] = Array.from({ length: WINDOWS }, () => 0);
  #window = 0;
  #endedBefore = 0;
  #refused = 0;
  #refusedBefore = 0;
  #overSinceUs: number | undefined;
  #waryUntilUs = 0;
  #limit: number;
  /** Requests that came, over those that ended, in the windows before: one stand-still is none. */
  #pressure = 1;

  /** @param leastOpen so many may be open however slowly they end */
  constructor(leastOpen: number) {
    this.#leastOpen = leastOpen;
    this.#limit = leastOpen;
  }

  /** Requests that may be open at a time. */
  get limit(): number {
    return this.#limit;
  }

  /**
   * Whether a request that comes now is taken on; a refusal is counted.
   *
   * @param nowUs time of a clock, in microseconds
   * @param stuck how many of the open ones only wait, for a shard without a leader
   */
  takes(nowUs: number, workload: Workload, stuck: () => number): boolean {
    this.observe(nowUs, workload);
    if (this.hasRoom(workload, stuck)) {
      this.#overSinceUs = undefined;
      return true;
    }
    this.#overSinceUs ??= nowUs;
    const isBurst = nowUs - this.#overSinceUs < BURST_US && nowUs >= this.#waryUntilUs;
    if (isBurst && workload.openCount < MOST_OPEN) return true;
    this.#waryUntilUs = nowUs + WARY_US;
    this.#refused += 1;
    return false;
  }

  /** True while less is open than may be; what only waits counts as long as there is little. */
  hasRoom({ openCount }: Workload, stuck: () => number): boolean {
    if (openCount < this.#limit) return true;
    return openCount < MOST_OPEN && openCount - stuck() < this.#limit;
  }

  /**
   * How long who was refused should wait: the longer, the more are refused. Not longer than that,
   * because whoever waits leaves the exchange idle once what is open has ended.
   */
  get hintMs(): number {
    return Math.round(Math.min(MOST_HINT_MS, LEAST_HINT_MS * this.#pressure ** 2));
  }

  /** Takes note of how fast requests end. */
  observe(nowUs: number, { endedCount }: Workload): void {
    const window = Math.floor(nowUs / WINDOW_US);
    if (window === this.#window) return;
    const ended = endedCount - this.#endedBefore;
    const passed = window - this.#window;
    // Where nobody asked for several windows, what ended meanwhile is spread over them.
    const share = Math.max(1, passed);
    const refused = this.#refused - this.#refusedBefore;
    for (let index = Math.max(this.#window, window - WINDOWS); index < window; index++) {
      this.#endedByWindow[index % WINDOWS] = ended / share;
      this.#refusedByWindow[index % WINDOWS] = refused / share;
    }
    this.#pressure = 1 + sum(this.#refusedByWindow) / Math.max(1, sum(this.#endedByWindow));
    this.#window = window;
    this.#endedBefore = endedCount;
    this.#refusedBefore = this.#refused;
    const best = Math.max(...this.#endedByWindow);
    const open = Math.round((best * TARGET_US) / WINDOW_US);
    this.#limit = Math.min(MOST_OPEN, Math.max(this.#leastOpen, open));
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
