// Snapshots of simulated shards (SNAP-2): written in the process that asks for them, where a real
// node has a process of its own do it. They are frequent, so that a short run has some, and what
// lies behind them is cut off the logs (SNAP-4).

import type { CutWindows } from '../../../services/lib/shard/log-cutter.ts';
import type { ReplicaOptions } from '../../../services/lib/shard/replica.ts';
import type { SnapshotPlan } from '../../../services/lib/shard/snapshot-keeper.ts';
import { writeSnapshot } from '../../../services/lib/shard/snapshot-writer.ts';
import type { World } from '../../../services/lib/shard/world.ts';

/** Entries between two that have the state checksum, where a snapshot can be taken (SNAP-3). */
export const CHECKSUM_INTERVAL = 4;
const EVERY_COMMANDS = 10;
const EVERY_MS = 500;

/**
 * What stays of a log: windows as short as runs are. Nobody asks for an answer for longer than this
 * without another answer meanwhile.
 */
export const CUT_WINDOWS: CutWindows = { keptEntries: 8, windowUs: 600_000 };

/** When they are written, and how. */
export function snapshotsHere<C, E, A>(
  world: World,
  replica: Omit<ReplicaOptions<C, E, A>, 'shardId'>,
): SnapshotPlan {
  return {
    everyCommands: EVERY_COMMANDS,
    everyMs: EVERY_MS,
    start(order) {
      const { shardId } = order;
      let isStopped = false;
      const log = world.openLog(shardId);
      const ended = writeSnapshot({
        ...{ world, log, order, replica: { ...replica, shardId } },
        ...{ retentionUs: 0, cutWindows: CUT_WINDOWS },
        openSnapshots: () => world.openSnapshots(shardId),
        isStopped: () => isStopped,
      }).finally(() => log.close());
      const stop = (): void => {
        isStopped = true;
      };
      return { ended, stop };
    },
  };
}
