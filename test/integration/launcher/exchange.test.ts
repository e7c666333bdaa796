// The life of an exchange under its launcher: starts, deaths, restarts, ends; with the real mesh.

import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { isServing } from '../../../services/launcher/exchange/health.ts';
import { adoptPostgres } from '../../../services/launcher/postgres/server.ts';
import {
  cleanEnv,
  findPortOffset,
  type Launcher,
  makeDataFolder,
  portsInUse,
  ROOT,
  startLauncher,
} from '../../support/exchange.ts';
import { startTestPostgres } from '../../support/postgres.ts';
import { waitUntil } from '../../support/wait.ts';

const NODES = ['coordinator', 'matching-1', 'matching-2', 'account-1', 'order', 'marketdata'];
const START_MS = 120_000;

async function allServe(launcher: Launcher): Promise<boolean> {
  const serving = await Promise.all(NODES.map((node) => isServing(launcher.addressOf(node))));
  return serving.every((isServingNode) => isServingNode);
}

/** A deposit goes through edge, log and database. */
function depositSucceeds({ portOffset }: Launcher): boolean {
  const args = ['--port-offset', String(portOffset), 'deposit', 'alice', 'USD', '1'];
  const entry = join(ROOT, 'services/cli/main.ts');
  return spawnSync(process.execPath, [entry, ...args], { timeout: 15_000 }).status === 0;
}

function pidOfPostgres(dataFolder: string): number {
  const file = join(dataFolder, 'postgres/cluster/postmaster.pid');
  return Number(readFileSync(file, 'utf8').split('\n')[0]);
}

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return await client
    .query(statement)
    .then(({ rows }) => rows)
    .finally(() => client.end());
}

describe('an exchange', () => {
  const dataFolder = makeDataFolder();
  let portOffset: number;
  let launcher: Launcher;
  const start = async () => {
    portOffset ??= await findPortOffset();
    launcher = await startLauncher({ dataFolder, portOffset });
    await launcher.ready();
  };
  afterAll(async () => {
    if (launcher?.process.exitCode === null) await launcher.stop();
    await (await adoptPostgres(join(dataFolder, 'postgres')))?.stop();
    rmSync(dataFolder, { recursive: true, force: true });
  }, START_MS);

  test(
    'starts from nothing, applies the default venue and shows where everything is',
    async () => {
      await start();
      const output = launcher.output();
      for (const node of NODES) expect(output).toContain(`${launcher.addressOf(node)} `);
      expect(output).toContain('deploy/venue.yaml applied');
      expect(output).not.toContain('warning');
      expect(await allServe(launcher)).toBe(true);
    },
    START_MS,
  );

  test.each(['matching-1', 'account-1', 'coordinator', 'order', 'marketdata'])(
    'starts %s again when it is killed, and all serve again',
    async (node) => {
      const before = launcher.processIdOf(node) as number;
      process.kill(before, 'SIGKILL');
      const after = await waitUntil(() => launcher.processIdOf(node) !== before, { what: node });
      expect(after).toBe(true);
      await waitUntil(() => allServe(launcher), { what: 'the mesh', deadlineMs: 60_000 });
      expect(launcher.output()).toContain(`${node} died (SIGKILL), starting it again`);
    },
    START_MS,
  );

  test(
    'starts PostgreSQL again when it is killed, and all serve again',
    async () => {
      process.kill(pidOfPostgres(dataFolder), 'SIGKILL');
      await waitUntil(() => launcher.output().includes('PostgreSQL died, starting it again'), {
        what: 'the launcher to notice',
      });
      await waitUntil(() => depositSucceeds(launcher), { what: 'a deposit', deadlineMs: 60_000 });
    },
    START_MS,
  );

  test(
    'that is told to stop twice in one moment stops in order, with code 0 and nothing left',
    async () => {
      launcher.process.kill('SIGINT');
      expect(await launcher.stop()).toBe(0);
      expect(await portsInUse(portOffset)).toEqual([]);
      const stops = launcher.output().match(/(?<=stopping ).*/g);
      expect(stops).toEqual([
        'order, marketdata',
        'matching-1, matching-2, account-1',
        'coordinator',
        'PostgreSQL',
      ]);
    },
    START_MS,
  );

  test(
    'finds everything as it was, and does not apply the venue again',
    async () => {
      await start();
      expect(launcher.output()).not.toContain('venue.yaml applied');
    },
    START_MS,
  );

  test(
    'whose launcher is killed stops by itself; the next one adopts its PostgreSQL',
    async () => {
      const server = pidOfPostgres(dataFolder);
      launcher.process.kill('SIGKILL');
      expect(await launcher.exit()).toBe('SIGKILL');
      await start();
      expect(pidOfPostgres(dataFolder)).toBe(server);
      expect(launcher.output()).toContain('still running, adopted');
      expect(launcher.output()).toContain('ended without stopping');
    },
    START_MS,
  );

  test(
    'is forgotten by npm run reset, which refuses while it runs',
    async () => {
      expect(reset()).toMatchObject({ status: 1, stdout: '' });
      expect(await launcher.stop()).toBe(0);
      expect(await portsInUse(portOffset)).toEqual([]);
      expect(reset('--help').stdout).toMatch('usage: npm run reset');
      expect(reset('--print-config').stdout).toMatch('dataFolder:');
      expect(reset()).toMatchObject({ status: 0, stdout: 'Removed logs and postgres.\n' });
      expect(reset()).toMatchObject({ status: 0, stdout: 'There was nothing.\n' });
    },
    START_MS,
  );

  function reset(...more: string[]) {
    const entry = join(ROOT, 'services/launcher/reset.ts');
    const args = [entry, '--data-folder', dataFolder, ...more];
    return spawnSync(process.execPath, args, { encoding: 'utf8', env: cleanEnv() });
  }
});

test(
  'an exchange on the PostgreSQL of DATABASE_URL leaves it running',
  async () => {
    const database = await startTestPostgres({ schema: 'empty' });
    const launcher = await startLauncher({ env: { DATABASE_URL: database.url } });
    try {
      await launcher.ready();
      expect(launcher.output()).toContain('from DATABASE_URL');
      expect(await launcher.stop()).toBe(0);
      expect(await query(database.url, 'SELECT count(*)::int AS count FROM venue_applied')).toEqual(
        [{ count: 1 }],
      );
    } finally {
      if (launcher.process.exitCode === null) await launcher.stop();
      await database.stop();
      rmSync(launcher.dataFolder, { recursive: true, force: true });
    }
  },
  START_MS,
);

test(
  'Ctrl-C in a terminal, which reaches npm and all that it started, ends with code 0',
  async () => {
    const portOffset = await findPortOffset();
    const dataFolder = makeDataFolder();
    const options = ['--data-folder', dataFolder, '--port-offset', String(portOffset)];
    const npm = spawn('npm', ['start', '--', ...options], {
      cwd: ROOT,
      detached: true,
      env: cleanEnv(),
    });
    let output = '';
    npm.stdout.on('data', (chunk) => {
      output += chunk;
    });
    npm.stderr.resume();
    const ended = new Promise((resolve) => npm.once('close', resolve));
    try {
      const isReady = () => output.includes('Ready after');
      await waitUntil(isReady, { what: 'the exchange', deadlineMs: 60_000 });
    } finally {
      process.kill(-(npm.pid as number), 'SIGINT');
    }
    expect(await ended).toBe(0);
    expect(output).toContain('  stopped\n');
    expect(await portsInUse(portOffset)).toEqual([]);
    rmSync(dataFolder, { recursive: true, force: true });
  },
  START_MS,
);

test(
  'an exchange that is stopped while it starts stops what it has started',
  async () => {
    const launcher = await startLauncher();
    await waitUntil(() => launcher.output().includes('coordinator '), {
      what: 'the coordinator',
      deadlineMs: 60_000,
    });
    expect(await launcher.stop()).toBe(0);
    expect(launcher.output()).toContain('stopped before it was ready');
    expect(await portsInUse(launcher.portOffset)).toEqual([]);
    rmSync(launcher.dataFolder, { recursive: true, force: true });
  },
  START_MS,
);
