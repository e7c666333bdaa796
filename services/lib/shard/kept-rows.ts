// The last rows of a shard's log that a replica has had, leading or following, for as long as its
// process lives: should the log lose its end, they can be put back (LOG-12).

import type { LogEntry } from './log-entry.ts';
import { RecentRows } from './recent-rows.ts';

export class KeptRows {
  #rows: RecentRows | undefined;
  #last: LogEntry | undefined;

  /** A row that is not the next one begins anew. */
  push(row: LogEntry): void {
    if (this.#rows === undefined || this.#last?.entryIndex !== row.entryIndex - 1) {
      const { chainChecksum } = row;
      this.#rows = new RecentRows({ entryIndex: row.entryIndex - 1, chainChecksum });
    }
    this.#rows.push(row);
    this.#last = row;
  }

  /** All that are kept from an index on, without a gap. */
  from(entryIndex: number): readonly LogEntry[] {
    const found: LogEntry[] = [];
    if (this.#rows === undefined) return found;
    for (let next = Math.max(entryIndex, this.#rows.firstIndex); ; ) {
      const batch = this.#rows.takeFrom(next);
      if (batch.length === 0) return found;
      found.push(...batch);
      next += batch.length;
    }
  }
}
