// The road from this node to whoever leads an account's shard.

import { findShardOfAccount } from '../../../lib/platform/cluster/cluster-table.ts';
import {
  findLeader,
  type LeaderPlace,
  type TableWatch,
} from '../../../lib/platform/cluster/leader-place.ts';
import { NodeChannels } from '../../../lib/platform/cluster/node-channels.ts';
import type { World } from '../../../lib/shard/world.ts';

/** Where accounts are, and how they are reached. */
export type LeaderRoad = {
  readonly watch: TableWatch;
  readonly world: Pick<World, 'wallClockUs' | 'setTimer' | 'randomBytes'>;
  /** `host:port` under which others reach this node. */
  readonly ownAddress: string;
  readonly channels: NodeChannels;
};

/** Connections to the other nodes of accounts. */
export function openLeaderRoad(options: Omit<LeaderRoad, 'channels'>): LeaderRoad {
  return { ...options, channels: new NodeChannels(options.watch, ['account']) };
}

/** A leader that is not this node. */
export type OtherLeader = LeaderPlace & { readonly shardId: string };

/** Undefined when this node leads the account's shard, or nobody does, which it can say itself. */
export function otherLeaderOf({ watch, ownAddress }: LeaderRoad, accountId: string) {
  const table = watch.table();
  const { shardId } = (table && findShardOfAccount(table, accountId)) ?? {};
  if (shardId === undefined) return undefined;
  const leader = findLeader(table, shardId);
  return leader === undefined || leader.address === ownAddress ? undefined : { ...leader, shardId };
}
