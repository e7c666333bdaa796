// The log of a shard in PostgreSQL (LOG-1, LOG-4, LOG-13). Tables: migration 0001.

import type { CopiedRow } from './copy-rows.ts';
import { genesisPoint, type LogEntry, type LogPoint } from './log-entry.ts';
import { PostgresSession, type Statement } from './postgres-session.ts';
import {
  type AppendResult,
  type Fence,
  type Inspection,
  type KeptByNode,
  type LogEnd,
  type LogStore,
  LogUnreachable,
} from './world.ts';

export type PostgresLogOptions = {
  readonly databaseUrl: string;
  /** The clustered profile: a synchronous replica must be configured (LOG-9). */
  readonly requireReplica: boolean;
};

/** What `fetchEntries` aims at, in bytes of content. */
const BATCH_BYTES = 2 << 20;
const MOST_BATCH_ROWS = 2_000;

/** An append or a short question that takes longer is given up (LOG-13). */
const SHORT_TIMEOUT_MS = 2_000;
/** Long reads are not in anybody's way. */
const LONG_TIMEOUT_MS = 15_000;

// The three parts of the fence stand in the one statement that writes (LOG-1), and the clock of
// the database has its say (LOG-15).
const appendText = (epochRule: string, shardRow: string): string => `
  INSERT INTO log_entry (entry_index, epoch, log_time_us, first_sequence, event_count,
    command_count, format_version, shard_id, chain_checksum, commands, outcomes)
  SELECT $2::bigint, $3::bigint, $4::bigint, $5::bigint, $6::integer, $7::integer, $8::integer,
    $1::text, $9::bytea, $10::bytea, $11::bytea
  WHERE EXISTS (${shardRow})
    AND ($2::bigint = 1 OR EXISTS (
      SELECT FROM log_entry
      WHERE shard_id = $1 AND entry_index = $2::bigint - 1
        AND chain_checksum = $12::bytea AND epoch ${epochRule} $3))
    AND $4::bigint <= extract(epoch FROM clock_timestamp()) * 1000000 + 1000000
  ON CONFLICT DO NOTHING`;

const SHARD_ROW = 'SELECT FROM log_shard WHERE shard_id = $1 AND epoch = $3';

const APPEND: Record<Fence['previousEpoch'], Statement> = {
  same: { name: 'append', text: appendText('=', SHARD_ROW) },
  lower: { name: 'append_epoch', text: appendText('<', SHARD_ROW) },
};

// An earlier leader's append that does not see the raised epoch yet meets this one at its place.
const APPEND_RAISING: Statement = {
  name: 'append_raising',
  text: `
  WITH raised AS (
    INSERT INTO log_shard (shard_id, epoch) VALUES ($1::text, $3::bigint)
    ON CONFLICT (shard_id) DO UPDATE SET epoch = $3::bigint, confirmed_time = clock_timestamp()
    WHERE log_shard.epoch <= $3::bigint AND log_shard.fork IS NULL
    RETURNING epoch
  ) ${appendText('<', 'SELECT FROM raised')}`,
};

const LOG_END = `
  (SELECT entry_index, chain_checksum, epoch, log_time_us FROM log_entry
   WHERE shard_id = $1 ORDER BY entry_index DESC LIMIT 1)`;

const FETCH_END: Statement = { name: 'fetch_end', text: LOG_END };

const INSPECT: Statement = {
  name: 'inspect',
  text: `
  SELECT found.chain_checksum, previous.chain_checksum,
    log_end.entry_index, log_end.chain_checksum, log_end.epoch, log_end.log_time_us,
    (SELECT epoch FROM log_shard WHERE shard_id = $1),
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
  FROM (VALUES (1)) AS one
    LEFT JOIN ${LOG_END} AS log_end ON true
    LEFT JOIN log_entry AS found ON found.shard_id = $1 AND found.entry_index = $2::bigint
    LEFT JOIN log_entry AS previous
      ON previous.shard_id = $1 AND previous.entry_index = $2::bigint - 1`,
};

/** Ids that may stand in the text of a query; the table holds no others. */
const SHARD_ID = /^[A-Za-z0-9._:-]{1,32}$/;

/** COPY takes no parameters, so they stand in the text. */
function fetchEntriesText(
  shardId: string,
  range: { readonly from: number; readonly through: number; readonly limit: number },
): string {
  const numbers = [range.from, range.through, range.limit];
  if (!SHARD_ID.test(shardId) || !numbers.every(Number.isSafeInteger)) {
    throw new TypeError('no shard id or no range of entries');
  }
  return `
  SELECT entry_index, epoch, log_time_us, format_version, first_sequence, event_count,
    command_count, chain_checksum, commands, outcomes
  FROM log_entry
  WHERE shard_id = '${shardId}' AND entry_index BETWEEN ${range.from} AND ${range.through}
  ORDER BY entry_index LIMIT ${range.limit}`;
}

const CONFIRM: Statement = {
  name: 'confirm',
  text: 'UPDATE log_shard SET confirmed_time = clock_timestamp() WHERE shard_id = $1',
};

const RAISE_EPOCH: Statement = {
  name: 'raise_epoch',
  text: `
  INSERT INTO log_shard (shard_id, epoch) VALUES ($1, $2::bigint)
  ON CONFLICT (shard_id) DO UPDATE SET epoch = $2::bigint, confirmed_time = clock_timestamp()
  WHERE log_shard.epoch <= $2::bigint`,
};

const RECORD_FORK: Statement = {
  name: 'record_fork',
  text: 'UPDATE log_shard SET fork = coalesce(fork, $2) WHERE shard_id = $1',
};

const KEEP_ROW: Statement = {
  name: 'keep_row',
  text: `INSERT INTO log_kept (node_id, shard_id, entry_index, epoch, log_time_us, first_sequence,
      event_count, command_count, format_version, chain_checksum, commands, outcomes)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
};

function columnsOf(shardId: string, row: LogEntry): unknown[] {
  return [
    ...[shardId, row.entryIndex, row.epoch, row.logTimeUs, row.firstSequence, row.eventCount],
    ...[row.commandCount, row.formatVersion, Buffer.from(row.chainChecksum, 'hex')],
    ...[row.commands, row.outcomes],
  ];
}

const FETCH_FORK: Statement = {
  name: 'fetch_fork',
  text: 'SELECT fork FROM log_shard WHERE shard_id = $1',
};

const END_LOWER: Statement = {
  name: 'end_lower',
  text: `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database()
    AND starts_with(application_name, 'bourse ' || $1 || ' epoch ')
    AND CASE WHEN split_part(application_name, ' ', 4) ~ '^[0-9]{1,16}$'
      THEN split_part(application_name, ' ', 4)::bigint < $2::bigint ELSE false END`,
};

export class PostgresLog implements LogStore {
  readonly #shardId: string;
  readonly #options: PostgresLogOptions;
  /** Appends, one at a time (LOG-13). */
  #writer: PostgresSession;
  /** Short questions, which must not wait behind long reads. */
  readonly #prover: PostgresSession;
  /** Reads many entries at a time. */
  readonly #reader: PostgresSession;
  #epoch = 0;
  /** Bytes of an entry as seen lately, for the size of batches. */
  #typicalBytes = 4096;

  constructor(shardId: string, options: PostgresLogOptions) {
    this.#shardId = shardId;
    this.#options = options;
    this.#writer = this.#openWriter();
    this.#prover = this.#openReader('prove', SHORT_TIMEOUT_MS);
    this.#reader = this.#openReader('read', LONG_TIMEOUT_MS);
  }

  /** Says for which leadership the session stands (LOG-13). */
  get #writerName(): string {
    const life = this.#epoch === 0 ? 'standby' : `epoch ${this.#epoch}`;
    return `bourse ${this.#shardId} ${life}`;
  }

  #openWriter(): PostgresSession {
    const name = this.#writerName;
    return new PostgresSession({ ...this.#options, name, timeoutMs: SHORT_TIMEOUT_MS });
  }

  #openReader(purpose: string, timeoutMs: number): PostgresSession {
    const name = `bourse ${this.#shardId} ${purpose}`;
    return new PostgresSession({ ...this.#options, name, timeoutMs });
  }

  setEpoch(epoch: number): void {
    this.#epoch = epoch;
    // Connecting takes longer than all the rest that a candidate does, so what is open stays open.
    if (this.#writer.isIdle) {
      this.#writer.rename(this.#writerName);
    } else {
      this.#writer.drop();
      this.#writer = this.#openWriter();
    }
  }

  append(entry: LogEntry, fence: Fence): Promise<AppendResult> {
    return this.#append(APPEND[fence.previousEpoch], entry, fence);
  }

  appendRaising(entry: LogEntry, fence: Fence): Promise<AppendResult> {
    return this.#append(APPEND_RAISING, entry, fence);
  }

  async #append(statement: Statement, entry: LogEntry, fence: Fence): Promise<AppendResult> {
    const { changedRows } = await this.#writer.query(statement, [
      this.#shardId,
      entry.entryIndex,
      entry.epoch,
      entry.logTimeUs,
      entry.firstSequence,
      entry.eventCount,
      entry.commandCount,
      entry.formatVersion,
      Buffer.from(entry.chainChecksum, 'hex'),
      entry.commands,
      entry.outcomes,
      Buffer.from(fence.previous.chainChecksum, 'hex'),
    ]);
    return changedRows === 1 ? 'committed' : 'refused';
  }

  async inspect(entryIndex: number): Promise<Inspection> {
    // The old sessions may be bound to a server that is the primary no longer.
    this.#writer.drop();
    this.#prover.drop();
    this.#reader.drop();
    const { rows } = await this.#writer.query(INSPECT, [this.#shardId, entryIndex]);
    const [found, previous, endIndex, endChecksum, endEpoch, endTime, shardEpoch, databaseTime] =
      rows[0] as [Bytes, Bytes, number | null, Bytes, number, number, number | null, number];
    const end = endIndex === null ? undefined : [endIndex, endChecksum, endEpoch, endTime];
    return {
      found: asPoint(entryIndex, found),
      previous: asPoint(entryIndex - 1, previous),
      end: this.#asEnd(end),
      shardEpoch: shardEpoch ?? 0,
      databaseTimeUs: databaseTime,
    };
  }

  async confirmDurable(): Promise<void> {
    const { changedRows } = await this.#writer.query(CONFIRM, [this.#shardId]);
    if (changedRows !== 1) throw new LogUnreachable('the row of the shard is gone');
  }

  async fetchEnd(): Promise<LogEnd> {
    const { rows } = await this.#prover.query(FETCH_END, [this.#shardId]);
    return this.#asEnd(rows[0]);
  }

  #asEnd(row: readonly unknown[] | undefined): LogEnd {
    if (row === undefined) return { ...genesisPoint(this.#shardId), epoch: 0, logTimeUs: 0 };
    const [entryIndex, checksum, epoch, logTimeUs] = row as [number, Buffer, number, number];
    return { entryIndex, chainChecksum: checksum.toString('hex'), epoch, logTimeUs };
  }

  async fetchEntries(
    fromEntryIndex: number,
    throughEntryIndex: number,
  ): Promise<readonly LogEntry[]> {
    const fitting = Math.ceil(BATCH_BYTES / this.#typicalBytes);
    const limit = Math.min(Math.max(fitting, 2), MOST_BATCH_ROWS);
    const range = { from: fromEntryIndex, through: throughEntryIndex, limit };
    const rows = await this.#reader.copy(fetchEntriesText(this.#shardId, range));
    const entries = rows.map(asEntry);
    if (entries.length > 1) this.#learnSize(entries);
    return entries;
  }

  #learnSize(entries: readonly LogEntry[]): void {
    const bytes = entries.reduce((sum, { commands, outcomes }) => {
      return sum + commands.length + outcomes.length;
    }, 0);
    // Quick to grow, slow to shrink: a batch should not surprise anybody by its size.
    this.#typicalBytes = Math.max(bytes / entries.length, this.#typicalBytes * 0.5, 64);
  }

  async raiseEpoch(epoch: number): Promise<boolean> {
    const { changedRows } = await this.#writer.query(RAISE_EPOCH, [this.#shardId, epoch]);
    return changedRows === 1;
  }

  async recordFork(description: string, kept?: KeptByNode): Promise<void> {
    await this.#prover.query(RECORD_FORK, [this.#shardId, description]);
    for (const row of kept?.rows ?? []) {
      await this.#prover.query(KEEP_ROW, [kept?.nodeId, ...columnsOf(this.#shardId, row)]);
    }
  }

  async fetchFork(): Promise<string | undefined> {
    const { rows } = await this.#prover.query(FETCH_FORK, [this.#shardId]);
    return (rows[0]?.[0] as string | null | undefined) ?? undefined;
  }

  async endLowerSessions(epoch: number): Promise<void> {
    await this.#prover.query(END_LOWER, [this.#shardId, epoch]);
  }

  /** Opens the sessions that a leader needs, so that they are there when it begins. */
  async checkDurability(): Promise<void> {
    await Promise.all([this.#prover.checkDurability(), this.#writer.checkDurability()]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#writer.close(), this.#prover.close(), this.#reader.close()]);
  }
}

type Bytes = Buffer | null;

function asPoint(entryIndex: number, checksum: Bytes): LogPoint | undefined {
  return checksum === null ? undefined : { entryIndex, chainChecksum: checksum.toString('hex') };
}

/** In the order in which `fetchEntriesText` names the columns. */
function asEntry(row: CopiedRow): LogEntry {
  const bigint = (column: number): number => Number(columnOf(row, column).readBigInt64BE());
  const integer = (column: number): number => columnOf(row, column).readInt32BE();
  return {
    entryIndex: bigint(0),
    epoch: bigint(1),
    logTimeUs: bigint(2),
    formatVersion: integer(3),
    firstSequence: bigint(4),
    eventCount: integer(5),
    commandCount: integer(6),
    chainChecksum: columnOf(row, 7).toString('hex'),
    commands: columnOf(row, 8),
    outcomes: columnOf(row, 9),
  };
}

function columnOf(row: CopiedRow, column: number): Buffer {
  const found = row[column];
  if (found === undefined) throw new TypeError('a row lacks a column');
  return found;
}
