// What the order service takes on under overload (LOG-10), with a clock and counts made up.

import { describe, expect, test } from '@jest/globals';
import { Admission } from '../../../services/order/domain/admission.ts';

const MS = 1_000;

/** Requests that come and end at steady rates, a millisecond at a time. */
class Load {
  readonly admission = new Admission(320);
  nowUs = 1_700_000_000_000_000;
  openCount = 0;
  endedCount = 0;
  taken = 0;
  refused = 0;
  stuck = 0;
  /** Until when each client that waits for as long as it is asked to sends nothing. */
  readonly quietUntilUs: number[] = [];
  #due = 0;
  #came = 0;

  /** @param comePerMs offered @param endPerMs how many can end */
  run(durationMs: number, comePerMs: number, endPerMs: number): this {
    this.taken = 0;
    this.refused = 0;
    for (let ms = 0; ms < durationMs; ms++) {
      this.nowUs += MS;
      this.#due += comePerMs;
      for (; this.#due >= 1; this.#due--) {
        this.#come();
      }
      const ended = Math.min(this.openCount - this.stuck, endPerMs);
      this.openCount -= ended;
      this.endedCount += ended;
    }
    return this;
  }

  #come(): void {
    const client = this.#came++ % Math.max(1, this.quietUntilUs.length);
    if ((this.quietUntilUs[client] ?? 0) > this.nowUs) return;
    if (this.admission.takes(this.nowUs, this, () => this.stuck)) {
      this.taken += 1;
      this.openCount += 1;
      return;
    }
    this.refused += 1;
    const isHeeded = client < this.quietUntilUs.length;
    if (isHeeded) this.quietUntilUs[client] = this.nowUs + this.admission.hintMs * MS;
  }
}

describe('LOG-10 admission', () => {
  test('below capacity nothing is refused', () => {
    expect(new Load().run(5_000, 9, 10).refused).toBe(0);
  });

  test('a burst of some thousands is taken when nothing else comes', () => {
    const load = new Load().run(1, 3_000, 10).run(1_000, 0, 10);
    expect(load.refused).toBe(0);
    expect(new Load().run(1, 3_000, 10).taken).toBe(3_000);
  });

  test('at three times its capacity it goes on ending as many, and what it takes waits as long', () => {
    const load = new Load().run(3_000, 30, 10).run(3_000, 30, 10);
    expect(load.taken).toBeGreaterThan(3_000 * 10 * 0.98);
    expect(load.refused).toBeGreaterThan(3_000 * 20 * 0.98);
    const waitMs = load.openCount / 10;
    expect(waitMs).toBeLessThan(200);
  });

  test('when the overload is over it takes everything at once', () => {
    const load = new Load().run(5_000, 30, 10).run(100, 5, 10);
    expect(load.run(2_000, 5, 10).refused).toBe(0);
  });

  test('a stand-still of a second, as at a fail-over, does not make it small', () => {
    const load = new Load().run(3_000, 9, 10);
    const { limit } = load.admission;
    load.run(1_000, 0.1, 0);
    expect(load.refused).toBe(0);
    expect(load.admission.limit).toBe(limit);
  });

  test('requests that wait for a shard without a leader leave the others their room', () => {
    const load = new Load();
    load.stuck = 5_000;
    load.openCount = 5_000;
    expect(load.run(5_000, 9, 10).refused).toBe(0);
    expect(load.run(5_000, 30, 10).refused).toBeGreaterThan(0);
  });

  test('the hint grows with what is refused', () => {
    const calm = new Load().run(3_000, 9, 10).admission.hintMs;
    const twice = new Load().run(5_000, 20, 10).admission.hintMs;
    const tenfold = new Load().run(5_000, 100, 10).admission.hintMs;
    expect(calm).toBe(100);
    expect(twice).toBeGreaterThan(300);
    expect(tenfold).toBeGreaterThan(twice);
    expect(tenfold).toBeLessThanOrEqual(2_000);
  });

  test('clients that wait for as long as they are asked to keep it busy, and it refuses few', () => {
    const load = new Load();
    load.quietUntilUs.push(...Array.from({ length: 256 }, () => 0));
    load.run(3_000, 30, 10);
    const endedBefore = load.endedCount;
    load.run(3_000, 30, 10);
    expect(load.endedCount - endedBefore).toBeGreaterThan(3_000 * 10 * 0.98);
    expect(load.refused).toBeLessThan(3_000 * 10 * 0.3);
  });

  test('after a stand-still clients are not asked to wait until it has nothing to do', () => {
    const load = new Load();
    load.quietUntilUs.push(...Array.from({ length: 256 }, () => 0));
    load.run(3_000, 30, 10);
    const endedBefore = load.endedCount;
    for (let second = 0; second < 5; second++) load.run(300, 30, 0).run(700, 30, 10);
    expect(load.endedCount - endedBefore).toBeGreaterThan(5 * 700 * 10 * 0.95);
  });

  test('a clock that stands still or jumps does no harm', () => {
    const load = new Load().run(2_000, 9, 10);
    load.nowUs -= 60_000_000;
    expect(load.run(3_000, 9, 10).refused).toBe(0);
    load.nowUs += 3_600_000_000;
    expect(load.run(3_000, 9, 10).refused).toBe(0);
  });
});
