// What requests of operators say of shards: kinds and ids.

import { ShardKind as KindNumber } from '../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { ClusterTables, ShardKind, ShardRow } from '../domain/cluster-tables.ts';

const KINDS: Readonly<Record<number, ShardKind>> = {
  [KindNumber.MATCHING]: 'matching',
  [KindNumber.ACCOUNT]: 'account',
};

/** Undefined when the number is no kind, or unspecified. */
export function findKind(number: number): ShardKind | undefined {
  return KINDS[number];
}

/** @throws OperatingError SHARD_UNKNOWN. */
export function knownShard(tables: ClusterTables, shardId: string): ShardRow {
  const shard = tables.shards.get(shardId);
  if (shard !== undefined) return shard;
  const metadata = { shard_id: shardId };
  throw new OperatingError('SHARD_UNKNOWN', `There is no shard ${shardId}.`, { metadata });
}
