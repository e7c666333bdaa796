// What keeps the exchange from starting is said in one clear sentence, and nothing is left running.

import { existsSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import {
  findPortOffset,
  type Launcher,
  type LauncherOptions,
  startLauncher,
} from '../../support/exchange.ts';
import { freePort } from '../../support/ports.ts';
import { startTestPostgres } from '../../support/postgres.ts';
import { waitUntil } from '../../support/wait.ts';

const closing: (() => Promise<unknown> | unknown)[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Starts a launcher that is expected to refuse; gives what it said, without the progress. */
async function refusal(options: LauncherOptions): Promise<string> {
  const launcher = await startLauncher(options);
  folders.push(launcher.dataFolder);
  expect(await launcher.exit()).toBe(1);
  expectNothingLeft(launcher);
  return launcher
    .output()
    .split('\n')
    .filter((line) => /^\S/.test(line))
    .join('\n');
}

function expectNothingLeft({ dataFolder }: Launcher): void {
  expect(existsSync(join(dataFolder, 'launcher.lock'))).toBe(false);
  expect(existsSync(join(dataFolder, 'postgres', 'cluster', 'postmaster.pid'))).toBe(false);
}

/** Takes a connection and never says a word. */
function holdOpen(socket: Socket): void {
  closing.push(() => socket.destroy());
}

async function occupy(port: number): Promise<void> {
  const server = await new Promise<Server>((resolve) => {
    const listening = createServer(holdOpen).listen(port, '127.0.0.1', () => resolve(listening));
  });
  closing.push(() => new Promise((closed) => server.close(closed)));
}

async function query(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

describe('one sentence says', () => {
  test.each([
    ['order', 7001],
    ['the metrics of matching-2', 9202],
    ['PostgreSQL', 7432],
  ])(
    'that the port for %s is in use',
    async (user, port) => {
      const portOffset = await findPortOffset();
      await occupy(port + portOffset);
      expect(await refusal({ portOffset })).toBe(
        `Port ${port + portOffset}, for ${user}, is in use: ` +
          'stop what uses it, or start with --port-offset 10.',
      );
    },
    30_000,
  );

  test('that the database does not answer, without its password', async () => {
    const port = await freePort();
    const url = `postgres://someone:secret@127.0.0.1:${port}/bourse`;
    const said = await refusal({ env: { DATABASE_URL: url } });
    expect(said).toMatch(`The database at 127.0.0.1:${port} cannot be used`);
    expect(said).toMatch('check DATABASE_URL');
    expect(said).not.toMatch('secret');
    expect(said.split('\n')).toHaveLength(1);
  });

  test('LOG-9 that the database does not keep what it acknowledges', async () => {
    const database = await startTestPostgres();
    closing.push(database.stop);
    const name = new URL(database.url).pathname.slice(1);
    await query(database.url, `ALTER DATABASE ${name} SET synchronous_commit = off`);
    const said = await refusal({ env: { DATABASE_URL: database.url } });
    expect(said).toMatch(/^The database has synchronous_commit = off, .*\.$/);
  });

  test('that a newer program has changed the database', async () => {
    const database = await startTestPostgres();
    closing.push(database.stop);
    await query(database.url, "INSERT INTO schema_migration (number, name) VALUES (9999, 'new')");
    const said = await refusal({ env: { DATABASE_URL: database.url } });
    expect(said).toMatch(/^The database has schema 9999, .*\.$/);
  });

  test('that the folder cannot be written', async () => {
    const said = await refusal({ dataFolder: '/proc/bourse' });
    expect(said).toMatch(/^The folder \/proc\/bourse cannot be written: .*\.$/);
  });

  test('that another launcher runs in the folder', async () => {
    const first = await startLauncher();
    closing.push(() => first.stop());
    const { dataFolder } = first;
    folders.push(dataFolder);
    const lock = join(dataFolder, 'launcher.lock');
    await waitUntil(() => existsSync(lock), { what: 'the lock of the first launcher' });
    const second = await startLauncher({ dataFolder });
    expect(await second.exit()).toBe(1);
    expect(second.output()).toMatch(`The exchange already runs in ${dataFolder} (process `);
  });
});

test('what is for one service alone is refused for all of them', async () => {
  expect(await refusal({ args: ['--advertised-address', '10.0.0.1:7001'] })).toBe(
    '--advertised-address is for a service that is started alone: ' +
      'npm start gives each process its own.',
  );
});

test('several faults of the configuration are told at once', async () => {
  const said = await refusal({ args: ['--order-port', 'x', '--log-level', 'loud'] });
  expect(said).toBe('The configuration has 2 faults:');
});

test('--help and --print-config end without starting anything', async () => {
  const help = await startLauncher({ args: ['--help'] });
  expect(await help.exit()).toBe(0);
  expect(help.output()).toMatch('usage: npm start -- [options]');
  const print = await startLauncher({ args: ['--print-config'] });
  expect(await print.exit()).toBe(0);
  expect(print.output()).toMatch(`portOffset: ${print.portOffset} # --port-offset`);
});
