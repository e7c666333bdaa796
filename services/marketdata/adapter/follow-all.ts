// Follows every matching shard of the cluster table, new ones as they come.

import { shardsOfKind } from '../../lib/platform/cluster/cluster-table.ts';
import type { FollowedPoint } from '../../lib/platform/cluster/join-cluster.ts';
import type { TableWatch } from '../../lib/platform/cluster/leader-place.ts';
import { NodeChannels } from '../../lib/platform/cluster/node-channels.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import type { Feeds, MarketWorld } from './feeds.ts';
import { NOTHING_READ, type ReadPlace, ShardFollower } from './follow-shard.ts';

export type Followers = {
  /** Resolves once every shard of the first table has been read to where its log ended. */
  readonly caughtUp: Promise<void>;
  /** How far each shard has been read. */
  places(): ReadonlyMap<string, ReadPlace>;
  /** How far each shard's log has been followed (LOG-12). */
  followed(): readonly FollowedPoint[];
  stop(): Promise<void>;
};

export function followAllShards(around: {
  readonly feeds: Feeds;
  readonly watch: TableWatch;
  readonly world: MarketWorld;
  readonly logger: Logger;
  /** What the feeds have been restored from, by shard; all begin at the first event when absent. */
  readonly from?: ReadonlyMap<string, ReadPlace>;
}): Followers {
  const { watch, from } = around;
  const channels = new NodeChannels(watch, ['matching']);
  const followers = new Map<string, ShardFollower>();
  const caughtUp = Promise.withResolvers<void>();
  const onProgress = (): void => {
    const all = [...followers.values()];
    if (all.length > 0 && all.every((follower) => follower.caughtUp)) caughtUp.resolve();
    for (const follower of all) follower.onOthersProgress();
  };
  const throughOf = (shardId: string): number => followers.get(shardId)?.throughSequence ?? 0;
  const unwatch = watch.onChange((table) => {
    for (const { shardId } of shardsOfKind(table, 'matching')) {
      if (followers.has(shardId)) continue;
      const place = from?.get(shardId) ?? NOTHING_READ;
      const surroundings = { ...around, channels, throughOf, onProgress };
      followers.set(shardId, new ShardFollower(shardId, place, surroundings));
    }
  });
  return {
    caughtUp: caughtUp.promise,
    places: () => new Map([...followers].map(([shardId, { place }]) => [shardId, place])),
    followed: () => [...followers.values()].flatMap(({ followed }) => followed ?? []),
    async stop() {
      unwatch();
      await Promise.all([...followers.values()].map((follower) => follower.stop()));
      channels.close();
    },
  };
}
