// What shards have to do, as their leaders said last (MOV-10).

import { leaderNode } from '../domain/placement.ts';
import type { ClusterRegistry } from './cluster-registry.ts';
import type { ShardLoad } from './members.ts';

/** Undefined while the shard has no leader, or that has not said yet. */
export function loadOf(registry: ClusterRegistry, shardId: string): ShardLoad | undefined {
  const { tables } = registry;
  const shard = tables.shards.get(shardId);
  const node = shard && leaderNode(tables, shard);
  return node && registry.members().get(node.nodeId)?.reports.get(shardId)?.load;
}
