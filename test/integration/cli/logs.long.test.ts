// The command line on logs (`log`, `snapshot`, `consumers`, `quarantine`), past all nodes: a log of
// a matching shard in a PostgreSQL, and nothing else.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import type { Terminal } from '../../../services/cli/adapter/commands/command.ts';
import { createProgram } from '../../../services/cli/adapter/program.ts';
import type { LogEntry } from '../../../services/lib/shard/log-entry.ts';
import { matchingCodec } from '../../../services/matching/adapter/codec/matching-codec.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import { matchingCommands } from '../../compat/commands.ts';
import { buildLog } from '../../support/logs/build-log.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const SHARD = 'matching-1';

let postgres: TestPostgres;
let database: pg.Client;
let folder: string;
let config: string;
const entries: LogEntry[] = [];

beforeAll(async () => {
  postgres = await startTestPostgres();
  database = new pg.Client({ connectionString: postgres.url });
  await database.connect();
  folder = mkdtempSync(join(tmpdir(), 'bourse-logs-'));
  config = join(folder, 'exchange.yaml');
  writeFileSync(config, `databaseUrl: ${JSON.stringify(postgres.url)}\n`);
  buildLog({
    replica: {
      shardId: SHARD,
      createMachine: () => new MatchingMachine(),
      codec: matchingCodec,
      maximumIdentities: 10_000,
    },
    commands: matchingCommands(5, 300),
    commandsPerEntry: 4,
    entriesPerChecksum: 10,
    onEntry: (entry) => entries.push(entry),
  });
  await database.query(`INSERT INTO log_shard (shard_id, epoch) VALUES ($1, 1)`, [SHARD]);
  await database.query(`INSERT INTO cluster_shard (shard_id, kind) VALUES ($1, 'matching')`, [
    SHARD,
  ]);
  for (const entry of entries) await insert(entry);
}, 60_000);

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database?.end();
  await postgres?.stop();
});

const insert = (entry: LogEntry) =>
  database.query(
    `INSERT INTO log_entry (entry_index, epoch, log_time_us, first_sequence, event_count,
       command_count, format_version, shard_id, chain_checksum, commands, outcomes)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      ...[entry.entryIndex, entry.epoch, entry.logTimeUs, entry.firstSequence, entry.eventCount],
      ...[entry.commandCount, entry.formatVersion, SHARD],
      ...[Buffer.from(entry.chainChecksum, 'hex'), entry.commands, entry.outcomes],
    ],
  );

type Ran = { readonly out: string; readonly errors: string; readonly exitCode: number };

async function run(...args: readonly string[]): Promise<Ran> {
  const lines: string[] = [];
  const errors: string[] = [];
  let exitCode = 0;
  const terminal: Terminal = {
    write: (line) => lines.push(line),
    writeError: (line) => errors.push(line),
    confirm: undefined,
    interrupted: new AbortController().signal,
    setExitCode: (code) => {
      exitCode = code;
    },
  };
  await createProgram(terminal).parseAsync(['node', 'bourse', '--config', config, ...args]);
  return { out: lines.join('\n'), errors: errors.join('\n'), exitCode };
}

describe('bourse on logs', () => {
  test('LOG-6, LOG-7: `log verify` repeats a log and says what it has found', async () => {
    const { out, exitCode } = await run('--json', 'log', 'verify');
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ...{ shard_id: SHARD, sound: true, problem: null, fork: null, version: 1 },
      ...{ first_entry_index: 1, last_entry_index: entries.length, epoch: 1 },
      chain_checksum: entries.at(-1)?.chainChecksum,
      state_checksums: Math.floor(entries.length / 10),
    });
    expect((await run('log', 'verify', SHARD)).out).toContain('matching-1: sound');
  }, 60_000);

  test('LOG-6: `log verify` finds a corrupt entry, names it and ends with 1', async () => {
    const corrupt = `UPDATE log_entry SET outcomes = set_byte(outcomes, 3,
      255 - get_byte(outcomes, 3)) WHERE entry_index = 40`;
    await database.query(corrupt);
    const { out, exitCode } = await run('log', 'verify');
    await database.query(corrupt);
    expect(exitCode).toBe(1);
    expect(out).toContain('matching-1: NOT SOUND');
    expect(out).toContain('entry 40 of shard matching-1 does not have the chain checksum');
  }, 60_000);

  test('LOG-12: `log repair` puts a lost tail back from a dump, and only there', async () => {
    const dump = join(folder, 'dump');
    expect((await run('log', 'verify', SHARD, '--dump', dump)).exitCode).toBe(0);
    await database.query('DELETE FROM log_entry WHERE entry_index > $1', [entries.length - 7]);
    await database.query(`UPDATE log_shard SET fork = 'LOG_FORKED: it was seen'`);
    expect((await run('log', 'verify')).out).toContain('LOG_FORKED: it was seen');

    const unasked = await run('log', 'repair', SHARD, '--from', dump);
    expect(unasked).toMatchObject({ exitCode: 1, errors: 'Nothing was changed: say --yes.' });
    const gap = join(folder, 'gap');
    const lines = readFileSync(dump, 'utf8').split('\n');
    writeFileSync(gap, lines.filter((_, index) => index !== entries.length - 3).join('\n'));
    const refused = await run('log', 'repair', SHARD, '--from', gap, '--yes');
    expect(refused.errors).toContain('does not follow entry');
    expect((await run('log', 'verify')).exitCode).toBe(1);

    const repaired = await run('--json', 'log', 'repair', SHARD, '--from', dump, '--yes');
    expect(JSON.parse(repaired.out)).toMatchObject({
      entries: 7,
      last_entry_index: entries.length,
    });
    expect((await run('log', 'verify')).exitCode).toBe(0);
    // Whoever led before is fenced (LOG-1).
    const { rows } = await database.query('SELECT epoch, fork FROM log_shard');
    expect(rows).toEqual([{ epoch: '2', fork: null }]);
  }, 60_000);

  test('LOG-12: `log repair --accept-loss` gives up what was seen', async () => {
    await database.query(`UPDATE log_shard SET fork = 'LOG_FORKED: it was seen'`);
    expect((await run('log', 'repair', SHARD, '--accept-loss', '--yes')).exitCode).toBe(0);
    expect((await run('log', 'verify')).exitCode).toBe(0);
  }, 60_000);

  test('SNAP-2: `snapshot` writes one behind the last state checksum, and lists it', async () => {
    const { rows } = await database.query('SELECT epoch FROM log_shard');
    expect(rows).toHaveLength(1);
    const written = await run('--json', 'snapshot', 'write');
    const entryIndex = Math.floor(entries.length / 10) * 10;
    expect(JSON.parse(written.out)).toMatchObject({ kind: 'written', entryIndex });
    const listed = JSON.parse((await run('--json', 'snapshot', 'list')).out);
    expect(listed.snapshots).toMatchObject([{ shard_id: SHARD, entry_index: entryIndex }]);
    expect((await run('snapshot', 'write')).out).toContain('it is there already');
    expect((await run('snapshot', 'list')).out).toContain(String(entryIndex));
  }, 60_000);

  test('SNAP-4: `log verify` of a cut log repeats it from its snapshot', async () => {
    await database.query('DELETE FROM log_entry WHERE entry_index < 20');
    const { out, exitCode } = await run('--json', 'log', 'verify');
    expect(exitCode).toBe(0);
    const repeated = Math.floor(entries.length / 10) * 10;
    expect(JSON.parse(out)).toMatchObject({ first_entry_index: 20, repeated_behind: repeated });
  }, 60_000);

  test('SNAP-4: `consumers` lists who reads, and says what a removed one will miss', async () => {
    await database.query(`INSERT INTO log_consumer (shard_id, consumer, entry_index, sequence)
      VALUES ('matching-1', 'settlement of account-1', 30, 10)`);
    expect((await run('consumers', 'list')).out).toContain('settlement of account-1');
    const removed = await run('consumers', 'remove', SHARD, 'settlement of account-1', '--yes');
    expect(removed.out).toContain(`will miss ${entries.length - 30} entries`);
    expect((await run('consumers', 'list')).out).toBe('none');
    expect((await run('consumers', 'remove', SHARD, 'nobody', '--yes')).exitCode).toBe(1);
  }, 60_000);

  test('LOG-14: `quarantine` lists what is refused and lifts it', async () => {
    await database.query(`INSERT INTO log_quarantine (shard_id, identity, epoch, problem)
      VALUES ('matching-1', 'order/7', 3, 'Error: it broke')`);
    expect((await run('quarantine', 'list')).out).toContain('Error: it broke');
    expect((await run('quarantine', 'lift', SHARD, 'order/7')).exitCode).toBe(0);
    expect((await run('quarantine', 'list')).out).toBe('none');
    expect((await run('quarantine', 'lift', SHARD, 'order/7')).exitCode).toBe(1);
  }, 60_000);
});
