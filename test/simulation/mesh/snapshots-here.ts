// Snapshots of simulated shards (SNAP-2): written in the process that asks for them, where a real
// node has a process of its own do it. They are frequent, so that a short run has some, and what
// lies behind them is cut off the logs (SNAP-4).

import type { CutWindows } from '../../../services/lib/shard/log-cutter.ts';
import type { ReplicaOptions } from '../../../services/lib/shard/replica.ts';
import type { SnapshotPlan } from '../../../services/lib/shard/snapshot-keeper.ts';
import { writeSnapshot } from '../../../services/lib/shard/snapshot-writer.ts';
import { consumersIn } from '../../support/shard/simulated-upkeep.ts';
import { CONSUMER } from '../database/market-tables.ts';
import type { MeshDatabase } from '../database/mesh-database.ts';
import type { ProcessWorld } from '../kernel/process.ts';

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
  world: ProcessWorld,
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
        ...{ retentionUs: isReadByAll(world.mesh, shardId) ? 0 : undefined },
        cutWindows: CUT_WINDOWS,
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

/**
 * Whether everybody who reads a shard's log has said so: here within the time of a run, where a
 * real one has the windows of the rules for it.
 */
function isReadByAll(database: MeshDatabase, shardId: string): boolean {
  const registered = consumersIn(database, shardId);
  const ledgers = [...database.coordinator.cluster.shards.values()].filter((shard) => {
    return shard.kind === 'account' && shard.shardId !== shardId;
  });
  const isFeed = shardId.startsWith('matching');
  if (isFeed && !registered.has(CONSUMER)) return false;
  return ledgers.every((ledger) => registered.has(`settlement of ${ledger.shardId}`));
}
