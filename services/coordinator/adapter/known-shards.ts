// What requests of operators say of shards: kinds, ids, and what can move.

import { ShardKind as KindNumber } from '../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { ClusterTables, ShardKind, ShardRow } from '../domain/cluster-tables.ts';
import { fieldError } from './form.ts';

const KINDS: Readonly<Record<number, ShardKind>> = {
  [KindNumber.MATCHING]: 'matching',
  [KindNumber.ACCOUNT]: 'account',
};

/** Kinds of shard whose slots can move. */
const MOVABLE: ReadonlySet<ShardKind> = new Set(['matching', 'account']);

/** Undefined when the number is no kind, or unspecified. */
export function findKind(number: number): ShardKind | undefined {
  return KINDS[number];
}

/** @throws OperatingError FIELDS_CONFLICT for a kind whose slots stay where they are. */
export function checkMovable(kind: ShardKind): void {
  if (MOVABLE.has(kind)) return;
  throw fieldError('FIELDS_CONFLICT', 'kind', `Slots of ${kind} shards do not move.`);
}

/** @throws OperatingError SHARD_UNKNOWN. */
export function knownShard(tables: ClusterTables, shardId: string): ShardRow {
  const shard = tables.shards.get(shardId);
  if (shard !== undefined) return shard;
  const metadata = { shard_id: shardId };
  throw new OperatingError('SHARD_UNKNOWN', `There is no shard ${shardId}.`, { metadata });
}
