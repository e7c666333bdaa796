// How an exchange begins and ends elsewhere: on a given PostgreSQL, in a terminal, early.

import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import pg from 'pg';
import {
  cleanEnv,
  findPortOffset,
  makeDataFolder,
  portsInUse,
  ROOT,
  startLauncher,
} from '../../support/exchange.ts';
import { startTestPostgres } from '../../support/postgres.ts';
import { waitUntil } from '../../support/wait.ts';

const START_MS = 120_000;

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return await client
    .query(statement)
    .then(({ rows }) => rows)
    .finally(() => client.end());
}

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
