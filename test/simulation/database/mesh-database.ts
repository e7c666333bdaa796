// The one database of a simulated mesh: the logs of its shards, with a look at everything that is
// committed to them or cut off, and the tables of the coordinator and of market data.

import type { LogEntry } from '../../../services/lib/shard/log-entry.ts';
import type { AppendResult, Fence } from '../../../services/lib/shard/world.ts';
import { SimulatedDatabase } from '../../support/shard/simulated-world.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { emptyTables, type StoredTables } from './coordinator-tables.ts';
import { StoredMarket } from './market-tables.ts';

/** Somebody who sees every entry at the moment in which it is durable. */
export type LogWatcher = (shardId: string, entry: LogEntry) => void;

export class MeshDatabase extends SimulatedDatabase {
  readonly kernel: Kernel;
  readonly coordinator: StoredTables = emptyTables();
  readonly market = new StoredMarket();
  readonly watchers: LogWatcher[] = [];
  /** Told about every entry that is cut off, before it is. */
  readonly cutWatchers: LogWatcher[] = [];
  /** By shard: the chain checksums of all entries that ever were, by index from 1. */
  readonly #checksums = new Map<string, string[]>();
  /** How many entries were cut off. */
  cuts = 0;
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
    this.onCut = (shardId, entry) => {
      this.cuts += 1;
      this.kernel.note(`cut off ${shardId} ${entry.entryIndex}`);
      for (const watch of this.cutWatchers) watch(shardId, entry);
    };
  }

  override append(shardId: string, entry: LogEntry, fence: Fence): AppendResult {
    const result =
      this.plantedAppend?.(shardId, entry, fence) ?? super.append(shardId, entry, fence);
    if (result === 'committed') this.#tell(shardId, entry);
    return result;
  }

  /** What stands, or stood before it was cut off, at an index. */
  checksumAt(shardId: string, entryIndex: number): string | undefined {
    return this.#checksums.get(shardId)?.[entryIndex];
  }

  /** The last durable entry of a shard. */
  lastOf(shardId: string): LogEntry | undefined {
    return this.entriesOf(shardId).at(-1);
  }

  #tell(shardId: string, entry: LogEntry): void {
    const { entryIndex, epoch, chainChecksum } = entry;
    const checksums = this.#checksums.get(shardId) ?? [];
    this.#checksums.set(shardId, checksums);
    checksums[entryIndex] = chainChecksum;
    this.kernel.note(`commit ${shardId} ${entryIndex} epoch ${epoch} ${chainChecksum}`);
    for (const watch of this.watchers) watch(shardId, entry);
  }
}
