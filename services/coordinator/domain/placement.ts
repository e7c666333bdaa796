// Who hosts which shard, and what its nodes are told (CRD-4, REP-8): decisions over the tables and
// what the nodes report. Pure; the caller stores the changes and sends the orders.

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
  /** Version of the shard's log, of a leader; and the newest that its program knows (LOG-16). */
  readonly version?: number;
  readonly newestVersion?: number;
};

/** Reports of live nodes, by node id and shard id, from their present incarnation. */
export type Reports = ReadonlyMap<string, ReadonlyMap<string, ReplicaReport>>;

/** A leadership that shall end so that another node can take it (REP-5). */
export type WantedHandOver = {
  /** The leadership that ends. */
  readonly epoch: number;
  /** Who shall lead; undefined when nobody can and the leader just leaves. */
  readonly target: { readonly nodeId: string; readonly address: string } | undefined;
};

/** One that has begun. */
export type HandOver = WantedHandOver & {
  /**
   * The target leads in this epoch by the leader's word, once that is promised to it; 0: when it
   * is told to.
   */
  readonly nextEpoch: number;
};

/** An order to a node. Orders are repeated until the node's report shows that they are done. */
export type NodeOrder =
  | { readonly kind: 'host'; readonly shardId: string; readonly shardKind: ShardKind }
  | { readonly kind: 'lead'; readonly shardId: string; readonly epoch: number }
  | ({ readonly kind: 'release'; readonly shardId: string } & HandOver)
  | { readonly kind: 'raiseVersion'; readonly shardId: string; readonly version: number };

/** How many nodes of a kind are expected; no node gets more than its even share of replicas. */
export type ExpectedNodes = Readonly<Record<ShardKind, number>>;

export type ReplicaPlan = {
  readonly expectedNodes: ExpectedNodes;
  /** Of each shard: the leader and its standbys. */
  readonly replicas: number;
  /** Nodes that went so long ago that others take over their replicas (REP-8). */
  readonly isLost: (nodeId: string) => boolean;
};

/**
 * Gives every shard the replicas that it lacks. The first goes to the node of the shard's own name,
 * when one is expected, so that operators find `matching-1` on `matching-1`; every other one to the
 * node of its kind that has the fewest. What has a place stays there, unless its node is lost and
 * another one has room (CRD-4, REP-8).
 */
export function decideReplicas(tables: ClusterTables, plan: ReplicaPlan): readonly TableChange[] {
  const load = countReplicas(tables);
  const changes: TableChange[] = [];
  for (const shard of shardsInOrder(tables)) {
    const kept = [...shard.replicaNodeIds];
    for (;;) {
      const place = nextPlace(tables, { ...shard, replicaNodeIds: kept }, plan, load);
      if (place === undefined) break;
      if (place.instead !== undefined) {
        kept.splice(kept.indexOf(place.instead), 1);
        load.set(place.instead, (load.get(place.instead) ?? 1) - 1);
      }
      kept.push(place.nodeId);
      load.set(place.nodeId, (load.get(place.nodeId) ?? 0) + 1);
    }
    if (kept.length === shard.replicaNodeIds.length && kept.every(isIn(shard.replicaNodeIds))) {
      continue;
    }
    changes.push({ kind: 'shard', shard: { ...shard, replicaNodeIds: kept } });
  }
  return changes;
}

type Place = { readonly nodeId: string; readonly instead: string | undefined };

function nextPlace(
  tables: ClusterTables,
  shard: ShardRow,
  plan: ReplicaPlan,
  load: ReadonlyMap<string, number>,
): Place | undefined {
  const { replicaNodeIds } = shard;
  const instead =
    replicaNodeIds.length < plan.replicas
      ? undefined
      : replicaNodeIds.find(
          (nodeId) => tables.nodes.get(nodeId)?.live !== true && plan.isLost(nodeId),
        );
  if (replicaNodeIds.length >= plan.replicas && instead === undefined) return undefined;
  const share = evenShare(tables, shard.kind, plan);
  const isFirst = replicaNodeIds.length === 0;
  const node =
    isFirst && isNodeExpected(shard, plan.expectedNodes)
      ? findLive(tables, shard.shardId)
      : leastLoaded(tables, shard, load);
  if (node === undefined || (load.get(node.nodeId) ?? 0) >= share) return undefined;
  return { nodeId: node.nodeId, instead };
}

/** What a node must still be told, given its last report. */
export function ordersFor(
  tables: ClusterTables,
  node: NodeRow,
  reports: Reports,
  handOvers: ReadonlyMap<string, HandOver> = new Map(),
): readonly NodeOrder[] {
  const reported = reports.get(node.nodeId);
  const orders: NodeOrder[] = [];
  for (const shard of shardsInOrder(tables)) {
    const { shardId } = shard;
    if (!shard.replicaNodeIds.includes(node.nodeId)) continue;
    const report = reported?.get(shardId);
    if (report === undefined) {
      orders.push({ kind: 'host', shardId, shardKind: shard.kind });
      continue;
    }
    if (!isLeader(shard, node)) {
      // It may not have noticed yet (REP-7): with nothing to append it never would.
      const isDeposed = report.role === 'leader' && report.epoch < shard.epoch;
      const target = leaderNode(tables, shard);
      const release = { kind: 'release', epoch: report.epoch, nextEpoch: 0 } as const;
      if (isDeposed) orders.push({ ...release, shardId, target: placeOf(target) });
      continue;
    }
    const handOver = handOvers.get(shardId);
    const isReleased = handOver?.epoch === shard.epoch;
    if (isReleased && report.role === 'leader') {
      // A promise is stored before anybody hears of it (CRD-1).
      const isPromised = shard.promisedEpoch >= handOver.nextEpoch;
      if (isPromised) orders.push({ kind: 'release', shardId, ...handOver });
    } else if (!isReleased && report.role === 'standby' && report.epoch < shard.epoch) {
      orders.push({ kind: 'lead', shardId, epoch: shard.epoch });
    }
  }
  return orders;
}

function placeOf(node: NodeRow | undefined): WantedHandOver['target'] {
  return node === undefined ? undefined : { nodeId: node.nodeId, address: node.address };
}

/** The last word of the process that leads, or shall lead; undefined when it has not spoken. */
export function leaderReport(
  tables: ClusterTables,
  shard: ShardRow,
  reports: Reports,
): ReplicaReport | undefined {
  const node = leaderNode(tables, shard);
  return node === undefined ? undefined : reports.get(node.nodeId)?.get(shard.shardId);
}

/** The node of the process that leads, or shall lead; undefined when a new one has its name. */
export function leaderNode(tables: ClusterTables, shard: ShardRow): NodeRow | undefined {
  const node = shard.leader === undefined ? undefined : tables.nodes.get(shard.leader.nodeId);
  return node !== undefined && isLeader(shard, node) ? node : undefined;
}

export function isLeader(shard: ShardRow, node: NodeRow): boolean {
  return shard.leader?.nodeId === node.nodeId && shard.leader.incarnation === node.incarnation;
}

export function shardsInOrder(tables: ClusterTables): readonly ShardRow[] {
  return [...tables.shards.values()].sort((one, other) => byText(one.shardId, other.shardId));
}

export function byText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function countReplicas(tables: ClusterTables): Map<string, number> {
  const load = new Map<string, number>();
  for (const shard of tables.shards.values()) {
    for (const nodeId of shard.replicaNodeIds) load.set(nodeId, (load.get(nodeId) ?? 0) + 1);
  }
  return load;
}

function evenShare(tables: ClusterTables, kind: ShardKind, plan: ReplicaPlan): number {
  const known = [...tables.nodes.values()].filter((node) => node.kind === kind).length;
  const shards = [...tables.shards.values()].filter((shard) => shard.kind === kind).length;
  const nodes = Math.max(1, known, plan.expectedNodes[kind]);
  return Math.ceil((shards * Math.min(plan.replicas, nodes)) / nodes);
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
  { kind, replicaNodeIds }: ShardRow,
  load: ReadonlyMap<string, number>,
): NodeRow | undefined {
  return [...tables.nodes.values()]
    .filter((node) => node.kind === kind && node.live && !replicaNodeIds.includes(node.nodeId))
    .sort(
      (one, other) =>
        (load.get(one.nodeId) ?? 0) - (load.get(other.nodeId) ?? 0) ||
        byText(one.nodeId, other.nodeId),
    )[0];
}

function isIn(texts: readonly string[]): (text: string) => boolean {
  return (text) => texts.includes(text);
}
