// The latest committed rows of a shard's log as they were stored, so that its standbys get them
// without the database and without encoding anything again (REP-1).

import type { LogEntry, LogPoint } from './log-entry.ts';

/** How much is kept; what is older is read from the log. */
const MOST_ROWS = 4_096;
const MOST_BYTES = 8 << 20;
/** Rows that are handed out at once end with the one that brings them to this many bytes. */
const BATCH_BYTES = 1 << 20;
const BATCH_ROWS = 1_024;

export class RecentRows {
  readonly #rows: LogEntry[] = [];
  /** Where the rows that are kept begin in `#rows`. */
  #start = 0;
  #bytes = 0;
  #nextIndex: number;

  readonly #alsoTo: { push(row: LogEntry): void } | undefined;

  /**
   * @param end the last committed entry; rows behind it follow
   * @param alsoTo gets every row, too
   */
  constructor(end: LogPoint, alsoTo?: { push(row: LogEntry): void }) {
    this.#alsoTo = alsoTo;
    this.#nextIndex = end.entryIndex + 1;
  }

  /** Index of the oldest row that is kept, or of the next one when there is none. */
  get firstIndex(): number {
    return this.#nextIndex - (this.#rows.length - this.#start);
  }

  /** Takes in the row right behind the last one, once it is committed. */
  push(row: LogEntry): void {
    this.#rows.push(row);
    this.#alsoTo?.push(row);
    this.#nextIndex = row.entryIndex + 1;
    this.#bytes += bytesOf(row);
    while (this.#rows.length - this.#start > MOST_ROWS || this.#bytes > MOST_BYTES) this.#drop();
    if (this.#start <= MOST_ROWS) return;
    this.#rows.splice(0, this.#start);
    this.#start = 0;
  }

  #drop(): void {
    this.#bytes -= bytesOf(this.#rows[this.#start] as LogEntry);
    // The array is cut seldom; the row itself goes at once.
    (this.#rows as (LogEntry | undefined)[])[this.#start] = undefined;
    this.#start += 1;
  }

  /** Rows from an index on that is kept, as many as make a message; empty behind the end. */
  takeFrom(entryIndex: number): readonly LogEntry[] {
    const start = this.#start + entryIndex - this.firstIndex;
    return this.#rows.slice(start, start + batchLength(this.#rows, start));
  }
}

/** How many rows from a place on make a message: one at least, if there is one. */
export function batchLength(rows: readonly LogEntry[], start: number): number {
  let bytes = 0;
  let at = start;
  while (at < rows.length && at - start < BATCH_ROWS && bytes < BATCH_BYTES) {
    bytes += bytesOf(rows[at] as LogEntry);
    at += 1;
  }
  return at - start;
}

function bytesOf({ commands, outcomes }: LogEntry): number {
  return commands.length + outcomes.length;
}
