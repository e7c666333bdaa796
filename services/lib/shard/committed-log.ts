// The committed part of a shard's log as the leader serves it: the latest entries in memory, the
// older ones from the log. Nothing behind the last committed entry ever comes out of here (LOG-5).

import { type CommittedEntry, decodeEntry, storedBytesOf } from './committed-entry.ts';
import type { BuiltEntry } from './entry-builder.ts';
import type { KnownAnswer } from './identities.ts';
import { checkNotCut, isCutOff } from './log-cutter.ts';
import { chainChecksum, genesisChecksum, type LogEntry, type LogPoint } from './log-entry.ts';
import { HistoryGone } from './log-history.ts';
import type { AppliedResult, FinalOutcome, ShardCodec } from './proposal.ts';
import { LogBroken } from './replica.ts';
import type { LogStore } from './world.ts';

/** How much of the log's end is kept in memory, as it is stored. */
const RECENT_ENTRIES = 4096;
const RECENT_BYTES = 12 << 20;
/**
 * The last of them are there decoded, too, for those who follow closely. Few: what lives long is
 * moved about by the collector of garbage, and an entry's objects take ten times its bytes.
 */
const LATEST_ENTRIES = 8;
const LATEST_BYTES = 256 << 10;
/** What is decoded at once of older entries: more would keep everything else waiting. */
const DECODED_BYTES = 64 << 10;
/** Readers for whom rows are kept that were read and not decoded yet. */
const READERS_AHEAD = 4;
/** Entries that were read from the log to answer duplicates. */
const REMEMBERED_READS = 64;
const NONE: readonly never[] = [];

export type CommittedLogOptions<C, E, A> = {
  readonly shardId: string;
  readonly log: LogStore;
  readonly codec: ShardCodec<C, E, A>;
  /** The last committed entry, and the sequence of the next event. */
  readonly end: LogPoint;
  readonly nextSequence: number;
  /** Opens another shard's log: answers to commands of slots that came from there (LOG-11). */
  readonly openLog?: (shardId: string) => LogStore;
};

export class CommittedLog<C, E, A> {
  readonly #options: CommittedLogOptions<C, E, A>;
  #recent: LogEntry[] = [];
  /** Entry index of `#recent[0]`, or of the next entry when there is none. */
  #firstRecent: number;
  #recentBytes = 0;
  readonly #latest: CommittedEntry<E, A>[] = [];
  #latestBytes = 0;
  #end: LogPoint;
  #nextSequence: number;
  readonly #histories = new Map<string, CommittedLog<C, E, A>>();
  readonly #opened: LogStore[] = [];
  readonly #reads = new Map<number, Promise<CommittedEntry<E, A>>>();
  /** Rows behind the last ones that were given out, by the index of the first. */
  readonly #ahead = new Map<number, readonly LogEntry[]>();

  constructor(options: CommittedLogOptions<C, E, A>) {
    this.#options = options;
    this.#end = options.end;
    this.#nextSequence = options.nextSequence;
    this.#firstRecent = options.end.entryIndex + 1;
  }

  /** The last committed entry. */
  get end(): LogPoint {
    return this.#end;
  }

  /** Sequence of the last committed event; 0 before the first. */
  get lastSequence(): number {
    return this.#nextSequence - 1;
  }

  /** Takes in the entry right behind the end, once it is committed. */
  push({ entry: row, committed }: BuiltEntry<E, A>): void {
    this.#end = { entryIndex: row.entryIndex, chainChecksum: row.chainChecksum };
    this.#nextSequence = row.firstSequence + row.eventCount;
    this.#latest.push(committed);
    this.#latestBytes += committed.storedBytes;
    while (this.#latest.length > LATEST_ENTRIES || this.#latestBytes > LATEST_BYTES) {
      const oldest = this.#latest.shift();
      if (oldest === undefined) break;
      this.#latestBytes -= oldest.storedBytes;
    }
    this.#recent.push(row);
    this.#recentBytes += committed.storedBytes;
    if (this.#recent.length > RECENT_ENTRIES * 2 || this.#recentBytes > RECENT_BYTES * 2) {
      this.#dropOldest();
    }
  }

  #dropOldest(): void {
    let kept = 0;
    let bytes = 0;
    while (kept < Math.min(this.#recent.length, RECENT_ENTRIES)) {
      bytes += storedBytesOf(this.#recent.at(-1 - kept) as LogEntry);
      if (bytes > RECENT_BYTES && kept > 0) break;
      kept += 1;
    }
    this.#firstRecent += this.#recent.length - kept;
    this.#recent = this.#recent.slice(-kept);
    this.#recentBytes = this.#recent.reduce((sum, row) => sum + storedBytesOf(row), 0);
  }

  /** The row of an entry that is in memory. */
  #findRow(entryIndex: number): LogEntry | undefined {
    return this.#recent[entryIndex - this.#firstRecent];
  }

  /** An entry that is in memory. */
  findRecent(entryIndex: number): CommittedEntry<E, A> | undefined {
    const firstLatest = this.#end.entryIndex - this.#latest.length + 1;
    if (entryIndex >= firstLatest) return this.#latest[entryIndex - firstLatest];
    const row = this.#findRow(entryIndex);
    return row === undefined ? undefined : decodeEntry(row, this.#options.codec);
  }

  /** Entries from an index on that are at hand as they were made; undefined when they are not. */
  findLatest(entryIndex: number): readonly CommittedEntry<E, A>[] | undefined {
    if (entryIndex > this.#end.entryIndex) return NONE;
    const firstLatest = this.#end.entryIndex - this.#latest.length + 1;
    return entryIndex < firstLatest ? undefined : this.#latest.slice(entryIndex - firstLatest);
  }

  /**
   * Entries from an index on, as many as come at once; empty behind the end.
   *
   * @throws HistoryGone when they were cut off (SNAP-4)
   */
  async fetchFrom(entryIndex: number): Promise<readonly CommittedEntry<E, A>[]> {
    const latest = this.findLatest(entryIndex);
    if (latest !== undefined) return latest;
    if (entryIndex >= this.#firstRecent) {
      const rows = this.#recent.slice(entryIndex - this.#firstRecent);
      return this.#decode(rows, countFor(rows, DECODED_BYTES));
    }
    return this.#decodeSome(this.#takeAhead(entryIndex) ?? (await this.#readFrom(entryIndex)));
  }

  #takeAhead(entryIndex: number): readonly LogEntry[] | undefined {
    const rows = this.#ahead.get(entryIndex);
    this.#ahead.delete(entryIndex);
    return rows;
  }

  #decodeSome(rows: readonly LogEntry[]): readonly CommittedEntry<E, A>[] {
    const count = countFor(rows, DECODED_BYTES);
    const rest = rows.slice(count);
    if (rest[0] !== undefined) {
      this.#ahead.set(rest[0].entryIndex, rest);
      const [oldest] = this.#ahead.keys();
      if (this.#ahead.size > READERS_AHEAD) this.#ahead.delete(oldest as number);
    }
    return this.#decode(rows, count);
  }

  #decode(rows: readonly LogEntry[], count: number): readonly CommittedEntry<E, A>[] {
    return rows.slice(0, count).map((row) => decodeEntry(row, this.#options.codec));
  }

  async #readFrom(entryIndex: number): Promise<readonly LogEntry[]> {
    const through = Math.min(this.#end.entryIndex, this.#firstRecent - 1);
    // The one before is read too, so that the chain can be checked across reads (LOG-6).
    const rows = await this.#options.log.fetchEntries(Math.max(1, entryIndex - 1), through);
    const first = rows[0]?.entryIndex ?? entryIndex + 1;
    if (first > entryIndex) await checkNotCut(this.#options.log, entryIndex);
    const isBehindCut = first === entryIndex && (await isCutOff(this.#options.log, entryIndex - 1));
    this.#checkChain(rows, isBehindCut ? entryIndex : Math.max(1, entryIndex - 1));
    return rows.filter((row) => row.entryIndex >= entryIndex);
  }

  #checkChain(rows: readonly LogEntry[], fromEntryIndex: number): void {
    let previous = fromEntryIndex === 1 ? genesisChecksum(this.#options.shardId) : undefined;
    rows.forEach((row, index) => {
      const follows =
        row.entryIndex === fromEntryIndex + index &&
        (previous === undefined || chainChecksum(previous, row) === row.chainChecksum);
      if (!follows) {
        throw new LogBroken(
          `entry ${row.entryIndex} of shard ${this.#options.shardId} breaks the chain`,
        );
      }
      previous = row.chainChecksum;
    });
  }

  /** What stands at a point's index; undefined when the log ends before it (LOG-12). */
  async findPoint(entryIndex: number): Promise<LogPoint | undefined> {
    if (entryIndex === this.#end.entryIndex) return this.#end;
    if (entryIndex > this.#end.entryIndex) return undefined;
    if (entryIndex === 0) {
      return { entryIndex: 0, chainChecksum: genesisChecksum(this.#options.shardId) };
    }
    const entry = await this.#fetchEntry(entryIndex);
    return { entryIndex, chainChecksum: entry.chainChecksum };
  }

  /**
   * Index of the entry that holds a sequence, or of the next entry for the next sequence.
   *
   * @throws HistoryGone when it was cut off (SNAP-4)
   */
  async findSequence(sequence: number): Promise<number> {
    if (sequence >= this.#nextSequence) return this.#end.entryIndex + 1;
    // Greatest index whose first sequence is at most the wanted one: an entry without events has
    // the first sequence of the one that follows it.
    let low = 1;
    let high = this.#end.entryIndex;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const entry = this.#findRow(middle) ?? (await this.#findEntry(middle));
      // A log is cut from its beginning: what is gone lies before what is asked for, or with it.
      if (entry === undefined || entry.firstSequence <= sequence) low = middle;
      else high = middle - 1;
    }
    const { firstSequence } = this.#findRow(low) ?? (await this.#fetchEntry(low));
    if (firstSequence > sequence) throw new HistoryGone(`the log begins behind ${sequence}`);
    return low;
  }

  /** The recorded answer to a command whose last part is committed (LOG-11). */
  async fetchAnswer(position: KnownAnswer): Promise<AppliedResult<E, A>> {
    if (position.shardId !== undefined) {
      const { entryIndex, record } = position;
      return this.#historyOf(position.shardId).fetchAnswer({ entryIndex, record });
    }
    const entry = await this.#fetchEntry(position.entryIndex);
    const command = entry.commands[position.record];
    if (command === undefined) throw new LogBroken(`entry ${entry.entryIndex} lacks a command`);
    const events = [...command.events];
    const encodedEvents = [...command.encodedEvents];
    let outcome = command.outcome;
    let next = entry.entryIndex + 1;
    while (outcome.kind === 'unfinished') {
      const part = (await this.#fetchEntry(next)).continued;
      next += 1;
      if (part === undefined) continue; // what was due took that entry
      events.push(...part.events);
      encodedEvents.push(...part.encodedEvents);
      outcome = part.outcome;
    }
    return {
      kind: 'applied',
      duplicate: true,
      logTimeUs: entry.logTimeUs,
      entryIndex: entry.entryIndex,
      firstSequence: command.firstSequence,
      events,
      encodedEvents,
      outcome: outcome as FinalOutcome<A>,
    };
  }

  /** The log of a shard from which slots came. */
  #historyOf(shardId: string): CommittedLog<C, E, A> {
    const known = this.#histories.get(shardId);
    if (known !== undefined) return known;
    const { codec, openLog } = this.#options;
    if (openLog === undefined) throw new Error('no other log can be opened');
    const log = openLog(shardId);
    const history = new CommittedLog<C, E, A>({
      shardId,
      log,
      codec,
      end: { entryIndex: 0, chainChecksum: genesisChecksum(shardId) },
      nextSequence: 1,
    });
    this.#histories.set(shardId, history);
    this.#opened.push(log);
    return history;
  }

  /** Ends what was opened to read other shards' logs. */
  close(): void {
    this.#ahead.clear();
    for (const log of this.#opened.splice(0)) log.close().catch(() => {});
  }

  async #fetchEntry(entryIndex: number): Promise<CommittedEntry<E, A>> {
    const recent = this.findRecent(entryIndex);
    if (recent !== undefined) return recent;
    const running = this.#reads.get(entryIndex);
    if (running !== undefined) return running;
    const read = this.#readEntry(entryIndex);
    this.#reads.set(entryIndex, read);
    if (this.#reads.size > REMEMBERED_READS) {
      const [oldest] = this.#reads.keys();
      this.#reads.delete(oldest as number);
    }
    try {
      return await read;
    } catch (error) {
      this.#reads.delete(entryIndex);
      throw error;
    }
  }

  /** An entry; undefined when it was cut off. */
  async #findEntry(entryIndex: number): Promise<CommittedEntry<E, A> | undefined> {
    try {
      return await this.#fetchEntry(entryIndex);
    } catch (error) {
      if (error instanceof HistoryGone) return undefined;
      throw error;
    }
  }

  async #readEntry(entryIndex: number): Promise<CommittedEntry<E, A>> {
    const [row] = await this.#options.log.fetchEntries(entryIndex, entryIndex);
    if (row === undefined) {
      await checkNotCut(this.#options.log, entryIndex);
      throw new LogBroken(`entry ${entryIndex} is gone from the log`);
    }
    return decodeEntry(row, this.#options.codec);
  }
}

/** How many rows come to so many bytes: one at least, if there is one. */
function countFor(rows: readonly LogEntry[], mostBytes: number): number {
  let [count, bytes] = [0, 0];
  for (; count < rows.length && bytes < mostBytes; count += 1) {
    bytes += storedBytesOf(rows[count] as LogEntry);
  }
  return count;
}
