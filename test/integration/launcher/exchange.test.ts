// The life of an exchange under its launcher: starts, deaths, restarts, ends; with the real mesh.

import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
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
