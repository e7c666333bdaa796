// The edge of the order service under overload (LOG-10): new orders are refused before they are
// read, streams of batches are read more slowly. Cancels and reads are never refused here.

import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Guard } from '../../lib/platform/rpc/early-refusal.ts';
import { Admission, type Workload } from '../domain/admission.ts';
import type { FlowWorld } from './pipeline/propose-pipeline.ts';

const SERVICE = '/bourse.order.v1.OrderService';

/** What can wait: it makes work and relieves nobody. */
const REFUSABLE: ReadonlySet<string> = new Set([
  `${SERVICE}/PlaceOrder`,
  `${SERVICE}/PlaceOrderGroup`,
  `${SERVICE}/AmendOrder`,
]);

/** How often a stream that waits looks again. */
const LOOK_MS = 2;
/** Hints are rounded up to this, so that few different errors are made. */
const HINT_STEP_MS = 50;
/** Hints differ by this much, so that those who were refused do not all come back at once. */
const HINT_SPREAD = 0.5;
const GOLDEN_RATIO = 0.618_033_988_75;

export class Edge {
  readonly #admission = new Admission();
  readonly #workload: Workload;
  readonly #world: FlowWorld;
  readonly #refusals = new Map<number, OperatingError>();
  #spread = 0;

  constructor(workload: Workload, world: FlowWorld) {
    this.#workload = workload;
    this.#world = world;
  }

  /** Refuses unary calls before they are read. */
  readonly guard: Guard = (path) => {
    if (!REFUSABLE.has(path)) return undefined;
    if (this.#admission.takes(this.#world.wallClockUs(), this.#workload)) return undefined;
    return this.#refusal();
  };

  /** Waits until a stream may be read further. */
  async untilRoom(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#admission.observe(this.#world.wallClockUs(), this.#workload);
      if (this.#workload.openCount < this.#admission.limit) return;
      await new Promise<void>((resolve) => this.#world.setTimer(LOOK_MS, resolve));
    }
  }

  #refusal(): OperatingError {
    this.#spread = (this.#spread + GOLDEN_RATIO) % 1;
    const hintMs = this.#admission.hintMs * (1 + HINT_SPREAD * this.#spread);
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
