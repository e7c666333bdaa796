// Brings what feeds need over a restart into the tables every few seconds (CON-1). While the
// database is away market data serves on from memory.

import type { Logger } from '../../../lib/platform/telemetry/logger.ts';
import type { Timer } from '../../../lib/shard/world.ts';
import type { Feeds, MarketWorld } from '../feeds.ts';
import type { MarketTables, Places } from './market-tables.ts';

/** Between two checkpoints; longer when one takes long, so that it is a small part of the time. */
const PAUSE_MS = 5_000;
const LONGEST_PART = 20;
/** How long the last checkpoint may delay the end of the process. */
const STOP_LIMIT_MS = 1_000;
const LOAD_RETRY_MS = 500;

type Surroundings = {
  readonly tables: MarketTables;
  readonly feeds: Feeds;
  readonly world: MarketWorld;
  readonly logger: Logger;
};

/** Restores the feeds, as soon as the database answers. */
export async function loadCheckpoint(
  { tables, feeds, world, logger }: Surroundings,
  signal: AbortSignal,
): Promise<Places> {
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      const places = await tables.load(feeds);
      const sequences = Object.fromEntries([...places].map(([id, place]) => [id, place.sequence]));
      logger.info({ sequences }, 'market data goes on from its tables');
      return places;
    } catch (error) {
      if (attempt === 1) logger.warn({ err: error }, 'market data cannot read its tables yet');
      await new Promise<void>((resolve) => world.setTimer(LOAD_RETRY_MS, resolve));
    }
  }
  return new Map();
}

type CheckpointsOptions = Surroundings & {
  readonly places: () => Places;
  /** Between two checkpoints; as long as is good for most when absent. */
  readonly pauseMs?: number;
};

export class Checkpoints {
  readonly #around: CheckpointsOptions;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #isInTrouble = false;
  #isStopped = false;

  constructor(around: CheckpointsOptions) {
    this.#around = around;
    // At once, so that the logs know this consumer before anything of them is cut (SNAP-4).
    this.#next(0);
  }

  /** Saves once more, if that does not take long, and ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    let limit: Timer | undefined;
    const tooLong = new Promise<void>((resolve) => {
      limit = this.#around.world.setTimer(STOP_LIMIT_MS, resolve);
    });
    const last = (this.#running ?? Promise.resolve()).then(() => this.#save(0));
    await Promise.race([last, tooLong]);
    limit?.cancel();
  }

  #next(delayMs: number): void {
    if (this.#isStopped) return;
    const { world, pauseMs = PAUSE_MS } = this.#around;
    this.#timer = world.setTimer(delayMs, () => {
      const beganUs = world.monotonicUs();
      this.#running = this.#save(pauseMs / 2).then(() => {
        const tookMs = (world.monotonicUs() - beganUs) / 1_000;
        this.#next(Math.max(pauseMs, tookMs * LONGEST_PART));
      });
    });
  }

  async #save(minimumAgeMs: number): Promise<void> {
    const { tables, feeds, places, logger } = this.#around;
    try {
      await tables.save({ places: places(), feeds: feeds.all(), minimumAgeMs });
      if (this.#isInTrouble) logger.info('market data writes its tables again');
      this.#isInTrouble = false;
    } catch (error) {
      if (!this.#isInTrouble) {
        logger.warn({ err: error }, 'market data cannot write its tables and serves from memory');
      }
      this.#isInTrouble = true;
    }
  }
}
