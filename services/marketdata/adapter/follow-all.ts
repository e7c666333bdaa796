// Follows every matching shard of the cluster table, new ones as they come.

import { shardsOfKind } from '../../lib/platform/cluster/cluster-table.ts';
import type { ClusterWorld } from '../../lib/platform/cluster/cluster-world.ts';
import type { FollowedPoint } from '../../lib/platform/cluster/join-cluster.ts';
import type { ClusterWatch } from '../../lib/platform/cluster/watch-cluster.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import type { Feeds } from './feeds.ts';
import { followShard, type ShardFollower } from './follow-shard.ts';

const CAUGHT_UP_POLL_MS = 20;

export type Followers = {
  /** Resolves once every shard of the first table has been read to where its log ended. */
  readonly caughtUp: Promise<void>;
  /** How far each shard's log has been followed (LOG-12). */
  followed(): readonly FollowedPoint[];
  stop(): void;
};

export function followAllShards(around: {
  readonly feeds: Feeds;
  readonly watch: ClusterWatch;
  readonly world: ClusterWorld;
  readonly logger: Logger;
}): Followers {
  const followers = new Map<string, ShardFollower>();
  const unwatch = around.watch.onChange((table) => {
    for (const { shardId } of shardsOfKind(table, 'matching')) {
      if (!followers.has(shardId)) followers.set(shardId, followShard(shardId, around));
    }
  });
  let timer: NodeJS.Timeout | undefined;
  const caughtUp = new Promise<void>((resolve) => {
    timer = setInterval(() => {
      const all = [...followers.values()];
      if (all.length === 0 || !all.every((follower) => follower.caughtUp)) return;
      clearInterval(timer);
      resolve();
    }, CAUGHT_UP_POLL_MS);
  });
  return {
    caughtUp,
    followed: () => [...followers.values()].flatMap(({ followed }) => followed ?? []),
    stop() {
      unwatch();
      clearInterval(timer);
      for (const follower of followers.values()) follower.stop();
    },
  };
}
