// Who hosts and who leads which shard (REP-4, CRD-4): decisions over the tables and what the nodes
// report. Pure; the caller stores the changes and sends the orders.

import type { ClusterTables, NodeRow, ShardKind, ShardRow, TableChange } from './cluster-tables.ts';

/** What a replica says that it is doing. Only a `standby` may be told to lead. */
export type ReplicaRole = 'loading' | 'standby' | 'candidate' | 'leader' | 'failed';

/** What a node says about one of its replicas. */
export type ReplicaReport = {
  readonly shardId: string;
  readonly role: ReplicaRole;
  /** Last epoch in the replica's log. */
  readonly epoch: number;
  readonly appliedEntryIndex: number;
};

/** Reports of live nodes, by node id and shard id, from their present incarnation. */
export type Reports = ReadonlyMap<string, ReadonlyMap<string, ReplicaReport>>;

/** An order to a node. Orders are repeated until the node's report shows that they are done. */
export type NodeOrder =
  | { readonly kind: 'host'; readonly shardId: string; readonly shardKind: ShardKind }
  | { readonly kind: 'lead'; readonly shardId: string; readonly epoch: number };

/** How many nodes of a kind are expected; no node gets more than its even share of the shards. */
export type ExpectedNodes = Readonly<Record<ShardKind, number>>;

/**
 * Gives every shard without a replica to the node of its own name, when one is expected, so that
 * operators find `matching-1` on `matching-1`; else to the node of its kind that has the fewest
 * (CRD-4).
 */
export function decideReplicas(
  tables: ClusterTables,
  expectedNodes: ExpectedNodes,
): readonly TableChange[] {
  const load = countReplicas(tables);
  const changes: TableChange[] = [];
  for (const shard of shardsInOrder(tables)) {
    if (shard.replicaNodeIds.length > 0) continue;
    const share = evenShare(tables, shard.kind, expectedNodes[shard.kind]);
    const node = isNodeExpected(shard, expectedNodes)
      ? findLive(tables, shard.shardId)
      : leastLoaded(tables, shard.kind, load);
    if (node === undefined || (load.get(node.nodeId) ?? 0) >= share) continue;
    load.set(node.nodeId, (load.get(node.nodeId) ?? 0) + 1);
    changes.push({ kind: 'shard', shard: { ...shard, replicaNodeIds: [node.nodeId] } });
  }
  return changes;
}

/**
 * Raises the epoch of every shard whose leader is gone, was another process, or has stepped down,
 * and names the live standby with the highest applied index (REP-4).
 *
 * @param mayReplace whether a process that is still there may be replaced now (REP-3)
 */
export function decideLeaders(
  tables: ClusterTables,
  reports: Reports,
  mayReplace: (shardId: string) => boolean,
): readonly TableChange[] {
  const changes: TableChange[] = [];
  for (const shard of shardsInOrder(tables)) {
    const candidate = bestStandby(tables, shard, reports);
    if (candidate === undefined || !needsLeader(tables, shard, reports, mayReplace)) continue;
    const { node, report } = candidate;
    changes.push({
      kind: 'shard',
      shard: {
        ...shard,
        epoch: Math.max(shard.epoch, report.epoch) + 1,
        leader: { nodeId: node.nodeId, incarnation: node.incarnation },
      },
    });
  }
  return changes;
}

/** Marks the shards whose leader now reports that it serves in the epoch of the table. */
export function decideServing(tables: ClusterTables, reports: Reports): readonly TableChange[] {
  return shardsInOrder(tables)
    .filter((shard) => shard.servingEpoch < shard.epoch)
    .filter((shard) => {
      const report = leaderReport(tables, shard, reports);
      return report?.role === 'leader' && report.epoch === shard.epoch;
    })
    .map((shard) => ({ kind: 'shard', shard: { ...shard, servingEpoch: shard.epoch } }));
}

/** What a node must still be told, given its last report. */
export function ordersFor(
  tables: ClusterTables,
  node: NodeRow,
  reports: Reports,
): readonly NodeOrder[] {
  const reported = reports.get(node.nodeId);
  const orders: NodeOrder[] = [];
  for (const shard of shardsInOrder(tables)) {
    if (!shard.replicaNodeIds.includes(node.nodeId)) continue;
    const report = reported?.get(shard.shardId);
    if (report === undefined) {
      orders.push({ kind: 'host', shardId: shard.shardId, shardKind: shard.kind });
    } else if (isLeader(shard, node) && report.role === 'standby' && report.epoch < shard.epoch) {
      orders.push({ kind: 'lead', shardId: shard.shardId, epoch: shard.epoch });
    }
  }
  return orders;
}

function needsLeader(
  tables: ClusterTables,
  shard: ShardRow,
  reports: Reports,
  mayReplace: (shardId: string) => boolean,
): boolean {
  const node = shard.leader === undefined ? undefined : tables.nodes.get(shard.leader.nodeId);
  if (node === undefined || !node.live || !isLeader(shard, node)) return true;
  const report = leaderReport(tables, shard, reports);
  // A leader that has its epoch in its log and is a standby again has stepped down (REP-7).
  const steppedDown = report?.role === 'standby' && report.epoch >= shard.epoch;
  return steppedDown && mayReplace(shard.shardId);
}

function bestStandby(
  tables: ClusterTables,
  shard: ShardRow,
  reports: Reports,
): { readonly node: NodeRow; readonly report: ReplicaReport } | undefined {
  let best: { readonly node: NodeRow; readonly report: ReplicaReport } | undefined;
  for (const nodeId of [...shard.replicaNodeIds].sort(byText)) {
    const node = tables.nodes.get(nodeId);
    const report = reports.get(nodeId)?.get(shard.shardId);
    if (node?.live !== true || report?.role !== 'standby') continue;
    if (best === undefined || report.appliedEntryIndex > best.report.appliedEntryIndex) {
      best = { node, report };
    }
  }
  return best;
}

function leaderReport(
  tables: ClusterTables,
  shard: ShardRow,
  reports: Reports,
): ReplicaReport | undefined {
  const node = shard.leader === undefined ? undefined : tables.nodes.get(shard.leader.nodeId);
  if (node === undefined || !isLeader(shard, node)) return undefined;
  return reports.get(node.nodeId)?.get(shard.shardId);
}

function isLeader(shard: ShardRow, node: NodeRow): boolean {
  return shard.leader?.nodeId === node.nodeId && shard.leader.incarnation === node.incarnation;
}

function countReplicas(tables: ClusterTables): Map<string, number> {
  const load = new Map<string, number>();
  for (const shard of tables.shards.values()) {
    for (const nodeId of shard.replicaNodeIds) load.set(nodeId, (load.get(nodeId) ?? 0) + 1);
  }
  return load;
}

function evenShare(tables: ClusterTables, kind: ShardKind, expectedNodes: number): number {
  const known = [...tables.nodes.values()].filter((node) => node.kind === kind).length;
  const shards = [...tables.shards.values()].filter((shard) => shard.kind === kind).length;
  return Math.ceil(shards / Math.max(1, known, expectedNodes));
}

/** Nodes are named like shards: by their kind and a number from 1. */
function isNodeExpected({ shardId, kind }: ShardRow, expectedNodes: ExpectedNodes): boolean {
  const number = Number(shardId.slice(kind.length + 1));
  return number >= 1 && number <= expectedNodes[kind];
}

function findLive(tables: ClusterTables, nodeId: string): NodeRow | undefined {
  const node = tables.nodes.get(nodeId);
  return node?.live === true ? node : undefined;
}

function leastLoaded(
  tables: ClusterTables,
  kind: ShardKind,
  load: ReadonlyMap<string, number>,
): NodeRow | undefined {
  return [...tables.nodes.values()]
    .filter((node) => node.kind === kind && node.live)
    .sort(
      (one, other) =>
        (load.get(one.nodeId) ?? 0) - (load.get(other.nodeId) ?? 0) ||
        byText(one.nodeId, other.nodeId),
    )[0];
}

function shardsInOrder(tables: ClusterTables): readonly ShardRow[] {
  return [...tables.shards.values()].sort((one, other) => byText(one.shardId, other.shardId));
}

function byText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
