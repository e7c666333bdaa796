// The edge of the order service under overload (LOG-10): new orders are refused before they are
// read, streams of batches are read more slowly. Cancels and reads are never refused here.

import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Guard } from '../../lib/platform/rpc/early-refusal.ts';
import { Admission } from '../domain/admission.ts';
import type { FlowRegistry } from '../domain/lanes.ts';
import type { FlowWorld } from './pipeline/propose-pipeline.ts';

const SERVICE = '/bourse.order.v1.OrderService';

/** What can wait: it makes work and relieves nobody. */
const REFUSABLE: ReadonlySet<string> = new Set([
  `${SERVICE}/PlaceOrder`,
  `${SERVICE}/PlaceOrderGroup`,
  `${SERVICE}/AmendOrder`,
]);

/** Requests that come alone, however slow the exchange is, */
const LEAST_ALONE = 320;
/** and requests in batches, which cost a fraction each. */
const LEAST_STREAMED = 4_096;
/** How often a stream that waits looks again. */
const LOOK_MS = 2;
/** Hints are rounded up to this, so that few different errors are made. */
const HINT_STEP_MS = 50;
/** Hints differ by this much, so that those who were refused do not all come back at once. */
const HINT_SPREAD = 0.5;
const GOLDEN_RATIO = 0.618_033_988_75;

export type EdgeOptions = {
  readonly flows: Pick<FlowRegistry, 'alone' | 'streamed'>;
  /** Requests that wait for a shard to have a leader: a dead shard is no overload of the others. */
  readonly stuck: () => number;
  readonly world: FlowWorld;
};

export class Edge {
  readonly #alone = new Admission(LEAST_ALONE);
  readonly #streamed = new Admission(LEAST_STREAMED);
  readonly #flows: EdgeOptions['flows'];
  readonly #stuck: () => number;
  readonly #world: FlowWorld;
  readonly #refusals = new Map<number, OperatingError>();
  #spread = 0;

  constructor({ flows, stuck, world }: EdgeOptions) {
    this.#flows = flows;
    this.#stuck = stuck;
    this.#world = world;
  }

  /** Refuses unary calls before they are read. */
  readonly guard: Guard = (path) => {
    if (!REFUSABLE.has(path)) return undefined;
    if (this.#alone.takes(this.#world.wallClockUs(), this.#flows.alone, this.#stuck))
      return undefined;
    return this.#refusal();
  };

  /** Waits until a stream may be read further. */
  async untilRoom(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { streamed } = this.#flows;
      this.#streamed.observe(this.#world.wallClockUs(), streamed);
      if (this.#streamed.hasRoom(streamed, this.#stuck)) return;
      await new Promise<void>((resolve) => this.#world.setTimer(LOOK_MS, resolve));
    }
  }

  #refusal(): OperatingError {
    this.#spread = (this.#spread + GOLDEN_RATIO) % 1;
    const hintMs = this.#alone.hintMs * (1 + HINT_SPREAD * this.#spread);
    const retryDelayMs = Math.ceil(hintMs / HINT_STEP_MS) * HINT_STEP_MS;
    let refusal = this.#refusals.get(retryDelayMs);
    if (refusal === undefined) {
      const message = 'More orders come than the exchange can place in time.';
      const options = { metadata: { queue: 'open-flows' }, retryDelayMs };
      refusal = new OperatingError('SHARD_OVERLOADED', message, options);
      this.#refusals.set(retryDelayMs, refusal);
    }
    return refusal;
  }
}
