// The one database of a simulated mesh: the logs of its shards, with a look at everything that is
// committed to them, and the coordinator's tables.

import type { LogEntry } from '../../../services/lib/shard/log-entry.ts';
import type { AppendResult, Fence } from '../../../services/lib/shard/world.ts';
import { SimulatedDatabase } from '../../support/shard/simulated-world.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { emptyTables, type StoredTables } from './coordinator-tables.ts';

/** Somebody who sees every entry at the moment in which it is durable. */
export type LogWatcher = (shardId: string, entry: LogEntry) => void;

export class MeshDatabase extends SimulatedDatabase {
  readonly kernel: Kernel;
  readonly coordinator: StoredTables = emptyTables();
  readonly watchers: LogWatcher[] = [];
  /** How often, from 0 to 1, a statement runs twice and the second answer counts. */
  doubled = 0;
  /** Ids of snapshots that were changed where they lie. */
  readonly damagedSnapshots = new Set<string>();
  /** The process whose statement runs. */
  writer = '';
  /** What stands in for the statement of LOG-1 while a bug is planted. */
  plantedAppend: ((shardId: string, entry: LogEntry, fence: Fence) => AppendResult) | undefined;

  constructor(kernel: Kernel) {
    super(kernel);
    this.kernel = kernel;
  }

  override append(shardId: string, entry: LogEntry, fence: Fence): AppendResult {
    const result =
      this.plantedAppend?.(shardId, entry, fence) ?? super.append(shardId, entry, fence);
    if (result === 'committed') this.#tell(shardId, entry);
    return result;
  }

  /** The last durable entry of a shard. */
  lastOf(shardId: string): LogEntry | undefined {
    return this.entriesOf(shardId).at(-1);
  }

  #tell(shardId: string, entry: LogEntry): void {
    const { entryIndex, epoch, chainChecksum } = entry;
    this.kernel.note(`commit ${shardId} ${entryIndex} epoch ${epoch} ${chainChecksum}`);
    for (const watch of this.watchers) watch(shardId, entry);
  }
}
