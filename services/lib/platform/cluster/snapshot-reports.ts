// Says what becomes of a shard's snapshots.

import type { HostObserver } from '../../shard/observer.ts';
import type { Logger } from '../telemetry/logger.ts';

type SnapshotHook = 'onSnapshotPassedOver' | 'onSnapshotRestored' | 'onSnapshotEnd';

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
