// When a matching node may say that it serves: all shards that it hosts are led here and reach
// their log. A node that was given none, because there are more nodes than shards, serves as it is.

import type { ClusterMembership } from '../../lib/platform/cluster/join-cluster.ts';
import type { HealthBoard } from '../../lib/platform/rpc/health.ts';
import type { World } from '../../lib/shard/world.ts';
import type { MatchingShards } from './matching-handlers.ts';

/** A node that has joined gets its shards much sooner. */
const ASSIGNMENT_MS = 2_000;
const LOOK_MS = 500;

/** Keeps the health board true from now on; returns what ends it. */
export function watchServing(
  {
    world,
    shards,
    membership,
  }: {
    readonly world: World;
    readonly shards: MatchingShards;
    readonly membership: ClusterMembership;
  },
  health: HealthBoard,
): () => void {
  let joinedUs = Number.NaN;
  const look = () => {
    if (!membership.isConnected()) joinedUs = Number.NaN;
    else if (Number.isNaN(joinedUs)) joinedUs = world.monotonicUs();
    const isIdle =
      shards.hosts().length === 0 && world.monotonicUs() - joinedUs > ASSIGNMENT_MS * 1_000;
    health.setAll(isIdle || shards.allServe());
    timer = world.setTimer(LOOK_MS, look);
  };
  let timer = world.setTimer(0, look);
  return () => timer.cancel();
}
