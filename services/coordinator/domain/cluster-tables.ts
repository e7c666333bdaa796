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
  /** True while an operator keeps this process from leading. */
  readonly draining: boolean;
};

/** Who has joined: a row without what the coordinator itself knows of it. */
export type JoinedNode = Omit<NodeRow, 'live' | 'draining'>;

/** A process that was told to lead. */
export type LeaderRow = { readonly nodeId: string; readonly incarnation: string };

export type ShardRow = {
  readonly shardId: string;
  readonly kind: ShardKind;
  /** Only grows. */
  readonly epoch: number;
  /** The last epoch in which a leader has reported that it serves. */
  readonly servingEpoch: number;
  /** The last epoch that was promised to whom a leadership is handed over (REP-5); 0: none was. */
  readonly promisedEpoch: number;
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

/** What a move waits for; the last two are its ends (MOV-2). */
export type MoveState = 'pending' | 'copying' | 'exported' | 'imported' | 'done' | 'rolledBack';

/** The move of one slot (MOV-2). Times in microseconds since the Unix epoch. */
export type MoveRow = {
  /** From 1; moves of a shard happen in this order. */
  readonly moveNumber: number;
  readonly kind: ShardKind;
  readonly slot: number;
  readonly sourceShardId: string;
  readonly targetShardId: string;
  /** In which the target shall own the slot; the source gets it back with the next one. */
  readonly generation: number;
  readonly state: MoveState;
  /** Under which it was asked for; several moves may share it. */
  readonly clientRequestId: string;
  /** Why it goes back; undefined while it goes forward. */
  readonly rollBackReason: string | undefined;
  /** The target will never import it: the first half of rolling back is done (MOV-5). */
  readonly importRefused: boolean;
  readonly copiedBytes: number;
  /** What was left when the slot was exported. */
  readonly restBytes: number;
  readonly rounds: number;
  readonly retries: number;
  readonly createTimeUs: number;
  readonly copyTimeUs: number | undefined;
  readonly exportTimeUs: number | undefined;
  readonly importTimeUs: number | undefined;
  readonly endTimeUs: number | undefined;
  /** From the export's commit until the new owner was published, or the old one again. */
  readonly pauseUs: number | undefined;
};

export function isOpen({ state }: MoveRow): boolean {
  return state !== 'done' && state !== 'rolledBack';
}

export type ClusterTables = {
  readonly version: number;
  readonly nodes: ReadonlyMap<string, NodeRow>;
  readonly shards: ReadonlyMap<string, ShardRow>;
  /** By slot, of each kind. */
  readonly slots: Readonly<Record<ShardKind, readonly SlotRow[]>>;
  /** By number, ascending: all that are open, and the last that ended. */
  readonly moves: ReadonlyMap<number, MoveRow>;
};

/** One change of the tables. A list of them is applied in one transaction. */
export type TableChange =
  | { readonly kind: 'node'; readonly node: NodeRow }
  | { readonly kind: 'shard'; readonly shard: ShardRow }
  | { readonly kind: 'move'; readonly move: MoveRow }
  | { readonly kind: 'slots'; readonly of: ShardKind; readonly slots: readonly SlotRow[] };

/** Moves that have ended are kept for operators, this many. */
export const ENDED_MOVES_LIMIT = 10_000;

function forgetOldMoves(moves: Map<number, MoveRow>): void {
  let surplus = moves.size - ENDED_MOVES_LIMIT;
  for (const move of moves.values()) {
    if (surplus <= 0) return;
    if (isOpen(move)) continue;
    moves.delete(move.moveNumber);
    surplus -= 1;
  }
}

/** The tables after changes, one version higher. */
export function applyChanges(
  tables: ClusterTables,
  changes: readonly TableChange[],
): ClusterTables {
  const nodes = new Map(tables.nodes);
  const shards = new Map(tables.shards);
  const slots = { matching: [...tables.slots.matching], account: [...tables.slots.account] };
  const moves = new Map(tables.moves);
  for (const change of changes) {
    if (change.kind === 'node') nodes.set(change.node.nodeId, change.node);
    else if (change.kind === 'shard') shards.set(change.shard.shardId, change.shard);
    else if (change.kind === 'move') moves.set(change.move.moveNumber, change.move);
    else for (const row of change.slots) slots[change.of][row.slot] = row;
  }
  forgetOldMoves(moves);
  return { version: tables.version + 1, nodes, shards, slots, moves };
}
