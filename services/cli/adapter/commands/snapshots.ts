// `bourse snapshot`: the snapshots of the shards, and writing one now.

import type { Command } from 'commander';
import { decodeOutcomeBatch } from '../../../lib/shard/entry-codec.ts';
import type { LogPoint } from '../../../lib/shard/log-entry.ts';
import type { LogStore } from '../../../lib/shard/world.ts';
import { fetchShards, type LoggedShard, type LogSession, runOnLogs } from '../logs/log-database.ts';
import { writeInProcess } from '../logs/log-process.ts';
import { printTable } from '../output.ts';
import type { Terminal } from './command.ts';

const FETCH = `
  SELECT shard_id, replace(snapshot_id::text, '-', '') AS snapshot_id, entry_index::integer,
    epoch::integer, version, begun_time,
    (SELECT sum(length(content))::bigint FROM shard_snapshot_row
     WHERE shard_snapshot_row.snapshot_id = shard_snapshot.snapshot_id) AS bytes,
    (SELECT max(entry_index) FROM log_entry
     WHERE log_entry.shard_id = shard_snapshot.shard_id)::integer AS last_entry_index
  FROM shard_snapshot
  WHERE row_count IS NOT NULL AND ($1::text IS NULL OR shard_id = $1)
  ORDER BY shard_id, entry_index DESC`;

/** Entries that are looked at at a time for one with a state checksum. */
const STEP = 200;

export function addSnapshots(program: Command, terminal: Terminal): void {
  const snapshot = program.command('snapshot').description('snapshots of the shards');
  snapshot
    .command('list')
    .argument('[shard]', 'only of this shard')
    .description('show the snapshots that a start may take over')
    .action(async (shardId: string | undefined, _options: object, command: Command) => {
      await runOnLogs(command, terminal, async ({ database, output }) => {
        const { rows } = await database.query(FETCH, [shardId ?? null]);
        const snapshots = rows.map((row) => ({ ...row, bytes: Number(row.bytes) }));
        if (output.isJson) {
          output.write(JSON.stringify({ snapshots }));
          return;
        }
        printTable(
          output,
          ['SHARD', 'ENTRY', 'BEHIND', 'EPOCH', 'BYTES', 'BEGUN', 'ID'],
          snapshots.map((one) => [
            ...[one.shard_id, String(one.entry_index)],
            `${one.last_entry_index - one.entry_index} entries`,
            ...[String(one.epoch), String(one.bytes), one.begun_time.toISOString()],
            one.snapshot_id,
          ]),
        );
      });
    });
  snapshot
    .command('write')
    .argument('[shard]', 'only of this shard')
    .description('write one now, behind the last entry with a state checksum')
    .action(async (shardId: string | undefined, _options: object, command: Command) => {
      await runOnLogs(command, terminal, async (session) => {
        for (const shard of await fetchShards(session, shardId)) {
          await write(session, shard, terminal);
        }
      });
    });
}

async function write(session: LogSession, shard: LoggedShard, terminal: Terminal): Promise<void> {
  const { databaseUrl, world, output } = session;
  const { shardId, epoch } = shard;
  const log = world.openLog(shardId);
  const point = await findChecksum(log).finally(() => log.close());
  const end =
    point === undefined
      ? ({ kind: 'dropped', reason: 'no entry has a state checksum yet' } as const)
      : await writeInProcess(
          shard,
          { databaseUrl, order: { shardId, epoch, point } },
          terminal.interrupted,
        );
  if (end.kind === 'failed') terminal.setExitCode(1);
  if (output.isJson) {
    output.write(JSON.stringify({ shard_id: shardId, ...end }));
  } else if (end.kind === 'written') {
    const took = `${end.bytes} bytes in ${(end.durationMs / 1_000).toFixed(1)} s`;
    output.write(`${shardId}: written behind entry ${end.entryIndex}, ${took}`);
  } else {
    output.write(`${shardId}: not written: ${end.reason}`);
  }
}

/** The last entry with a state checksum (SNAP-3). */
async function findChecksum(log: LogStore): Promise<LogPoint | undefined> {
  const { entryIndex: lastIndex } = await log.fetchEnd();
  for (let last = lastIndex; last > 0; last -= STEP) {
    const first = Math.max(1, last - STEP + 1);
    let found: LogPoint | undefined;
    for (let next = first; next <= last; ) {
      const entries = await log.fetchEntries(next, last);
      if (entries.length === 0) return found;
      for (const { entryIndex, chainChecksum, outcomes } of entries) {
        const { stateChecksum } = decodeOutcomeBatch(outcomes);
        if (stateChecksum !== '') found = { entryIndex, chainChecksum };
      }
      next = (entries.at(-1)?.entryIndex ?? last) + 1;
    }
    if (found !== undefined) return found;
  }
  return undefined;
}
