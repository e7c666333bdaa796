// Who has to follow a shard's stream before the shard may own a slot, and whom it has to follow
// itself (MOV-8). Pure.

import type { ClusterTables, ShardRow } from './cluster-tables.ts';
import { leaderNode } from './placement.ts';

/** What a node has said of a stream that it follows. */
export type FollowedStream = {
  readonly shardId: string;
  /** Shard of the node that follows; empty when the node itself does. */
  readonly followerShardId: string;
};

/** What each node follows, by its own word. */
export type Following = (nodeId: string) => readonly FollowedStream[];

/**
 * Whether a shard is in its place between the streams: every account shard and every market-data
 * node that lives follows it, account shards only one another; and an account shard follows every
 * other shard. Of a shard that owns a slot that was so before.
 */
export function isFollowed(tables: ClusterTables, shardId: string, following: Following): boolean {
  const shard = tables.shards.get(shardId);
  if (shard === undefined) return false;
  if (tables.slots[shard.kind].some((row) => row.shardId === shardId)) return true;
  const others = [...tables.shards.values()].filter((other) => other.shardId !== shardId);
  const followers = others.filter(({ kind }) => kind === 'account');
  if (!followers.every((follower) => follows(tables, follower, shardId, following))) return false;
  if (shard.kind === 'account') {
    return others.every((source) => follows(tables, shard, source.shardId, following));
  }
  return [...tables.nodes.values()]
    .filter(({ kind, live }) => kind === 'marketdata' && live)
    .every(({ nodeId }) => following(nodeId).some((stream) => isOf(stream, shardId, '')));
}

/** Only the word of whoever leads the follower counts. */
function follows(
  tables: ClusterTables,
  follower: ShardRow,
  shardId: string,
  following: Following,
): boolean {
  const node = leaderNode(tables, follower);
  if (node === undefined) return false;
  return following(node.nodeId).some((stream) => isOf(stream, shardId, follower.shardId));
}

function isOf(stream: FollowedStream, shardId: string, followerShardId: string): boolean {
  return stream.shardId === shardId && stream.followerShardId === followerShardId;
}
