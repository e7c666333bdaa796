// Reads what lies far behind the end of a shard's log, for those who come back late: in small
// steps, on sessions of its own and one step at a time for all readers together, so that neither
// the leader's appends nor its process wait for them. Readers who have come to the same place share
// a step: a crowd that comes back together costs little more than one. Decodes nothing but what is
// asked for.

import {
  type CommandRecord,
  decodeCommandBatch,
  decodeOutcomeBatch,
  type OutcomeRecord,
} from './entry-codec.ts';
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
  /** Events of the key, in order; few steps have any. */
  readonly events: readonly StoredEvent[];
  /** Every event up to this sequence is in this step or an earlier one, or has another key. */
  readonly throughSequence: number;
  /** Log time of the last entry that was read. */
  readonly logTimeUs: number;
};

/** A reader that waits for entries from an index on. */
type Waiting = {
  readonly fromIndex: number;
  readonly throughIndex: number;
  readonly key: number;
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: unknown) => void;
};

/** Entries of one step, and the events in them of the keys that somebody waits for. */
type Batch = {
  readonly entries: readonly LogEntry[];
  readonly eventsByKey: ReadonlyMap<number, readonly StoredEvent[]>;
};

/** How far a shard has committed; nothing behind it is read (LOG-5). */
export type HistoryEnd = { readonly committed: LogPoint; readonly lastSequence: number };

/** What a step aims at, in bytes of content: some milliseconds of work. */
const STEP_BYTES = 256 << 10;
const MOST_STEP_ENTRIES = 256;
const FIRST_STEP_ENTRIES = 16;
/** Between two steps the process has time for what is more urgent. */
const STEP_PAUSE_MS = 5;

export type LogHistoryOptions = {
  readonly world: World;
  readonly shardId: string;
  /** What readers ask for an event by, found in its encoding: its account, say. */
  readonly keyOf: (bytes: Uint8Array) => number;
};

export class LogHistory {
  readonly #options: LogHistoryOptions;
  #log: LogStore | undefined;
  #isClosed = false;
  /** Who came first is served first, and whoever waits for a part of the same entries. */
  #waiting: Waiting[] = [];
  #isStepping = false;
  #stepEntries = FIRST_STEP_ENTRIES;

  constructor(options: LogHistoryOptions) {
    this.#options = options;
  }

  /**
   * Steps through the log from a sequence on, up to the end as it is when this begins.
   *
   * @param key only events of this key are among those of the steps
   * @throws HistoryGone, LogBroken when the chain of entries does not hold or does not lead to the
   * end that was given, LogUnreachable.
   */
  async *read(
    fromSequence: number,
    { committed, lastSequence }: HistoryEnd,
    key: number,
  ): AsyncGenerator<HistoryStep, void, void> {
    if (fromSequence > lastSequence) return;
    let fromIndex = await this.#findEntry(fromSequence, committed.entryIndex);
    let previous: string | undefined;
    while (fromIndex <= committed.entryIndex) {
      const batch = await this.#nextBatch(fromIndex, committed.entryIndex, key);
      const entries = batch.entries.filter(
        ({ entryIndex }) => entryIndex >= fromIndex && entryIndex <= committed.entryIndex,
      );
      const [first, last] = [entries[0], entries.at(-1)];
      if (first === undefined || last === undefined) {
        throw new HistoryGone(`entry ${fromIndex} is gone from the log`);
      }
      this.#checkChain([first], fromIndex, previous);
      if (last.entryIndex === committed.entryIndex) this.#checkEnd(last, committed);
      const throughSequence = last.firstSequence + last.eventCount - 1;
      const begin = Math.max(fromSequence, first.firstSequence);
      const events = (batch.eventsByKey.get(key) ?? []).filter(
        ({ sequence }) => sequence >= begin && sequence <= throughSequence,
      );
      yield { events, throughSequence, logTimeUs: last.logTimeUs };
      previous = last.chainChecksum;
      fromIndex = last.entryIndex + 1;
    }
  }

  #nextBatch(fromIndex: number, throughIndex: number, key: number): Promise<Batch> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ fromIndex, throughIndex, key, resolve, reject });
      if (!this.#isStepping) void this.#step();
    });
  }

  /** Serves who waits longest, and with it all who wait for a part of the same entries. */
  async #step(): Promise<void> {
    const [eldest] = this.#waiting;
    this.#isStepping = eldest !== undefined;
    if (eldest === undefined) return;
    const { fromIndex } = eldest;
    try {
      const through = Math.min(eldest.throughIndex, fromIndex + this.#stepEntries - 1);
      const fetched = await this.#fetch(fromIndex, through);
      // The log may have been cut meanwhile.
      const entries = fetched[0]?.entryIndex === fromIndex ? fetched : [];
      this.#checkChain(entries, fromIndex, undefined);
      this.#serve(entries, fromIndex);
      this.#stepEntries = stepEntriesAfter(entries);
    } catch (error) {
      // Nobody else would fare better now: they come again when they like.
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    }
    this.#options.world.setTimer(STEP_PAUSE_MS, () => void this.#step());
  }

  #serve(entries: readonly LogEntry[], fromIndex: number): void {
    const nextIndex = (entries.at(-1)?.entryIndex ?? fromIndex) + 1;
    const isServed = (one: Waiting): boolean =>
      one.fromIndex >= fromIndex && one.fromIndex < nextIndex;
    const served = this.#waiting.filter(isServed);
    const keys = new Set(served.map(({ key }) => key));
    const eventsByKey = new Map<number, StoredEvent[]>();
    for (const entry of entries) findEvents(entry, this.#options.keyOf, keys, eventsByKey);

    this.#waiting = this.#waiting.filter((one) => !isServed(one));
    for (const { resolve } of served) resolve({ entries, eventsByKey });
  }

  /** What stands at an index; undefined when the log does not hold it. */
  async fetchPoint(entryIndex: number): Promise<LogPoint | undefined> {
    const [entry] = await this.#fetch(entryIndex, entryIndex);
    return entry === undefined ? undefined : { entryIndex, chainChecksum: entry.chainChecksum };
  }

  /** Sequence with which the log begins, which was cut perhaps; undefined when it is empty. */
  async fetchFirstSequence(committed: LogPoint): Promise<number | undefined> {
    const [first] = await this.#fetch(1, committed.entryIndex);
    return first?.firstSequence;
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
      throw new HistoryGone(`the log of shard ${this.#options.shardId} begins behind ${sequence}`);
    }
    return low;
  }

  async #fetch(fromIndex: number, throughIndex: number): Promise<readonly LogEntry[]> {
    if (this.#isClosed) throw new LogUnreachable('the history is closed');
    const { world, shardId } = this.#options;
    this.#log ??= world.openLog(shardId);
    return this.#log.fetchEntries(fromIndex, throughIndex);
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
    throw new LogBroken(`entry ${entryIndex} of shard ${this.#options.shardId} breaks the chain`);
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
  return Math.max(1, Math.min(MOST_STEP_ENTRIES, aimed, entries.length * 2));
}

/** Files the events of an entry that have one of the keys. */
function findEvents(
  entry: LogEntry,
  keyOf: LogHistoryOptions['keyOf'],
  keys: ReadonlySet<number>,
  eventsByKey: Map<number, StoredEvent[]>,
): void {
  const { logTimeUs } = entry;
  const { dueEvents, continued, records } = decodeOutcomeBatch(entry.outcomes);
  let commands: readonly CommandRecord[] | undefined;
  let sequence = entry.firstSequence;
  const look = (events: OutcomeRecord['events'], record: number): void => {
    for (const bytes of events) {
      const key = keyOf(bytes);
      if (keys.has(key)) {
        commands ??= decodeCommandBatch(entry.commands);
        const traceContext = commands[record]?.traceContext ?? '';
        const filed = eventsByKey.get(key) ?? [];
        filed.push({ sequence, logTimeUs, traceContext, bytes });
        eventsByKey.set(key, filed);
      }
      sequence += 1;
    }
  };
  look(dueEvents, -1);
  if (continued !== undefined) look(continued.events, -1);
  for (const [record, { events }] of records.entries()) look(events, record);
}
