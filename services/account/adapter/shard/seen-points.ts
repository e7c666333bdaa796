// What readers have seen of a shard's log, compared with the log (LOG-12). Only the reader is told:
// what it brings is no proof, because a client may bring anything.

import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { LogPoint } from '../../../lib/shard/log-entry.ts';
import type { LogHistory } from '../../../lib/shard/log-history.ts';
import type { RecentPoints } from '../../../lib/shard/recent-points.ts';
import { LogUnreachable } from '../../../lib/shard/world.ts';
import { logUnavailable } from './refusals.ts';

export type SeenPointsOptions = {
  readonly shardId: string;
  /** The shard's last committed entry. */
  readonly committed: LogPoint;
  readonly points: RecentPoints;
  readonly history: LogHistory;
};

/** @throws OperatingError LOG_FORKED, LOG_UNAVAILABLE. */
export async function checkSeenPoint(
  options: SeenPointsOptions,
  { entryIndex, chainChecksum }: LogPoint,
): Promise<void> {
  const { committed, points, shardId } = options;
  const isBehind = entryIndex <= committed.entryIndex;
  const found =
    entryIndex === committed.entryIndex
      ? committed.chainChecksum
      : (points.find(entryIndex) ?? (isBehind ? await fetchChecksum(options, entryIndex) : ''));
  // What was cut off the log cannot be compared.
  if (found === undefined || (isBehind && found.startsWith(chainChecksum))) return;
  throw new OperatingError('LOG_FORKED', 'The log of the shard is not the one that was seen.', {
    metadata: {
      shard_id: shardId,
      entry_index: `${entryIndex}`,
      seen_chain_checksum: chainChecksum,
      found_chain_checksum: found,
    },
  });
}

async function fetchChecksum(
  { history, shardId }: SeenPointsOptions,
  entryIndex: number,
): Promise<string | undefined> {
  try {
    return (await history.fetchPoint(entryIndex))?.chainChecksum;
  } catch (error) {
    if (error instanceof LogUnreachable) throw logUnavailable(shardId);
    throw error;
  }
}
