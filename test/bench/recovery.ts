// P6: how quickly a matching shard is back. A node with nothing in memory leads a log of many
// commands without a snapshot, against reading the same log without applying it; and one with a
// snapshot of a million open orders. Everything is real: PostgreSQL, the host, the machine.

import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { ShardHost } from '../../services/lib/shard/host.ts';
import type { LogEntry } from '../../services/lib/shard/log-entry.ts';
import { createRealWorld } from '../../services/lib/shard/real-world.ts';
import {
  ContentChecksum,
  SNAPSHOT_VERSION,
  snapshotRows,
} from '../../services/lib/shard/replica-snapshot.ts';
import type { World } from '../../services/lib/shard/world.ts';
import { widenInlining } from '../../services/matching/adapter/inlining.ts';
import { startTestPostgres } from '../support/postgres.ts';
import { buildDay, buildOpenOrders, DAY_SECONDS, REPLICA, SHARD } from './recovery-log.ts';

const SEED = 7;
const INSERT = `
  INSERT INTO log_entry (entry_index, epoch, log_time_us, first_sequence, event_count,
    command_count, format_version, shard_id, chain_checksum, commands, outcomes)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

type Database = { readonly url: string; readonly client: pg.Client; readonly world: World };

/** A database of its own, with a shard without a log. */
async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const postgres = await startTestPostgres();
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    await client.query('INSERT INTO log_shard (shard_id, epoch) VALUES ($1, 1)', [SHARD]);
    const world = createRealWorld({ databaseUrl: postgres.url, requireReplica: false });
    return await work({ url: postgres.url, client, world });
  } finally {
    await client.end();
    await postgres.stop();
  }
}

async function store({ client }: Database, entries: readonly LogEntry[]): Promise<void> {
  await client.query('BEGIN');
  for (const entry of entries) {
    await client.query({
      name: 'insert',
      text: INSERT,
      values: [
        ...[entry.entryIndex, entry.epoch, entry.logTimeUs, entry.firstSequence],
        ...[entry.eventCount, entry.commandCount, entry.formatVersion, SHARD],
        ...[Buffer.from(entry.chainChecksum, 'hex'), entry.commands, entry.outcomes],
      ],
    });
  }
  await client.query('COMMIT');
}

/** Seconds to read every entry and do nothing with it. */
async function readOnly({ world }: Database): Promise<number> {
  const log = world.openLog(SHARD);
  const { entryIndex: last } = await log.fetchEnd();
  const beganMs = performance.now();
  for (let next = 1; next <= last; ) {
    const entries = await log.fetchEntries(next, last);
    next = (entries.at(-1)?.entryIndex ?? last) + 1;
  }
  const seconds = (performance.now() - beganMs) / 1_000;
  await log.close();
  return seconds;
}

type Lead = {
  readonly seconds: number;
  /** Of this process; on a busy machine it says more than the clock. */
  readonly cpuSeconds: number;
  readonly blockedMs: number;
};

/** Seconds until a host with nothing in memory leads, and the longest time it let nobody else run. */
async function lead({ world }: Database): Promise<Lead> {
  const host = new ShardHost({ ...REPLICA, world, nodeId: 'bench' });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const beganMs = performance.now();
  const cpu = process.cpuUsage();
  const led = await host.lead(2);
  const seconds = (performance.now() - beganMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  delay.disable();
  await host.end(1_000);
  if (led.kind !== 'leading') throw new Error(`the host does not lead: ${led.message}`);
  return { seconds, cpuSeconds: (user + system) / 1e6, blockedMs: delay.max / 1e6 };
}

async function measureReplay(commands: number): Promise<Record<string, number>> {
  return withDatabase(async (database) => {
    let bytes = 0;
    const waiting: LogEntry[] = [];
    buildDay(SEED, commands, (entry) => {
      waiting.push(entry);
      bytes += entry.commands.length + entry.outcomes.length;
    });
    await store(database, waiting.splice(0));
    await database.client.query('CHECKPOINT');
    const readS = await readOnly(database);
    const { seconds, cpuSeconds, blockedMs } = await lead(database);
    const perS = commands / seconds;
    say(
      `replay: ${commands} commands of a normal day of ${DAY_SECONDS} s (seed ${SEED}), ${(bytes / 2 ** 20).toFixed(0)} MiB, ` +
        `until it leads: ${seconds.toFixed(2)} s (${cpuSeconds.toFixed(2)} s of work), ` +
        `${perS.toFixed(0)} commands/s; reading alone ` +
        `${readS.toFixed(2)} s (${((readS / seconds) * 100).toFixed(0)} %); nothing else ran for at ` +
        `most ${blockedMs.toFixed(0)} ms`,
    );
    return {
      replay_commands: commands,
      replay_commands_per_s: Math.round(perS),
      read_commands_per_s: Math.round(commands / readS),
      replay_work_s: Math.round(cpuSeconds * 100) / 100,
      replay_blocked_ms: Math.round(blockedMs),
    };
  });
}

async function measureSnapshot(orders: number): Promise<Record<string, number>> {
  return withDatabase(async (database) => {
    let last: LogEntry | undefined;
    const tail: LogEntry[] = [];
    const replica = buildOpenOrders(orders, (entry) => {
      last = entry;
      if (entry.entryIndex === 1) tail.push(entry);
    });
    if (last === undefined) throw new Error('no entry was made');
    // The snapshot stands behind an entry with a state checksum: one more, as a leader makes it.
    replica.beginNext(replica.logTimeUs + 1);
    const { entry } = replica.sealNext({ epoch: 1, withStateChecksum: true });
    await store(database, [...tail, entry]);
    const snapshots = database.world.openSnapshots(SHARD);
    const snapshotId = '0'.repeat(31).concat('1');
    const beginning = { snapshotId, version: SNAPSHOT_VERSION, point: replica.point };
    await snapshots.begin({ ...beginning, epoch: 1 });
    const checksum = new ContentChecksum();
    let rowCount = 0;
    let bytes = 0;
    for (const row of snapshotRows(replica, SHARD)) {
      checksum.add(row);
      await snapshots.writeRow(snapshotId, rowCount, row);
      rowCount += 1;
      bytes += row.length;
    }
    await snapshots.complete({ ...beginning, rowCount, contentChecksum: checksum.toText() });
    await snapshots.close();
    const { seconds, cpuSeconds, blockedMs } = await lead(database);
    say(
      `snapshot: ${orders} open orders, ${(bytes / 2 ** 20).toFixed(0)} MiB, until it leads: ` +
        `${seconds.toFixed(2)} s (${cpuSeconds.toFixed(2)} s of work); nothing else ran for at most ` +
        `${blockedMs.toFixed(0)} ms`,
    );
    return {
      snapshot_orders: orders,
      snapshot_start_s: Math.round(seconds * 100) / 100,
      snapshot_work_s: Math.round(cpuSeconds * 100) / 100,
      snapshot_blocked_ms: Math.round(blockedMs),
    };
  });
}

const HELP = `Usage: npm run bench -- recovery [--commands 1000000] [--orders 1000000] [--json [FILE]]
P6 asks for --commands 10000000, which needs some 6 GB of disk and several minutes to prepare.`;

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const at = args.indexOf('--json');
  const next = at < 0 ? undefined : args[at + 1];
  const file = next === undefined || next.startsWith('--') ? undefined : next;
  const rest = at < 0 ? args : args.toSpliced(at, file === undefined ? 1 : 2);
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    args: rest,
    options: { commands: text, orders: text, help: flag },
  });
  if (values.help) return say(HELP);
  const count = (value: string | undefined): number => {
    if (value !== undefined && !/^[1-9]\d{0,8}$/.test(value)) throw new Error(HELP);
    return Number(value ?? 1_000_000);
  };
  const [commands, orders] = [count(values.commands), count(values.orders)];
  const replay = await measureReplay(commands);
  const figures = { bench: 'recovery', ...replay, ...(await measureSnapshot(orders)) };
  if (file === undefined) say(JSON.stringify(figures));
  else writeFileSync(file, `${JSON.stringify(figures)}\n`);
}

widenInlining();
try {
  await main();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
