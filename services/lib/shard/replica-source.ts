// Where the replicas of a shard come from: made in their first state, or taken over from the newest
// snapshot that counts (SNAP-3).

import type { HostObserver } from './observer.ts';
import { Replica, type ReplicaOptions } from './replica.ts';
import { type LoadedSnapshot, SnapshotLoader } from './snapshot-loader.ts';
import type { LogStore, World } from './world.ts';

export type ReplicaSourceOptions<C, E, A> = {
  readonly world: World;
  readonly log: LogStore;
  readonly replica: ReplicaOptions<C, E, A>;
  readonly observer: HostObserver<E, A>;
};

export class ReplicaSource<C, E, A> {
  readonly #options: ReplicaSourceOptions<C, E, A>;
  readonly #loader: SnapshotLoader<C, E, A>;

  constructor(options: ReplicaSourceOptions<C, E, A>) {
    this.#options = options;
    const { world, log, replica, observer } = options;
    this.#loader = new SnapshotLoader({
      log,
      openSnapshots: () => world.openSnapshots(replica.shardId),
      replica,
      onPassedOver: (passed) => observer.onSnapshotPassedOver?.(passed),
      onRestored: (point) => observer.onSnapshotRestored?.(point),
    });
  }

  readonly create = (): Replica<C, E, A> => new Replica(this.#options.replica);

  readonly load = (pause: () => Promise<void>): Promise<LoadedSnapshot<C, E, A>> =>
    this.#loader.load(pause);
}
