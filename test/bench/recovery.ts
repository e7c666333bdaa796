// P6: how quickly a shard is back. A node with nothing in memory leads a log of many commands of a
// matching shard, and one of an account shard, without a snapshot, against reading the same log
// without applying it; and a matching shard with a snapshot of a million open orders. Everything
// is real: PostgreSQL, the host, the machine.

import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { ShardHost } from '../../services/lib/shard/host.ts';
import type { LogEntry } from '../../services/lib/shard/log-entry.ts';
import { createRealWorld } from '../../services/lib/shard/real-world.ts';
import type { ReplicaOptions } from '../../services/lib/shard/replica.ts';
import {
  ContentChecksum,
  SNAPSHOT_VERSION,
  snapshotRows,
} from '../../services/lib/shard/replica-snapshot.ts';
import type { World } from '../../services/lib/shard/world.ts';
import { widenInlining } from '../../services/matching/adapter/inlining.ts';
import { startTestPostgres } from '../support/postgres.ts';
import { ACCOUNT_REPLICA, buildAccountDay } from './recovery-account-log.ts';
import { buildDay, buildOpenOrders, DAY_SECONDS, REPLICA, SHARD } from './recovery-log.ts';

const SEED = 7;
const INSERT = `
  INSERT INTO log_entry (entry_index, epoch, log_time_us, first_sequence, event_count,
    command_count, format_version, shard_id, chain_checksum, commands, outcomes)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

type Database = {
  readonly shardId: string;
  readonly url: string;
  readonly client: pg.Client;
  readonly world: World;
};

/** A database of its own, with a shard without a log. */
async function withDatabase<T>(
  shardId: string,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const postgres = await startTestPostgres();
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    await client.query('INSERT INTO log_shard (shard_id, epoch) VALUES ($1, 1)', [shardId]);
    const world = createRealWorld({ databaseUrl: postgres.url, requireReplica: false });
    return await work({ shardId, url: postgres.url, client, world });
  } finally {
    await client.end();
    await postgres.stop();
  }
}

async function store({ client, shardId }: Database, entries: readonly LogEntry[]): Promise<void> {
  await client.query('BEGIN');
  for (const entry of entries) {
    await client.query({
      name: 'insert',
      text: INSERT,
      values: [
        ...[entry.entryIndex, entry.epoch, entry.logTimeUs, entry.firstSequence],
        ...[entry.eventCount, entry.commandCount, entry.formatVersion, shardId],
        ...[Buffer.from(entry.chainChecksum, 'hex'), entry.commands, entry.outcomes],
      ],
    });
  }
  await client.query('COMMIT');
}

/** Seconds to read every entry and do nothing with it. */
async function readOnly({ world, shardId }: Database): Promise<number> {
  const log = world.openLog(shardId);
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
async function lead<C, E, A>({ world }: Database, replica: ReplicaOptions<C, E, A>): Promise<Lead> {
  const host = new ShardHost<C, E, A>({ ...replica, world, nodeId: 'bench' });
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
  return withDatabase(SHARD, async (database) => {
    let bytes = 0;
    const waiting: LogEntry[] = [];
    buildDay(SEED, commands, (entry) => {
      waiting.push(entry);
      bytes += entry.commands.length + entry.outcomes.length;
    });
    await store(database, waiting.splice(0));
    await database.client.query('CHECKPOINT');
    const readS = await readOnly(database);
    const { seconds, cpuSeconds, blockedMs } = await lead(database, REPLICA);
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

/** Of an account shard: what a matching shard's day of orders and cancels means to it. */
async function measureAccountReplay(orders: number): Promise<Record<string, number>> {
  return withDatabase(ACCOUNT_REPLICA.shardId, async (database) => {
    const entries: LogEntry[] = [];
    buildAccountDay(SEED, orders, (entry) => entries.push(entry));
    const commands = entries.reduce((sum, { commandCount }) => sum + commandCount, 0);
    const events = entries.reduce((sum, { eventCount }) => sum + eventCount, 0);
    await store(database, entries.splice(0));
    await database.client.query('CHECKPOINT');
    const { seconds, cpuSeconds } = await lead(database, ACCOUNT_REPLICA);
    say(
      `account replay: ${commands} commands with ${events} events, of ${orders} orders and ` +
        `cancels (seed ${SEED}), until it leads: ${seconds.toFixed(2)} s ` +
        `(${cpuSeconds.toFixed(2)} s of work), ${(orders / seconds).toFixed(0)} orders and ` +
        `cancels/s`,
    );
    return {
      account_replay_orders: orders,
      account_replay_orders_per_s: Math.round(orders / seconds),
      account_replay_commands_per_s: Math.round(commands / seconds),
      account_replay_work_s: Math.round(cpuSeconds * 100) / 100,
    };
  });
}

async function measureSnapshot(orders: number): Promise<Record<string, number>> {
  return withDatabase(SHARD, async (database) => {
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
    const { seconds, cpuSeconds, blockedMs } = await lead(database, REPLICA);
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

const HELP = `Usage: npm run bench -- recovery [--commands 1000000] [--account-orders 300000]
         [--orders 1000000] [--json [FILE]]
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
    options: { commands: text, orders: text, 'account-orders': text, help: flag },
  });
  if (values.help) return say(HELP);
  const count = (value: string | undefined, usual = 1_000_000): number => {
    if (value !== undefined && !/^[1-9]\d{0,8}$/.test(value)) throw new Error(HELP);
    return Number(value ?? usual);
  };
  const [commands, orders] = [count(values.commands), count(values.orders)];
  const replay = await measureReplay(commands);
  const account = await measureAccountReplay(count(values['account-orders'], 300_000));
  const snapshot = await measureSnapshot(orders);
  const figures = { bench: 'recovery', ...replay, ...account, ...snapshot };
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
