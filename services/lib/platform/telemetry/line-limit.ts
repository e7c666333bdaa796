// Keeps a flood of bad requests from becoming a flood of log lines.

/** Lines that one process writes about failed calls in a second; metrics count all of them. */
export const FAILURE_LINES_PER_SECOND = 100;

export class LineLimit {
  readonly #linesPerSecond: number;
  #secondStartMs = Number.NEGATIVE_INFINITY;
  #written = 0;
  #suppressed = 0;

  constructor(linesPerSecond: number) {
    this.#linesPerSecond = linesPerSecond;
  }

  /**
   * Asks to write a line at `nowMs` of any steady clock.
   *
   * @returns how many lines were not written before it; undefined when it may not be written.
   */
  take(nowMs: number): number | undefined {
    if (nowMs - this.#secondStartMs >= 1_000) {
      this.#secondStartMs = nowMs;
      this.#written = 0;
    }
    if (this.#written >= this.#linesPerSecond) {
      this.#suppressed += 1;
      return undefined;
    }
    this.#written += 1;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}
