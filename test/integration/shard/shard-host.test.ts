// The shard host on a real PostgreSQL.

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { createRealWorld } from '../../../services/lib/shard/real-world.ts';
import type { World } from '../../../services/lib/shard/world.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { startTcpProxy } from '../../support/shard/tcp-proxy.ts';
import {
  add,
  createToyHost,
  propose,
  readTotal,
  TOY_SHARD,
  type ToyHost,
  type ToyResult,
} from '../../support/shard/toy-host.ts';
import { openToyLog, type ToyLog } from '../../support/shard/toy-log.ts';
import { waitUntil } from '../../support/wait.ts';

let postgres: TestPostgres;
let world: World;
let log: ToyLog;
const hosts: ToyHost[] = [];

beforeEach(async () => {
  postgres = await startTestPostgres();
  world = createRealWorld({ databaseUrl: postgres.url, requireReplica: false });
  log = await openToyLog(postgres.url);
});

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.end(2_000)));
  await log.close();
  await postgres.stop();
});

function createHost(inWorld: World = world, options: Parameters<typeof createToyHost>[1] = {}) {
  const host = createToyHost(inWorld, options);
  hosts.push(host);
  return host;
}

async function startLeader(epoch = 1, inWorld: World = world): Promise<ToyHost> {
  const host = createHost(inWorld);
  expect(await host.lead(epoch)).toEqual({ kind: 'leading', epoch });
  return host;
}

function applied(results: readonly ToyResult[]): number {
  return results.filter((result) => result.kind === 'applied').length;
}

describe('a shard on PostgreSQL', () => {
  test('LOG-1, LOG-2: of two hosts that believe they lead, one commits', async () => {
    const first = await startLeader(1);
    const acknowledged: string[] = [];
    let running = true;
    let next = 0;
    // Clients that ask whichever host they like, and go on when one refuses.
    const client = async (host: () => ToyHost): Promise<void> => {
      while (running) {
        const proposal = add(world, `id ${next++}`);
        const result = await propose(host(), proposal);
        if (result.kind === 'applied') acknowledged.push(proposal.identity);
        else await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const second = createHost();
    const clients = [client(() => first), client(() => first), client(() => second)];
    await waitUntil(() => acknowledged.length > 20, { what: 'the first leader to commit' });
    expect(await second.lead(2)).toMatchObject({ kind: 'leading' });
    const atTakeover = acknowledged.length;
    await waitUntil(() => acknowledged.length > atTakeover + 20, { what: 'the second to commit' });
    await waitUntil(() => first.state.kind === 'follower', { what: 'the first to notice' });
    running = false;
    await Promise.all(clients);

    const identities = await log.fetchIdentities();
    const logged = new Set(identities);
    expect(logged.size).toBe(identities.length);
    expect(acknowledged.filter((identity) => !logged.has(identity))).toEqual([]);
    const epochs = await log.fetchEpochs();
    expect(epochs).toEqual([...epochs].sort((one, other) => one - other));
    expect(new Set(epochs)).toEqual(new Set([1, 2]));
  });

  test('LOG-1: an append of a lower epoch is refused by the row of the shard alone', async () => {
    const host = await startLeader(1);
    await log.query('UPDATE log_shard SET epoch = 2 WHERE shard_id = $1', [TOY_SHARD]);
    const result = await propose(host, add(world, 'late'));
    expect(result).toMatchObject({ kind: 'notApplied', reason: 'NOT_LEADER' });
    expect(await log.fetchIdentities()).toEqual([]);
  });

  test('READ-1: a deposed leader that has heard of nothing cannot answer a read', async () => {
    const first = await startLeader(1);
    await propose(first, add(world, 'one'));
    await startLeader(2);
    expect(await readTotal(first)).toEqual({ kind: 'notAnswered', reason: 'NOT_LEADER' });
  });

  test('LOG-5: a restart repeats the log to the same state checksum', async () => {
    const host = await startLeader(1);
    const bytes = (index: number): string => String.fromCharCode(...[0, 39, 92, 233, index]);
    const proposals = Array.from({ length: 500 }, (_, index) =>
      add(world, `id ${index}`, { key: bytes(index % 7), amount: (index % 5) - 1 }),
    );
    const spread = add(world, 'spread', { command: { kind: 'spread', count: 9 } });
    expect(applied(await Promise.all(host.propose([...proposals, spread])))).toBe(501);
    const checksum = await host.read((machine) => machine.stateChecksum());
    const position = host.position;
    await host.end(1_000);

    const again = await startLeader(2);
    const repeated = await again.read((machine) => JSON.parse(machine.stateChecksum()));
    const { time: _before, ...before } = JSON.parse(
      (checksum as { value: string }).value,
    ) as Record<string, unknown>;
    expect(repeated).toMatchObject({ kind: 'answered', value: before });
    expect(again.position?.lastSequence).toBe(position?.lastSequence);
    expect(again.position?.committed.entryIndex).toBe((position?.committed.entryIndex ?? 0) + 1);
  });

  test('LOG-4: sessions that are ended amid appends lose and repeat nothing', async () => {
    const host = await startLeader(1);
    let ends = 0;
    let running = true;
    const ender = (async () => {
      while (running) {
        const rows = await log.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name LIKE 'bourse toy-1 epoch %'`,
        );
        ends += rows.length;
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    })();
    const expected: string[] = [];
    for (let count = 0; ends < 8; count += 1) {
      const batch = Array.from({ length: 50 }, (_, index) => add(world, `${count}/${index}`));
      const results = await Promise.all(host.propose(batch));
      results.forEach((result, index) => {
        // Before anything was done it may say that the log is unavailable; never more than that.
        if (result.kind === 'applied') expected.push(batch[index]?.identity as string);
        else expect(result).toMatchObject({ reason: 'LOG_UNAVAILABLE' });
      });
    }
    running = false;
    await ender;
    expect(await log.fetchIdentities()).toEqual(expected);
    expect(host.state).toEqual({ kind: 'leading', epoch: 1, logTrouble: undefined });
  });

  test('LOG-4: an append whose answer got lost on the way is found and answered', async () => {
    const proxy = await startTcpProxy(Number(new URL(postgres.url).port));
    try {
      const databaseUrl = postgres.url.replace(/:\d+\//, `:${proxy.port}/`);
      const host = await startLeader(1, createRealWorld({ databaseUrl, requireReplica: false }));
      proxy.setMode('loseAnswers');
      const fetchConfirmed = () => log.query('SELECT confirmed_time FROM log_shard');
      const before = await fetchConfirmed();
      const answer = propose(host, add(world, 'one'));
      await waitUntil(async () => (await log.fetchIdentities()).length === 1, {
        what: 'the entry to be in the log',
      });
      proxy.setMode('pass');
      proxy.breakConnections();
      expect(await answer).toMatchObject({ kind: 'applied', duplicate: false });
      expect(await log.fetchIdentities()).toEqual(['one']);
      // It was visible, perhaps not replicated: another durable write had to commit first.
      expect(await fetchConfirmed()).not.toEqual(before);
    } finally {
      await Promise.all(hosts.splice(0).map((host) => host.end(2_000)));
      await proxy.stop();
    }
  });

  test('REP-6, LOG-13: a database that does not answer is given up after one time-out', async () => {
    const proxy = await startTcpProxy(Number(new URL(postgres.url).port));
    try {
      const databaseUrl = postgres.url.replace(/:\d+\//, `:${proxy.port}/`);
      const host = await startLeader(1, createRealWorld({ databaseUrl, requireReplica: false }));
      proxy.setMode('loseAnswers');
      const answer = propose(host, add(world, 'one'));
      // That an append is slow is said earlier; what comes then may still stand behind it.
      const isGivenUp = ({ logTrouble = '' }: { readonly logTrouble?: string | undefined }) =>
        logTrouble.includes('did not answer');
      await waitUntil(() => host.state.kind === 'leading' && isGivenUp(host.state), {
        what: 'the host to say that it cannot reach the log',
        deadlineMs: 4_000, // an append has 2.5 s
      });
      expect(await propose(host, add(world, 'two'))).toMatchObject({ reason: 'LOG_UNAVAILABLE' });
      proxy.setMode('cut');
      proxy.setMode('pass');
      expect(await answer).toMatchObject({ kind: 'applied' });
    } finally {
      await Promise.all(hosts.splice(0).map((host) => host.end(2_000)));
      await proxy.stop();
    }
  }, 20_000);

  test('LOG-9: does not lead on a database without synchronous commit', async () => {
    const database = new URL(postgres.url).pathname.slice(1);
    await log.query(`ALTER DATABASE ${database} SET synchronous_commit = 'off'`);
    expect(await createHost().lead(1)).toEqual({
      kind: 'refused',
      reason: 'NOT_DURABLE',
      message: 'the database has synchronous_commit = off',
    });
  });

  test('LOG-9: in the clustered profile a synchronous replica is demanded', async () => {
    const clustered = createRealWorld({ databaseUrl: postgres.url, requireReplica: true });
    expect(await createHost(clustered).lead(1)).toMatchObject({
      reason: 'NOT_DURABLE',
      message: 'the database has no synchronous_standby_names',
    });
  });

  test('LOG-12: a log that lost its end is noticed by the leader and by the next one', async () => {
    const host = await startLeader(1);
    await propose(host, add(world, 'one'));
    const seen = { ...(host.position?.committed ?? { entryIndex: 0, chainChecksum: '' }) };
    await log.query('DELETE FROM log_entry WHERE shard_id = $1 AND entry_index = $2', [
      TOY_SHARD,
      seen.entryIndex,
    ]);
    await propose(host, add(world, 'two'));
    expect(host.state).toMatchObject({ kind: 'stopped', reason: { kind: 'LOG_FORKED', seen } });
    await host.end(1_000);

    // A process that knows nothing of it does not lead, either, until an operator has decided.
    expect(await createHost().lead(2)).toMatchObject({
      reason: 'LOG_FORKED',
      message: expect.stringContaining(seen.chainChecksum),
    });
    await log.query('UPDATE log_shard SET fork = NULL');
    const seenBy = 'the coordinator';
    expect(await createHost().lead(2, [{ ...seen, seenBy }])).toMatchObject({
      reason: 'LOG_FORKED',
    });
    await hosts.at(-1)?.end(1_000);
    await log.query('UPDATE log_shard SET fork = NULL');
    expect(await createHost().lead(3)).toMatchObject({ kind: 'leading' });
  });

  test('LOG-13: sessions are named after shard and epoch, and a candidate ends lower ones', async () => {
    await (await startLeader(1)).release();
    // A leader of epoch 1 that hangs with its insert uncommitted.
    const hanging = new pg.Client({
      connectionString: postgres.url,
      application_name: `bourse ${TOY_SHARD} epoch 1`,
    });
    hanging.on('error', () => {});
    await hanging.connect();
    await hanging.query('BEGIN');
    await hanging.query(
      `INSERT INTO log_entry
       SELECT 2, epoch, log_time_us, first_sequence, event_count, command_count, format_version,
         shard_id, chain_checksum, commands, outcomes
       FROM log_entry`,
    );
    const second = await startLeader(2);
    expect(await log.fetchEpochs()).toEqual([1, 2]);
    const names = await log.query(
      `SELECT application_name AS name FROM pg_stat_activity
       WHERE datname = current_database() AND application_name LIKE 'bourse%epoch%'`,
    );
    expect(names).toEqual([{ name: `bourse ${TOY_SHARD} epoch 2` }]);
    expect(second.state.kind).toBe('leading');
    await hanging.end().catch(() => {});
  });

  test('LOG-2: a candidate forestalled by an earlier leader applies what came and retries', async () => {
    const first = await startLeader(1);
    await propose(first, add(world, 'one'));
    await first.release();
    // The entry is on its way again, as if its insert had not ended yet.
    const slow = new pg.Client({ connectionString: postgres.url });
    slow.on('error', () => {});
    await slow.connect();
    await slow.query(
      'CREATE TEMP TABLE on_its_way AS SELECT * FROM log_entry WHERE entry_index = 2',
    );
    await slow.query('DELETE FROM log_entry WHERE entry_index = 2');
    await slow.query('BEGIN');
    await slow.query('INSERT INTO log_entry SELECT * FROM on_its_way');
    const second = createHost();
    const led = second.lead(2);
    await waitUntil(
      async () => {
        const rows = await log.query('SELECT FROM pg_locks WHERE NOT granted');
        return rows.length > 0;
      },
      { what: 'the candidate to wait for the insert' },
    );
    await slow.query('COMMIT');
    expect(await led).toEqual({ kind: 'leading', epoch: 2 });
    expect(await log.fetchEpochs()).toEqual([1, 1, 2]);
    expect(await readTotal(second)).toEqual({ kind: 'answered', value: 1 });
    await slow.end();
  });

  test('LOG-15: the insert refuses log time more than 1 s ahead of the database', async () => {
    const ahead: World = {
      monotonicUs: () => world.monotonicUs(),
      wallClockUs: () => world.wallClockUs() + 1_700_000,
      setTimer: (delayMs, callback) => world.setTimer(delayMs, callback),
      nextTurn: (callback) => world.nextTurn(callback),
      randomBytes: (count) => world.randomBytes(count),
      openSnapshots: (shardId) => world.openSnapshots(shardId),
      openLog: (shardId) => world.openLog(shardId),
      openUpkeep: (shardId) => world.openUpkeep(shardId),
    };
    const host = createHost(ahead);
    const led = host.lead(1);
    await waitUntil(() => host.state.kind === 'candidate', { what: 'the host to try' });
    expect(await log.fetchEpochs()).toEqual([]);
    expect(await led).toEqual({ kind: 'leading', epoch: 1 }); // once the database has caught up
  });

  test('LOG-6: entries of a mebibyte come back as they were written', async () => {
    const host = await startLeader(1);
    const key = 'k'.repeat(100_000);
    const proposals = Array.from({ length: 30 }, (_, index) => add(world, `id ${index}`, { key }));
    expect(applied(await Promise.all(host.propose(proposals)))).toBe(30);
    const sizes = await log.query(
      `SELECT length(commands) + length(outcomes) AS bytes FROM log_entry
       WHERE shard_id = $1 AND command_count > 1`,
      [TOY_SHARD],
    );
    expect(sizes.length).toBeGreaterThan(2);
    await host.end(1_000);
    const again = await startLeader(2);
    expect(await readTotal(again, key)).toEqual({ kind: 'answered', value: 30 });
  });

  test('LOG-12, CON-2: a subscriber reads everything, from the log and from memory', async () => {
    const before = await startLeader(1);
    for (let index = 0; index < 30; index += 1) await propose(before, add(world, `old ${index}`));
    await before.end(1_000);
    const host = await startLeader(2);
    const totals: number[] = [];
    const stop = new AbortController();
    const reader = (async () => {
      const options = { fromSequence: 11, heartbeatMs: 200, signal: stop.signal };
      for await (const batch of host.subscribe(options)) {
        for (const entry of batch.entries) {
          for (const { events } of entry.commands) {
            for (const event of events) if (event.kind === 'added') totals.push(event.total);
          }
        }
      }
    })();
    for (let index = 0; index < 30; index += 1) await propose(host, add(world, `new ${index}`));
    await waitUntil(() => totals.length >= 50, { what: 'all events to arrive' });
    stop.abort();
    await reader;
    expect(totals).toEqual(Array.from({ length: 50 }, (_, index) => index + 11));
  });
});
