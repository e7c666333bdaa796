// `npm run demo` as a person runs it: on an exchange that is there, and on one of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type Launcher,
  makeDataFolder,
  portsInUse,
  ROOT,
  startLauncher,
} from '../support/exchange.ts';
import { waitUntil } from '../support/wait.ts';

const DEADLINE_MS = 120_000;

let launcher: Launcher;
let dataFolder = '';
beforeAll(async () => {
  dataFolder = makeDataFolder();
  launcher = await startLauncher({ dataFolder });
  await launcher.ready();
}, DEADLINE_MS);
afterAll(async () => {
  if (launcher?.process.exitCode === null) await launcher.stop();
  rmSync(dataFolder, { recursive: true, force: true });
}, DEADLINE_MS);

type Demo = {
  readonly child: ChildProcess;
  output(): string;
  readonly exit: Promise<number | null>;
};

function startDemo(seconds: number): Demo {
  const main = join(ROOT, 'services/simulator/demo/main.ts');
  const child = spawn(
    process.execPath,
    [
      ...['--disable-warning=ExperimentalWarning', main, '--seconds', String(seconds)],
      ...['--port-offset', String(launcher.portOffset), '--data-folder', dataFolder],
    ],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, output: () => output, exit };
}

describe('the demo', () => {
  test(
    'shows book, tape and balances of a market that trades, in plain lines, and withdraws its quotes',
    async () => {
      const demo = startDemo(4);
      expect(await demo.exit).toBe(0);
      const output = demo.output();
      expect(output).toMatch(/ s left {2}bid \d/);
      expect(output).toMatch(/^ask +\d+\.\d\d +\d+\.\d{3} {2}#/m);
      expect(output).toMatch(/^bid +\d+\.\d\d +\d+\.\d{3} {2}#/m);
      expect(output).toMatch(/(BUY |SELL) +\d+\.\d{3} @ \d+\.\d\d$/m);
      // Something was traded, so not everyone has what everyone began with; and nothing is held.
      const balances = [...output.matchAll(/^demo-\S+ +(\S+) +(\S+) +\S+ +(\S+)$/gm)].slice(-5);
      expect(balances).toHaveLength(5);
      expect(new Set(balances.map(([, base]) => base)).size).toBeGreaterThan(1);
      for (const [, , baseHeld, quoteHeld] of balances) {
        expect([baseHeld, quoteHeld]).toEqual(['0.000', '0.00']);
      }
      // Quotes that were not withdrawn would be in the way of new ones, which are post-only.
      expect(output).toMatch(/^\d+ orders sent, 0 declined by the venue, \d+ trades$/m);
      expect(output).not.toContain(String.fromCharCode(27));
      expect(output).toContain('its quotes are withdrawn');
      expect(launcher.process.exitCode).toBeNull();
    },
    DEADLINE_MS,
  );

  test(
    'starts an exchange when none answers, and leaves nothing running after Ctrl-C',
    async () => {
      await launcher.stop();
      const demo = startDemo(60);
      await waitUntil(() => / s left {2}bid \d/.test(demo.output()), {
        what: 'the demo to show a book',
        deadlineMs: 90_000,
      });
      demo.child.kill('SIGINT');
      demo.child.kill('SIGINT'); // npm hands it on as well
      expect(await demo.exit).toBe(0);
      expect(demo.output()).toContain('starting one');
      expect(await portsInUse(launcher.portOffset)).toEqual([]);
    },
    DEADLINE_MS,
  );
});
