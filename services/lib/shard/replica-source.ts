// Where the replicas of a shard come from: made in their first state, or taken over from the newest
// snapshot that counts (SNAP-3).

import type { ShardHostOptions } from './host-options.ts';
import { describeStop, type StopReason } from './host-state.ts';
import { KeptRows } from './kept-rows.ts';
import { DEFAULT_MAXIMUM_IDENTITIES, Replica, type ReplicaOptions } from './replica.ts';
import { type LoadedSnapshot, SnapshotLoader } from './snapshot-loader.ts';
import type { LogStore } from './world.ts';

export class ReplicaSource<C, E, A> {
  readonly #options: ReplicaOptions<C, E, A>;
  readonly #loader: SnapshotLoader<C, E, A>;
  readonly #log: LogStore;
  readonly #nodeId: string;
  /** Of whichever replica this host has. */
  readonly #keptRows = new KeptRows();

  constructor(host: ShardHostOptions<C, E, A>, log: LogStore) {
    const { world, shardId, createMachine, codec, observer } = host;
    const { maximumIdentities = DEFAULT_MAXIMUM_IDENTITIES } = host;
    this.#log = log;
    this.#nodeId = host.nodeId;
    const keptRows = this.#keptRows;
    this.#options = { shardId, createMachine, codec, maximumIdentities, keptRows };
    this.#loader = new SnapshotLoader({
      log,
      openSnapshots: () => world.openSnapshots(shardId),
      replica: this.#options,
      onPassedOver: (passed) => observer?.onSnapshotPassedOver?.(passed),
      onRestored: (point) => observer?.onSnapshotRestored?.(point),
    });
  }

  create(): Replica<C, E, A> {
    return new Replica(this.#options);
  }

  /**
   * Takes a replica over from a snapshot, if there is one.
   *
   * @param pause is called between rows
   * @throws LogUnreachable, LogNotDurable; what `pause` throws
   */
  load(pause: () => Promise<void>): Promise<LoadedSnapshot<C, E, A>> {
    return this.#loader.load(pause);
  }

  /**
   * Notes for operators, and for the next process, that the log is forked, with what this host has
   * had in its place and behind (LOG-12). The host's state says it in any case.
   */
  async recordFork(reason: Extract<StopReason, { kind: 'LOG_FORKED' }>): Promise<void> {
    const rows = this.#keptRows.from(reason.found?.entryIndex ?? 1);
    const kept = { nodeId: this.#nodeId, rows };
    await this.#log.recordFork(describeStop(reason), kept).catch(() => {});
  }
}
