// The cluster table as every node keeps it (CRD-3): nodes, shards with their leaders, slot maps.
// Pure types and look-ups.

import { slotOf, slotOfAccountNumber } from '../../routing/slot.ts';
import { findOwner, type SlotMap } from '../../routing/slot-map.ts';

/** The two kinds of shard; each has its own slot map. */
export type ShardKind = 'matching' | 'account';

/** The kinds of process that join the cluster. */
export type NodeKind = ShardKind | 'order' | 'marketdata';

export type ClusterNode = {
  readonly nodeId: string;
  readonly kind: NodeKind;
  /** `host:port` of its gRPC server. */
  readonly address: string;
  /** Random id of the process's start. */
  readonly incarnation: string;
  /** False when the coordinator has lost it; suspicion may be wrong (REP-3). */
  readonly live: boolean;
};

/** Who leads a shard, once it serves. */
export type ShardLeader = { readonly nodeId: string; readonly address: string };

export type ClusterShard = {
  readonly shardId: string;
  readonly kind: ShardKind;
  /** Epoch of the leadership in force or just being taken. */
  readonly epoch: number;
  /** Set once the leader has reported that it serves at `epoch`. */
  readonly leader: ShardLeader | undefined;
  readonly replicaNodeIds: readonly string[];
};

/** Everything a node must know to find a shard. Immutable; a change makes a new one. */
export type ClusterTable = {
  /** Raised by every change (CRD-1). */
  readonly version: number;
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  readonly shards: ReadonlyMap<string, ClusterShard>;
  readonly slotMaps: Readonly<Record<ShardKind, SlotMap>>;
};

/** Shards of a kind, by shard id. */
export function shardsOfKind(table: ClusterTable, kind: ShardKind): readonly ClusterShard[] {
  return [...table.shards.values()]
    .filter((shard) => shard.kind === kind)
    .sort((one, other) => (one.shardId < other.shardId ? -1 : 1));
}

/** Shard that owns a slot; undefined when nobody does yet. */
export function findShardOfSlot(
  table: ClusterTable,
  kind: ShardKind,
  slot: number,
): ClusterShard | undefined {
  const owner = findOwner(table.slotMaps[kind], slot);
  return owner === undefined ? undefined : table.shards.get(owner);
}

/** Matching shard of an instrument, by its public id. */
export function findShardOfInstrument(
  table: ClusterTable,
  instrumentId: string,
): ClusterShard | undefined {
  return findShardOfSlot(table, 'matching', slotOf(instrumentId));
}

/** Account shard of an account, by its public id. */
export function findShardOfAccount(
  table: ClusterTable,
  accountId: string,
): ClusterShard | undefined {
  return findShardOfSlot(table, 'account', slotOf(accountId));
}

/** Account shard of an account, by its number. */
export function findShardOfAccountNumber(
  table: ClusterTable,
  accountNumber: number,
): ClusterShard | undefined {
  return findShardOfSlot(table, 'account', slotOfAccountNumber(accountNumber));
}
