// Says what becomes of a shard's snapshots.

import type { CutResult } from '../../shard/log-cutter.ts';
import type { HostObserver } from '../../shard/observer.ts';
import type { Logger } from '../telemetry/logger.ts';
import { addToMetric } from '../telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../telemetry/names.ts';

type SnapshotHook = 'onSnapshotPassedOver' | 'onSnapshotRestored' | 'onSnapshotEnd';

/** A consumer that holds the cut up is an alarm: the log grows until it comes back or is removed. */
function reportCut(shardId: string, { removedEntries, heldUpBy }: CutResult, log: Logger): void {
  if (removedEntries > 0) {
    const fields = { shard_id: shardId, removed_entries: removedEntries };
    log.info(fields, `the log of ${shardId} was cut`);
    addToMetric(METRICS.logCutEntries, removedEntries, { [ATTRIBUTES.shardId]: shardId });
  }
  for (const { consumer, entryIndex: entry_index, heldEntries: held_entries } of heldUpBy) {
    const fields = { shard_id: shardId, consumer, entry_index, held_entries };
    log.error(fields, `${consumer} holds up the cut of the log of ${shardId} (SNAP-4)`);
    const attributes = { [ATTRIBUTES.shardId]: shardId, [ATTRIBUTES.consumer]: consumer };
    addToMetric(METRICS.logCutHeldUp, 1, attributes);
  }
}

/** The part of an observer that hears of snapshots. */
export function reportSnapshots(
  shardId: string,
  log: Logger,
): Required<Pick<HostObserver, SnapshotHook>> {
  return {
    onSnapshotPassedOver: ({ head, reason }) => {
      const { entryIndex: entry_index } = head.point;
      const fields = { shard_id: shardId, snapshot_id: head.snapshotId, entry_index, reason };
      log.warn(fields, `a snapshot of ${shardId} was passed over: ${reason}`);
    },
    onSnapshotRestored: ({ entryIndex: entry_index }) => {
      const fields = { shard_id: shardId, entry_index };
      log.info(fields, `${shardId} starts from the snapshot of entry ${entry_index}`);
    },
    onSnapshotEnd: (end) => {
      const fields = { shard_id: shardId, ...end };
      switch (end.kind) {
        case 'written':
          log.info(fields, `a snapshot of ${shardId} was written`);
          if (end.cut !== undefined) reportCut(shardId, end.cut, log);
          break;
        case 'dropped':
          log.info(fields, `a snapshot of ${shardId} was dropped: ${end.reason}`);
          break;
        case 'failed':
          if (end.isDivergent) log.error(fields, `the log of ${shardId} is not sound (LOG-7)`);
          else log.warn(fields, `a snapshot of ${shardId} was not written: ${end.reason}`);
      }
    },
  };
}
