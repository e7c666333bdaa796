// Keeps a replay at the recorded speed, or at a multiple of it.

export class Pace {
  /** Times the recorded speed; Infinity for as fast as it goes. */
  readonly #speed: number;
  #firstSeconds: number | undefined;
  #startedMs = 0;

  constructor(speed: number) {
    this.#speed = speed;
  }

  get isMaximum(): boolean {
    return this.#speed === Number.POSITIVE_INFINITY;
  }

  /** Waits until it is the turn of what happened at a recorded time, in seconds. */
  async waitFor(seconds: number): Promise<void> {
    if (this.isMaximum || !Number.isFinite(seconds)) return;
    if (this.#firstSeconds === undefined) {
      this.#firstSeconds = seconds;
      this.#startedMs = performance.now();
    }
    const dueMs = this.#startedMs + ((seconds - this.#firstSeconds) * 1000) / this.#speed;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}
