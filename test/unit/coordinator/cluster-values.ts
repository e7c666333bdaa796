// Rows and reports for tests of decisions.

import type {
  ClusterTables,
  NodeRow,
  ShardRow,
} from '../../../services/coordinator/domain/cluster-tables.ts';
import { newShard } from '../../../services/coordinator/domain/new-shards.ts';
import type { ReplicaReport, Reports } from '../../../services/coordinator/domain/placement.ts';

export const EMPTY: ClusterTables = {
  version: 0,
  nodes: new Map(),
  shards: new Map(),
  slots: { matching: [], account: [] },
  moves: new Map(),
};

export function node(nodeId: string, more: Partial<NodeRow> = {}): NodeRow {
  const kind = nodeId.startsWith('account') ? 'account' : 'matching';
  return {
    nodeId,
    kind,
    address: `${nodeId}:1`,
    incarnation: 'first',
    live: true,
    draining: false,
    ...more,
  };
}

export function tablesWith(nodes: readonly NodeRow[], shards: readonly ShardRow[]): ClusterTables {
  return {
    ...EMPTY,
    nodes: new Map(nodes.map((one) => [one.nodeId, one])),
    shards: new Map(shards.map((one) => [one.shardId, one])),
  };
}

export function shard(shardId: string, more: Partial<ShardRow> = {}): ShardRow {
  const kind = shardId.startsWith('account') ? 'account' : 'matching';
  return { ...newShard(shardId, kind), ...more };
}

export function report(shardId: string, more: Partial<ReplicaReport> = {}): ReplicaReport {
  return { shardId, role: 'standby', epoch: 0, appliedEntryIndex: 0, ...more };
}

export function reportsOf(all: Readonly<Record<string, readonly ReplicaReport[]>>): Reports {
  return new Map(
    Object.entries(all).map(([nodeId, list]) => [
      nodeId,
      new Map(list.map((one) => [one.shardId, one])),
    ]),
  );
}
