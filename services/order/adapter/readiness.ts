// Whether an order would be taken now: every slot of both kinds has a shard, and every shard a
// leader that serves and is there. What health says (contracts: Services).

import {
  type ClusterShard,
  type ClusterTable,
  shardsOfKind,
} from '../../lib/platform/cluster/cluster-table.ts';
import type { ClusterWatch } from '../../lib/platform/cluster/watch-cluster.ts';
import { SLOT_COUNT } from '../../lib/routing/slot.ts';
import { findOwner } from '../../lib/routing/slot-map.ts';

/** Calls back with every change of readiness, the present one included; returns what ends it. */
export function watchReadiness(
  cluster: ClusterWatch,
  onChange: (isReady: boolean) => void,
): () => void {
  let last: boolean | undefined;
  return cluster.onChange((table) => {
    const isReady = isComplete(table, 'matching') && isComplete(table, 'account');
    if (isReady !== last) onChange(isReady);
    last = isReady;
  });
}

function isComplete(table: ClusterTable, kind: 'matching' | 'account'): boolean {
  const shards = shardsOfKind(table, kind);
  if (shards.length === 0 || !shards.every((shard) => isServed(table, shard))) return false;
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    if (findOwner(table.slotMaps[kind], slot) === undefined) return false;
  }
  return true;
}

/** A leader stays the leader while its process is gone: nobody else may be. */
function isServed({ nodes }: ClusterTable, { leader }: ClusterShard): boolean {
  return leader !== undefined && nodes.get(leader.nodeId)?.live === true;
}
