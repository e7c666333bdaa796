// Which shards' logs can be raised to the next version of behavior and formats (LOG-16): those of
// which every replica has said that its program knows it. Pure.

import type { ClusterTables, NodeRow } from './cluster-tables.ts';
import { type NodeOrder, type Reports, shardsInOrder } from './placement.ts';

/**
 * What a node must still be told about versions. A replica whose node is away has said nothing, so
 * nothing is raised before it is back, or another one has taken its place (REP-8).
 */
export function versionOrdersFor(
  tables: ClusterTables,
  node: NodeRow,
  reports: Reports,
): readonly NodeOrder[] {
  const orders: NodeOrder[] = [];
  for (const shard of shardsInOrder(tables)) {
    const { shardId, replicaNodeIds } = shard;
    if (shard.leader?.nodeId !== node.nodeId || shard.servingEpoch !== shard.epoch) continue;
    const { role, version = 0 } = reports.get(node.nodeId)?.get(shardId) ?? {};
    if (role !== 'leader' || version === 0) continue;
    const isKnown = replicaNodeIds.every((replicaNodeId) => {
      return (reports.get(replicaNodeId)?.get(shardId)?.newestVersion ?? 0) > version;
    });
    if (isKnown) orders.push({ kind: 'raiseVersion', shardId, version: version + 1 });
  }
  return orders;
}
