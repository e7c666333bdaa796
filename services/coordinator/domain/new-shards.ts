// Shards that are added to an exchange, and the slots that should move to them. Pure.

import { assignSlots } from '../../lib/routing/rendezvous.ts';
import type { ClusterTables, ShardKind, ShardRow } from './cluster-tables.ts';
import { movingSlots } from './moves.ts';

/** A shard that owns nothing and is hosted nowhere yet (MOV-8). */
export function newShard(shardId: string, kind: ShardKind): ShardRow {
  return {
    shardId,
    kind,
    epoch: 0,
    servingEpoch: 0,
    promisedEpoch: 0,
    leader: undefined,
    replicaNodeIds: [],
  };
}

/**
 * Slots that rendezvous hashing over all shards of the kind gives to one of them and that it does
 * not own: an even share (architecture 4). Slots in a move are left out.
 */
export function shareOf(tables: ClusterTables, shardId: string, kind: ShardKind): number[] {
  const ids = [...tables.shards.values()]
    .filter((shard) => shard.kind === kind)
    .map((shard) => shard.shardId);
  const owners = assignSlots(ids.includes(shardId) ? ids : [...ids, shardId]);
  const moving = movingSlots(tables, kind);
  const slots: number[] = [];
  owners.forEach((owner, slot) => {
    const isElsewhere = tables.slots[kind][slot]?.shardId !== shardId;
    if (owner === shardId && isElsewhere && !moving.has(slot)) slots.push(slot);
  });
  return slots;
}
