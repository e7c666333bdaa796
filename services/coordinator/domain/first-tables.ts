// The shards and the slot map of a new exchange: every slot goes to a shard by rendezvous hashing,
// in generation 1. After that the tables are the truth, not the formula (architecture 4).

import { assignSlots } from '../../lib/routing/rendezvous.ts';
import {
  type ClusterTables,
  SHARD_KINDS,
  type ShardKind,
  type SlotRow,
  type TableChange,
} from './cluster-tables.ts';
import { newShard } from './new-shards.ts';

/** How many shards of each kind a new exchange gets. */
export type ShardCounts = Readonly<Record<ShardKind, number>>;

/** What creates the shards of kinds that have none; nothing when all have some. */
export function firstChanges(tables: ClusterTables, counts: ShardCounts): readonly TableChange[] {
  return SHARD_KINDS.filter((kind) => !hasShards(tables, kind)).flatMap((kind) =>
    firstChangesOf(kind, counts[kind]),
  );
}

function hasShards(tables: ClusterTables, kind: ShardKind): boolean {
  return [...tables.shards.values()].some((shard) => shard.kind === kind);
}

function firstChangesOf(kind: ShardKind, count: number): readonly TableChange[] {
  const shardIds = Array.from({ length: count }, (_, index) => `${kind}-${index + 1}`);
  const slots: SlotRow[] = assignSlots(shardIds).map((shardId, slot) => ({
    slot,
    shardId,
    generation: 1,
    published: false,
  }));
  const shards: TableChange[] = shardIds.map((shardId) => ({
    kind: 'shard',
    shard: newShard(shardId, kind),
  }));
  return [...shards, { kind: 'slots', of: kind, slots }];
}
