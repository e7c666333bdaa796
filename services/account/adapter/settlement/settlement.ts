// Settlement of one account shard: a follower for every matching shard, and the waits for it
// (SET-4).

import {
  findShardOfInstrument,
  shardsOfKind,
} from '../../../lib/platform/cluster/cluster-table.ts';
import { pause } from '../../../lib/platform/cluster/cluster-world.ts';
import type { FollowedPoint } from '../../../lib/platform/cluster/join-cluster.ts';
import type { ClusterWatch } from '../../../lib/platform/cluster/watch-cluster.ts';
import type { Logger } from '../../../lib/platform/telemetry/logger.ts';
import type { Timer, World } from '../../../lib/shard/world.ts';
import type { MatchingNodes } from './matching-nodes.ts';
import { SourceFollower, type SourceFollowerOptions } from './source-follower.ts';

/** How long a read or a hold waits for settlement. */
const WAIT_LIMIT_MS = 250;
/** New holds are refused beyond this lag (SNAP-5), and it is an alarm (SET-3). */
const LAG_LIMIT_MS = 5_000;
const LAG_CHECK_MS = 1_000;
/** How often a source that is not known yet is looked for. */
const UNKNOWN_SOURCE_MS = 20;

export type SettlementOptions = {
  readonly watch: ClusterWatch;
  readonly nodes: MatchingNodes;
  readonly world: World;
  readonly log: Logger;
  /** Options of a follower but the source. */
  readonly follower: (
    sourceShardId: string,
  ) => Pick<SourceFollowerOptions, 'settledPlace' | 'ownedSlots' | 'propose'>;
};

export class Settlement {
  readonly #options: SettlementOptions;
  readonly #followers = new Map<string, SourceFollower>();
  readonly #unsubscribe: () => void;
  #lagTimer: Timer;
  #isAlarmed = false;

  constructor(options: SettlementOptions) {
    this.#options = options;
    this.#lagTimer = options.world.setTimer(LAG_CHECK_MS, () => this.#checkLag());
    this.#unsubscribe = options.watch.onChange((table) => {
      for (const { shardId } of shardsOfKind(table, 'matching')) this.#follow(shardId);
    });
  }

  #follow(sourceShardId: string): void {
    if (this.#followers.has(sourceShardId)) return;
    const { world, nodes, log, follower } = this.#options;
    const options: SourceFollowerOptions = {
      ...follower(sourceShardId),
      ...{ sourceShardId, world, nodes, log },
      settledOf: (shardId) => this.#followers.get(shardId)?.settledSequence ?? 0,
      untilSettled: (shardId, sequence, signal) => this.#untilSettled(shardId, sequence, signal),
    };
    this.#followers.set(sourceShardId, new SourceFollower(options));
  }

  /** Behind an import (MOV-6): the other source is in every table that shows the import's shard. */
  async #untilSettled(shardId: string, sequence: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const follower = this.#followers.get(shardId);
      if (follower === undefined) {
        await pause(this.#options.world, UNKNOWN_SOURCE_MS, signal);
        continue;
      }
      await Promise.race([
        follower.waitFor(sequence),
        new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        }),
      ]);
      return;
    }
  }

  /** Last settled sequence by source. */
  settledSequences(): readonly (readonly [string, number])[] {
    return [...this.#followers].map(([id, follower]) => [id, follower.settledSequence] as const);
  }

  /** How far each source's log has been followed (LOG-12). */
  followed(): readonly FollowedPoint[] {
    return [...this.#followers].flatMap(([shardId, { seenPoint }]) =>
      seenPoint === undefined ? [] : [{ shardId, ...seenPoint }],
    );
  }

  /** Age of the oldest event that waits to be settled, by source, in milliseconds. */
  lagsMs(): readonly (readonly [string, number])[] {
    return [...this.#followers].map(([id, follower]) => [id, follower.lagMs()] as const);
  }

  #checkLag(): void {
    const { log, world } = this.#options;
    const isBehind = this.isTooFarBehind();
    if (isBehind && !this.#isAlarmed) {
      log.error({ lags_ms: Object.fromEntries(this.lagsMs()) }, 'settlement is far behind (SET-3)');
    } else if (!isBehind && this.#isAlarmed) {
      log.info('settlement has caught up');
    }
    this.#isAlarmed = isBehind;
    this.#lagTimer = world.setTimer(LAG_CHECK_MS, () => this.#checkLag());
  }

  /** True while settlement is so far behind that no new hold may be placed (SNAP-5). */
  isTooFarBehind(): boolean {
    for (const follower of this.#followers.values()) {
      if (follower.lagMs() > LAG_LIMIT_MS) return true;
    }
    return false;
  }

  /**
   * Waits until everything that the instruments' shards had committed by now is settled.
   *
   * @returns false when that takes longer than 250 ms, or a shard does not answer: SETTLEMENT_LAG
   */
  async waitFor(instrumentIds: readonly string[]): Promise<boolean> {
    const table = this.#options.watch.table();
    const shardIds = new Set<string>();
    for (const instrumentId of instrumentIds) {
      const shardId = table && findShardOfInstrument(table, instrumentId)?.shardId;
      if (shardId === undefined) return false;
      shardIds.add(shardId);
    }
    if (shardIds.size === 0) return true;
    const settled = Promise.all([...shardIds].map((shardId) => this.#waitForShard(shardId)));
    const { world } = this.#options;
    return new Promise((resolve) => {
      const timer = world.setTimer(WAIT_LIMIT_MS, () => resolve(false));
      const finish = (isSettled: boolean): void => {
        timer.cancel();
        resolve(isSettled);
      };
      settled.then(
        () => finish(true),
        () => finish(false),
      );
    });
  }

  async #waitForShard(shardId: string): Promise<void> {
    const sequence = await this.#options.nodes.fetchPosition(shardId, WAIT_LIMIT_MS);
    const follower = this.#followers.get(shardId);
    if (follower === undefined) throw new Error(`nobody follows shard ${shardId}`);
    await follower.waitFor(sequence);
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#lagTimer.cancel();
    await Promise.all([...this.#followers.values()].map((follower) => follower.stop()));
    this.#followers.clear();
  }
}
