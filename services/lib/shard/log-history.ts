// Reads what lies far behind the end of a shard's log, for those who come back late: in small
// steps, on sessions of its own and one step at a time for all readers together, so that neither
// the leader's appends nor its process wait for them. Decodes nothing but what is asked for.

import { decodeCommandBatch, decodeOutcomeBatch, type OutcomeRecord } from './entry-codec.ts';
import { chainChecksum, type LogEntry, type LogPoint } from './log-entry.ts';
import { LogBroken } from './replica.ts';
import { type LogStore, LogUnreachable, type World } from './world.ts';

/** The log no longer holds what was asked for. */
export class HistoryGone extends Error {}

/** An event as the log holds it. */
export type StoredEvent = {
  readonly sequence: number;
  readonly logTimeUs: number;
  /** Of the command that caused it; empty when not traced. */
  readonly traceContext: string;
  /** The event's canonical encoding. */
  readonly bytes: Uint8Array;
};

/** What one step of reading brought. */
export type HistoryStep = {
  /** Events that were wanted, in order; few steps have any. */
  readonly events: readonly StoredEvent[];
  /** Every event up to this sequence is in this step or an earlier one, or was not wanted. */
  readonly throughSequence: number;
  /** Log time of the last entry that was read. */
  readonly logTimeUs: number;
};

/** How far a shard has committed; nothing behind it is read (LOG-5). */
export type HistoryEnd = { readonly committed: LogPoint; readonly lastSequence: number };

/** What a step aims at, in bytes of content: some milliseconds of work. */
const STEP_BYTES = 256 << 10;
const MOST_STEP_ENTRIES = 256;
const FIRST_STEP_ENTRIES = 16;
/** Between two steps the process has time for what is more urgent. */
const STEP_PAUSE_MS = 5;

export class LogHistory {
  readonly #world: World;
  readonly #shardId: string;
  #log: LogStore | undefined;
  #isClosed = false;
  /** Whose turn it is; steps of all readers follow each other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(world: World, shardId: string) {
    this.#world = world;
    this.#shardId = shardId;
  }

  /**
   * Steps through the log from a sequence on, up to the end as it is when this begins.
   *
   * @param wanted whether an event, by its encoding, is to be among those of the steps
   * @throws HistoryGone, LogBroken when the chain of entries does not hold or does not lead to the
   * end that was given, LogUnreachable.
   */
  async *read(
    fromSequence: number,
    end: HistoryEnd,
    wanted: (bytes: Uint8Array) => boolean,
  ): AsyncGenerator<HistoryStep, void, void> {
    if (fromSequence > end.lastSequence) return;
    let nextIndex = await this.#findEntry(fromSequence, end.committed.entryIndex);
    let previousChecksum: string | undefined;
    let stepEntries = FIRST_STEP_ENTRIES;
    while (nextIndex <= end.committed.entryIndex) {
      const through = Math.min(end.committed.entryIndex, nextIndex + stepEntries - 1);
      const entries = await this.#fetch(nextIndex, through, STEP_PAUSE_MS);
      const last = entries.at(-1);
      if (last === undefined) throw new HistoryGone(`entry ${nextIndex} is gone from the log`);
      this.#checkChain(entries, nextIndex, previousChecksum);
      if (last.entryIndex === end.committed.entryIndex) this.#checkEnd(last, end.committed);
      const events = entries.flatMap((entry) => findEvents(entry, fromSequence, wanted));
      const throughSequence = last.firstSequence + last.eventCount - 1;
      yield { events, throughSequence, logTimeUs: last.logTimeUs };
      previousChecksum = last.chainChecksum;
      nextIndex = last.entryIndex + 1;
      stepEntries = stepEntriesAfter(entries);
    }
  }

  /** What stands at an index; undefined when the log does not hold it. */
  async fetchPoint(entryIndex: number): Promise<LogPoint | undefined> {
    const [entry] = await this.#fetch(entryIndex, entryIndex);
    return entry === undefined ? undefined : { entryIndex, chainChecksum: entry.chainChecksum };
  }

  /** Greatest index whose entry begins at or before a sequence. */
  async #findEntry(sequence: number, lastIndex: number): Promise<number> {
    let low = 1;
    let high = lastIndex;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const [entry] = await this.#fetch(middle, middle);
      // A log is cut from its beginning: what is gone lies before what is asked for, or with it.
      if (entry === undefined || entry.firstSequence <= sequence) low = middle;
      else high = middle - 1;
    }
    const [entry] = await this.#fetch(low, low);
    if (entry === undefined || entry.firstSequence > sequence) {
      throw new HistoryGone(`the log of shard ${this.#shardId} begins behind ${sequence}`);
    }
    return low;
  }

  /** Waits for its turn, reads, and has the next one wait a little longer. */
  async #fetch(from: number, through: number, pauseMs = 0): Promise<readonly LogEntry[]> {
    const turn = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await turn;
    try {
      if (this.#isClosed) throw new LogUnreachable('the history is closed');
      this.#log ??= this.#world.openLog(this.#shardId);
      return await this.#log.fetchEntries(from, through);
    } finally {
      if (pauseMs === 0) resolve();
      else this.#world.setTimer(pauseMs, resolve);
    }
  }

  #checkChain(entries: readonly LogEntry[], fromIndex: number, before: string | undefined): void {
    let previous = before;
    entries.forEach((entry, index) => {
      const follows =
        entry.entryIndex === fromIndex + index &&
        (previous === undefined || chainChecksum(previous, entry) === entry.chainChecksum);
      if (!follows) this.#broken(entry.entryIndex);
      previous = entry.chainChecksum;
    });
  }

  #checkEnd(entry: LogEntry, committed: LogPoint): void {
    if (entry.chainChecksum !== committed.chainChecksum) this.#broken(entry.entryIndex);
  }

  #broken(entryIndex: number): never {
    throw new LogBroken(`entry ${entryIndex} of shard ${this.#shardId} breaks the chain`);
  }

  /** Ends the sessions for good; who still reads gets LogUnreachable. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#log?.close();
  }
}

function stepEntriesAfter(entries: readonly LogEntry[]): number {
  let bytes = 0;
  for (const { commands, outcomes } of entries) bytes += commands.length + outcomes.length;
  const aimed = Math.floor((STEP_BYTES / Math.max(1, bytes)) * entries.length);
  return Math.min(MOST_STEP_ENTRIES, Math.max(1, aimed), entries.length * 2);
}

/** Events of an entry from a sequence on that are wanted. */
function findEvents(
  entry: LogEntry,
  fromSequence: number,
  wanted: (bytes: Uint8Array) => boolean,
): StoredEvent[] {
  if (entry.firstSequence + entry.eventCount <= fromSequence) return [];
  const { dueEvents, continued, records } = decodeOutcomeBatch(entry.outcomes);
  const found: (Omit<StoredEvent, 'traceContext'> & { readonly record: number })[] = [];
  let sequence = entry.firstSequence;
  const look = (events: OutcomeRecord['events'], record: number): void => {
    for (const bytes of events) {
      if (sequence >= fromSequence && wanted(bytes)) {
        found.push({ sequence, logTimeUs: entry.logTimeUs, bytes, record });
      }
      sequence += 1;
    }
  };
  look(dueEvents, -1);
  if (continued !== undefined) look(continued.events, -1);
  for (const [record, { events }] of records.entries()) look(events, record);
  if (found.length === 0) return [];
  const commands = decodeCommandBatch(entry.commands);
  return found.map(({ record, ...event }) => ({
    ...event,
    traceContext: commands[record]?.traceContext ?? '',
  }));
}
