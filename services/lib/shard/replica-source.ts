// Where the replicas of a shard come from: made in their first state, or taken over from the newest
// snapshot that counts (SNAP-3).

import type { ShardHostOptions } from './host-options.ts';
import { DEFAULT_MAXIMUM_IDENTITIES, Replica, type ReplicaOptions } from './replica.ts';
import { type LoadedSnapshot, SnapshotLoader } from './snapshot-loader.ts';
import type { LogStore } from './world.ts';

export class ReplicaSource<C, E, A> {
  readonly #options: ReplicaOptions<C, E, A>;
  readonly #loader: SnapshotLoader<C, E, A>;

  constructor(host: ShardHostOptions<C, E, A>, log: LogStore) {
    const { world, shardId, createMachine, codec, observer } = host;
    const { maximumIdentities = DEFAULT_MAXIMUM_IDENTITIES } = host;
    this.#options = { shardId, createMachine, codec, maximumIdentities };
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
}
