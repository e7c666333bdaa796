// How long the stages of a placement take: for METRICS.orderStage. Of what comes in batches only
// some are timed, because looking at the clock costs what a stage costs there.

import { recordMetric } from '../../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../../lib/platform/telemetry/names.ts';
import type { FlowWorld } from '../pipeline/propose-pipeline.ts';

/**
 * `edge`: until the hold is handed to the account shard's pipeline. `hold`: until that shard has
 * answered. `propose`: until the matching shard has. `answer`: until it is handed to gRPC.
 */
export type Stage = 'edge' | 'hold' | 'propose' | 'answer';

const ATTRIBUTES_OF = {
  edge: { [ATTRIBUTES.stage]: 'edge' },
  hold: { [ATTRIBUTES.stage]: 'hold' },
  propose: { [ATTRIBUTES.stage]: 'propose' },
  answer: { [ATTRIBUTES.stage]: 'answer' },
} as const satisfies Record<Stage, object>;

const US_PER_SECOND = 1e6;
const IN_BATCHES = 16;

type Clock = Pick<FlowWorld, 'wallClockUs'>;

/** The stages of one placement, each from the end of the one before. */
export class StageTimes {
  readonly #clock: Clock;
  #sinceUs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceUs = clock.wallClockUs();
  }

  pass(stage: Stage): void {
    const nowUs = this.#clock.wallClockUs();
    const seconds = Math.max(0, nowUs - this.#sinceUs) / US_PER_SECOND;
    recordMetric(METRICS.orderStage, seconds, ATTRIBUTES_OF[stage]);
    this.#sinceUs = nowUs;
  }
}

/** Which placements are timed. */
export class StageClock {
  readonly #clock: Clock;
  readonly #every: number;
  #count = 0;

  constructor(clock: Clock, every = 1) {
    this.#clock = clock;
    this.#every = every;
  }

  /** For what comes in batches. */
  inBatches(): StageClock {
    return new StageClock(this.#clock, IN_BATCHES);
  }

  /** To be called when a placement is read; undefined when it is not timed. */
  begin(): StageTimes | undefined {
    this.#count = (this.#count + 1) % this.#every;
    return this.#count === 0 ? new StageTimes(this.#clock) : undefined;
  }
}
