// Processes that die under load: the host's, and the database's.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startPostgres } from '../../../services/launcher/postgres/server.ts';
import { migrate } from '../../../services/lib/platform/postgres/migrate.ts';
import { createRealWorld } from '../../../services/lib/shard/real-world.ts';
import { freePort } from '../../support/ports.ts';
import {
  makeTestPostgresFolder,
  removeTestPostgres,
  startTestPostgres,
  type TestPostgres,
} from '../../support/postgres.ts';
import { add, createToyHost, propose, type ToyHost } from '../../support/shard/toy-host.ts';
import { openToyLog } from '../../support/shard/toy-log.ts';
import { waitUntil } from '../../support/wait.ts';

const PROGRAM = fileURLToPath(new URL('../../support/shard/toy-process.ts', import.meta.url));

type ToyProcess = { readonly child: ChildProcess; readonly acknowledged: string[] };

function startToyProcess(databaseUrl: string, epoch: number): ToyProcess {
  const args = [PROGRAM, databaseUrl, String(epoch), `${epoch}/`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: string[] = [];
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    acknowledged.push(...lines);
  });
  return { child, acknowledged };
}

async function kill({ child }: ToyProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await exited;
}

describe('a host that is killed', () => {
  let postgres: TestPostgres;
  const processes: ToyProcess[] = [];

  beforeEach(async () => {
    postgres = await startTestPostgres();
  });

  afterEach(async () => {
    await Promise.all(processes.splice(0).map(kill));
    await postgres.stop();
  });

  test('LOG-5, LOG-11: kill -9 under load loses nothing acknowledged, repeats nothing', async () => {
    for (let epoch = 1; epoch <= 3; epoch += 1) {
      const running = startToyProcess(postgres.url, epoch);
      processes.push(running);
      await waitUntil(() => running.acknowledged.length > 500 * epoch, {
        what: `process ${epoch} to have commands acknowledged`,
        deadlineMs: 20_000,
      });
      await kill(running);
    }
    const acknowledged = processes.flatMap((process) => process.acknowledged);
    const log = await openToyLog(postgres.url);
    const world = createRealWorld({ databaseUrl: postgres.url, requireReplica: false });
    const host = createToyHost(world);
    try {
      expect(await host.lead(4)).toEqual({ kind: 'leading', epoch: 4 });
      const identities = await log.fetchIdentities();
      expect(new Set(identities).size).toBe(identities.length);
      const present = new Set(identities);
      expect(acknowledged.filter((identity) => !present.has(identity))).toEqual([]);

      // A retry of what was acknowledged, or was not but is there, has no second effect.
      const retries = [acknowledged.at(-1), identities.at(-1)] as string[];
      for (const identity of retries) {
        expect(await propose(host, add(world, identity))).toMatchObject({ duplicate: true });
      }
      expect(await log.fetchIdentities()).toEqual(identities);
    } finally {
      await host.end(1_000);
      await log.close();
    }
  }, 60_000);

  test('REP-7: a host that was paused finds itself deposed and acknowledges nothing more', async () => {
    const paused = startToyProcess(postgres.url, 1);
    processes.push(paused);
    await waitUntil(() => paused.acknowledged.length > 200, {
      what: 'commands to be acknowledged',
    });
    paused.child.kill('SIGSTOP');
    const world = createRealWorld({ databaseUrl: postgres.url, requireReplica: false });
    const host = createToyHost(world);
    const log = await openToyLog(postgres.url);
    try {
      expect(await host.lead(2)).toEqual({ kind: 'leading', epoch: 2 });
      await propose(host, add(world, 'after'));
      paused.child.kill('SIGCONT');
      await propose(host, add(world, 'later'));
      await kill(paused);
      const identities = await log.fetchIdentities();
      expect(identities.slice(-2)).toEqual(['after', 'later']);
      const present = new Set(identities);
      expect(paused.acknowledged.filter((identity) => !present.has(identity))).toEqual([]);
    } finally {
      await host.end(1_000);
      await log.close();
    }
  }, 30_000);
});

describe('a database that is restarted', () => {
  test('REP-6: the leader says LOG_UNAVAILABLE meanwhile and goes on by itself', async () => {
    const folder = makeTestPostgresFolder();
    const options = { folder: join(folder, 'server'), port: await freePort() };
    let server = await startPostgres(options);
    let host: ToyHost | undefined;
    try {
      await migrate(server.url);
      const world = createRealWorld({ databaseUrl: server.url, requireReplica: false });
      host = createToyHost(world);
      const leader = host;
      expect(await leader.lead(1)).toEqual({ kind: 'leading', epoch: 1 });
      expect(await propose(leader, add(world, 'before'))).toMatchObject({ kind: 'applied' });
      await server.stop();
      const inFlight = propose(leader, add(world, 'in flight'));
      await waitUntil(
        () => leader.state.kind === 'leading' && leader.state.logTrouble !== undefined,
        { what: 'the leader to notice' },
      );
      expect(await propose(leader, add(world, 'refused'))).toMatchObject({
        kind: 'notApplied',
        reason: 'LOG_UNAVAILABLE',
      });
      server = await startPostgres(options);
      expect(await inFlight).toMatchObject({ kind: 'applied', duplicate: false });
      expect(await propose(leader, add(world, 'after'))).toMatchObject({ kind: 'applied' });
      const log = await openToyLog(server.url);
      expect(await log.fetchIdentities()).toEqual(['before', 'in flight', 'after']);
      await log.close();
    } finally {
      await host?.end(1_000);
      await server.stop();
      await removeTestPostgres(folder);
    }
  }, 60_000);
});
