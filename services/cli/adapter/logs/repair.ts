// Puts back entries that a log has lost at its end, from a dump or from what a replica has kept, or
// gives them up (LOG-12). All in
// one transaction that fences whoever leads: they lead again afterwards, from what is there then.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type pg from 'pg';
import { StartError } from '../../../lib/platform/config/start-error.ts';
import { checkFollows, decodeDumped } from '../../../lib/shard/log-dump.ts';
import { genesisChecksum, type LogEntry } from '../../../lib/shard/log-entry.ts';

export type Repaired = { readonly entries: number; readonly last_entry_index: number };

const FENCE = `
  UPDATE log_shard SET fork = NULL,
    epoch = greatest(epoch, (SELECT coalesce(max(epoch), 0) FROM log_entry WHERE shard_id = $1)) + 1
  WHERE shard_id = $1`;

const FETCH_END = `
  SELECT entry_index, chain_checksum FROM log_entry
  WHERE shard_id = $1 ORDER BY entry_index DESC LIMIT 1`;

const FETCH_KEPT = `
  SELECT entry_index, epoch, log_time_us, first_sequence, event_count, command_count,
    format_version, chain_checksum, commands, outcomes
  FROM log_kept WHERE shard_id = $1 AND node_id = $2 ORDER BY entry_index`;

const FETCH_KEEPERS = `
  SELECT node_id, min(entry_index) AS first, max(entry_index) AS last
  FROM log_kept WHERE shard_id = $1 GROUP BY node_id ORDER BY node_id`;

const FORGET_KEPT = 'DELETE FROM log_kept WHERE shard_id = $1';

const INSERT = `
  INSERT INTO log_entry (entry_index, epoch, log_time_us, first_sequence, event_count,
    command_count, format_version, shard_id, chain_checksum, commands, outcomes)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`;

/** Lets the shard be led from what its log has. */
export async function giveUp(database: pg.Client, shardId: string): Promise<Repaired> {
  await database.query(FENCE, [shardId]);
  await database.query(FORGET_KEPT, [shardId]);
  const end = await fetchEnd(database, shardId);
  return { entries: 0, last_entry_index: end.entryIndex };
}

/** Entries of a shard, in order, and what they are from. */
export type EntrySource = { readonly name: string; readonly entries: AsyncIterable<LogEntry> };

/** A node that has kept entries when it found the log to be forked. */
export type Keeper = { readonly nodeId: string; readonly first: number; readonly last: number };

/** @param path a file that `log verify --dump` has written */
export function dumpedEntries(shardId: string, path: string): EntrySource {
  return { name: path, entries: readDump(shardId, path) };
}

/** What a replica had in memory when it found the log to be forked. */
export function keptEntries(database: pg.Client, shardId: string, nodeId: string): EntrySource {
  return { name: `what ${nodeId} has kept`, entries: readKept(database, shardId, nodeId) };
}

export async function fetchKeepers(
  database: pg.Client,
  shardId: string,
): Promise<readonly Keeper[]> {
  const { rows } = await database.query(FETCH_KEEPERS, [shardId]);
  return rows.map((row) => {
    return { nodeId: row.node_id, first: Number(row.first), last: Number(row.last) };
  });
}

/** @throws StartError, Error; then nothing was changed */
export async function repairLog(
  database: pg.Client,
  shardId: string,
  { name, entries: found }: EntrySource,
): Promise<Repaired> {
  await database.query('BEGIN');
  try {
    const end = await fetchEnd(database, shardId);
    let previous: LogEntry | undefined;
    let entries = 0;
    for await (const entry of found) {
      if (entry.entryIndex < end.entryIndex) continue;
      if (entry.entryIndex === end.entryIndex) {
        checkSame(entry, end);
      } else {
        if (previous !== undefined) checkFollows(entry, previous);
        else if (entry.entryIndex !== 1) throw gap(end, name);
        await insert(database, shardId, entry);
        entries += 1;
      }
      previous = entry;
    }
    if (entries === 0) throw new StartError(`${name} has nothing behind entry ${end.entryIndex}.`);
    await database.query(FENCE, [shardId]);
    await database.query(FORGET_KEPT, [shardId]);
    await database.query('COMMIT');
    return { entries, last_entry_index: previous?.entryIndex ?? end.entryIndex };
  } catch (error) {
    await database.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

type End = { readonly entryIndex: number; readonly chainChecksum: string };

async function fetchEnd(database: pg.Client, shardId: string): Promise<End> {
  const [row] = (await database.query(FETCH_END, [shardId])).rows;
  if (row === undefined) return { entryIndex: 0, chainChecksum: genesisChecksum(shardId) };
  return {
    entryIndex: Number(row.entry_index),
    chainChecksum: (row.chain_checksum as Buffer).toString('hex'),
  };
}

function checkSame(entry: LogEntry, end: End): void {
  if (entry.chainChecksum === end.chainChecksum) return;
  throw new StartError(`Entry ${end.entryIndex} is another one than the log's: they are two logs.`);
}

function gap(end: End, name: string): StartError {
  return new StartError(`${name} lacks entry ${end.entryIndex}, with which the log ends.`);
}

async function* readDump(shardId: string, path: string): AsyncGenerator<LogEntry> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line === '') continue;
    try {
      yield decodeDumped(shardId, line);
    } catch (error) {
      throw new StartError(`${path}:${number}: ${(error as Error).message}`);
    }
  }
}

async function* readKept(
  database: pg.Client,
  shardId: string,
  nodeId: string,
): AsyncGenerator<LogEntry> {
  const { rows } = await database.query(FETCH_KEPT, [shardId, nodeId]);
  for (const row of rows) {
    yield {
      entryIndex: Number(row.entry_index),
      epoch: Number(row.epoch),
      logTimeUs: Number(row.log_time_us),
      firstSequence: Number(row.first_sequence),
      eventCount: row.event_count,
      commandCount: row.command_count,
      formatVersion: row.format_version,
      chainChecksum: (row.chain_checksum as Buffer).toString('hex'),
      commands: row.commands,
      outcomes: row.outcomes,
    };
  }
}

async function insert(database: pg.Client, shardId: string, entry: LogEntry): Promise<void> {
  await database.query(INSERT, [
    ...[entry.entryIndex, entry.epoch, entry.logTimeUs, entry.firstSequence, entry.eventCount],
    ...[entry.commandCount, entry.formatVersion, shardId, Buffer.from(entry.chainChecksum, 'hex')],
    ...[entry.commands, entry.outcomes],
  ]);
}
