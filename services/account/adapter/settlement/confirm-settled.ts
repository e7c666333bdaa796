// Says in the logs of the matching shards how far an account shard has settled them, so that
// nothing is cut off that it still needs (SNAP-4).

import type { Logger } from '../../../lib/platform/telemetry/logger.ts';
import type { LogUpkeep } from '../../../lib/shard/log-upkeep.ts';
import type { Timer, World } from '../../../lib/shard/world.ts';

/** The last entry and event of a matching shard that are settled for good. */
export type SettledPlace = { readonly entryIndex: number; readonly sequence: number };

export type ConfirmOptions = {
  readonly world: World;
  readonly log: Logger;
  /** The account shard. */
  readonly shardId: string;
  /** What is settled and committed (READ-1), by matching shard. */
  readonly readSettled: () => Promise<ReadonlyMap<string, SettledPlace>>;
  /** Between two confirmations. */
  readonly everyMs?: number | undefined;
};

/** The logs are cut some minutes behind their ends, at the earliest. */
const CONFIRM_MS = 10_000;
/** A new account shard is heard of soon. */
const FIRST_CONFIRM_MS = 500;

export class SettledConfirmations {
  readonly #options: ConfirmOptions;
  readonly #upkeeps = new Map<string, LogUpkeep>();
  #timer: Timer;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ConfirmOptions) {
    this.#options = options;
    this.#timer = options.world.setTimer(FIRST_CONFIRM_MS, () => this.#begin());
  }

  #begin(): void {
    this.#running = this.#confirm().finally(() => {
      if (this.#isStopped) return;
      const { world, everyMs = CONFIRM_MS } = this.#options;
      this.#timer = world.setTimer(everyMs, () => this.#begin());
    });
  }

  async #confirm(): Promise<void> {
    const { world, log, shardId, readSettled } = this.#options;
    try {
      for (const [sourceShardId, place] of await readSettled()) {
        if (this.#isStopped) return;
        let upkeep = this.#upkeeps.get(sourceShardId);
        if (upkeep === undefined) {
          upkeep = world.openUpkeep(sourceShardId);
          this.#upkeeps.set(sourceShardId, upkeep);
        }
        await upkeep.confirmConsumed(`settlement of ${shardId}`, place);
      }
    } catch (error) {
      // Whatever it was: what is not confirmed is not cut off, and the next time is soon.
      log.debug({ err: error, shard_id: shardId }, 'settlement was not confirmed');
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer.cancel();
    await this.#running;
    await Promise.all([...this.#upkeeps.values()].map((upkeep) => upkeep.close()));
  }
}
