// The coordinator's tables of the cluster as values (CRD-1): the wish, of which every change is one
// transaction. Pure.

/** The two kinds of shard. */
export type ShardKind = 'matching' | 'account';

/** The kinds of process that join. */
export type NodeKind = ShardKind | 'order' | 'marketdata';

export const SHARD_KINDS: readonly ShardKind[] = ['matching', 'account'];

export type NodeRow = {
  readonly nodeId: string;
  readonly kind: NodeKind;
  /** `host:port` of its gRPC server. */
  readonly address: string;
  /** Random id of the process's start. */
  readonly incarnation: string;
  readonly live: boolean;
};

/** A process that was told to lead. */
export type LeaderRow = { readonly nodeId: string; readonly incarnation: string };

export type ShardRow = {
  readonly shardId: string;
  readonly kind: ShardKind;
  /** Only grows. */
  readonly epoch: number;
  /** The last epoch in which a leader has reported that it serves. */
  readonly servingEpoch: number;
  /** Who leads, or shall lead, in `epoch`. */
  readonly leader: LeaderRow | undefined;
  readonly replicaNodeIds: readonly string[];
};

export type SlotRow = {
  readonly slot: number;
  readonly shardId: string;
  /** Grows with every change of owner (MOV-1). */
  readonly generation: number;
  /** True once the owner has committed that it owns the slot (CRD-5). */
  readonly published: boolean;
};

export type ClusterTables = {
  readonly version: number;
  readonly nodes: ReadonlyMap<string, NodeRow>;
  readonly shards: ReadonlyMap<string, ShardRow>;
  /** By slot, of each kind. */
  readonly slots: Readonly<Record<ShardKind, readonly SlotRow[]>>;
};

/** One change of the tables. A list of them is applied in one transaction. */
export type TableChange =
  | { readonly kind: 'node'; readonly node: NodeRow }
  | { readonly kind: 'shard'; readonly shard: ShardRow }
  | { readonly kind: 'slots'; readonly of: ShardKind; readonly slots: readonly SlotRow[] };

/** The tables after changes, one version higher. */
export function applyChanges(
  tables: ClusterTables,
  changes: readonly TableChange[],
): ClusterTables {
  const nodes = new Map(tables.nodes);
  const shards = new Map(tables.shards);
  const slots = { matching: [...tables.slots.matching], account: [...tables.slots.account] };
  for (const change of changes) {
    if (change.kind === 'node') nodes.set(change.node.nodeId, change.node);
    else if (change.kind === 'shard') shards.set(change.shard.shardId, change.shard);
    else for (const row of change.slots) slots[change.of][row.slot] = row;
  }
  return { version: tables.version + 1, nodes, shards, slots };
}
