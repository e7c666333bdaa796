// The upkeep of one shard's log in a simulated database, behind the same bad network as its log.

import type { LogEntry } from '../../../services/lib/shard/log-entry.ts';
import type {
  ConsumedPlace,
  CutOrder,
  LogConsumer,
  LogUpkeep,
  QuarantineRecord,
} from '../../../services/lib/shard/log-upkeep.ts';

/** What it keeps of all shards, and their logs. */
type UpkeepTables = {
  readonly consumers: Map<string, Map<string, LogConsumer>>;
  readonly quarantined: Map<string, Map<string, QuarantineRecord>>;
  entriesOf(shardId: string): LogEntry[];
  /** Told about every entry that is cut off, before it is. */
  readonly onCut: (shardId: string, entry: LogEntry) => void;
};

export class SimulatedUpkeep implements LogUpkeep {
  readonly #shardId: string;
  readonly #database: UpkeepTables;
  /** Runs a statement in the database, with what may go wrong on the way. */
  readonly #run: <T>(statement: () => T) => Promise<T>;

  constructor(shardId: string, database: UpkeepTables, run: <T>(statement: () => T) => Promise<T>) {
    this.#shardId = shardId;
    this.#database = database;
    this.#run = run;
  }

  #consumers(): Map<string, LogConsumer> {
    return consumersIn(this.#database, this.#shardId);
  }

  quarantine(record: QuarantineRecord): Promise<void> {
    return this.#run(() => {
      const records = present(this.#database.quarantined, this.#shardId);
      if (!records.has(record.identity)) records.set(record.identity, record);
    });
  }

  fetchQuarantined(): Promise<readonly string[]> {
    return this.#run(() => [...present(this.#database.quarantined, this.#shardId).keys()]);
  }

  confirmConsumed(consumer: string, place: ConsumedPlace): Promise<void> {
    return this.#run(() => {
      const known = this.#consumers().get(consumer);
      if (known !== undefined && known.entryIndex > place.entryIndex) return;
      this.#consumers().set(consumer, { consumer, ...place });
    });
  }

  fetchConsumers(): Promise<readonly LogConsumer[]> {
    return this.#run(() => [...this.#consumers().values()]);
  }

  removeConsumer(consumer: string): Promise<void> {
    return this.#run(() => {
      this.#consumers().delete(consumer);
    });
  }

  fetchStart(): Promise<number> {
    return this.#run(() => {
      const first = this.#database.entriesOf(this.#shardId).find(Boolean);
      return first?.entryIndex ?? 0;
    });
  }

  fetchLogTimes(entryIndices: readonly number[]): Promise<readonly number[]> {
    return this.#run(() => {
      const entries = this.#database.entriesOf(this.#shardId);
      return entryIndices.flatMap((index) => entries[index - 1]?.logTimeUs ?? []);
    });
  }

  cut({ throughEntryIndex, limit }: CutOrder): Promise<number> {
    return this.#run(() => {
      const entries = this.#database.entriesOf(this.#shardId);
      const confirmed = [...this.#consumers().values()].map(({ entryIndex }) => entryIndex - 1);
      const through = Math.min(throughEntryIndex, ...confirmed);
      let removed = 0;
      for (let index = 1; index <= through && removed < limit; index += 1) {
        const entry = entries[index - 1];
        if (entry === undefined) continue;
        this.#database.onCut(this.#shardId, entry);
        delete entries[index - 1];
        removed += 1;
      }
      return removed;
    });
  }

  async close(): Promise<void> {}
}

/** Who reads a shard's log. */
export function consumersIn(
  { consumers }: Pick<UpkeepTables, 'consumers'>,
  shardId: string,
): Map<string, LogConsumer> {
  return present(consumers, shardId);
}

function present<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let found = map.get(key);
  if (found === undefined) {
    found = new Map();
    map.set(key, found);
  }
  return found;
}
