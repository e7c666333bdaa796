// A supervised process: started again when it dies, stopped when asked, gone with its launcher.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import {
  type Death,
  type SupervisedProcess,
  supervise,
} from '../../../services/launcher/exchange/supervised.ts';
import { ROOT } from '../../support/exchange.ts';
import { waitUntil } from '../../support/wait.ts';

const running: SupervisedProcess[] = [];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bourse-supervised-'));
});
afterEach(async () => {
  for (const supervised of running.splice(0)) await supervised.stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(program: string) {
  const entry = join(folder, `${Math.random()}.mjs`);
  const logFile = `${entry}.log`;
  writeFileSync(entry, program);
  const deaths: Death[] = [];
  const onDeath = (death: Death) => deaths.push(death);
  const supervised = supervise({ args: [entry], env: process.env, folder, logFile, onDeath });
  running.push(supervised);
  return { supervised, deaths, log: () => readFileSync(logFile, 'utf8') };
}

test('what dies is started again, with growing pauses', async () => {
  const { deaths } = start('process.exit(3);');
  await waitUntil(() => deaths.length >= 3, { what: 'three deaths' });
  expect(deaths.slice(0, 3)).toEqual([
    { cause: 'code 3', count: 1, pauseMs: 200 },
    { cause: 'code 3', count: 2, pauseMs: 400 },
    { cause: 'code 3', count: 3, pauseMs: 800 },
  ]);
});

test('a process that was killed comes back as another one', async () => {
  const { supervised, deaths } = start('setInterval(() => {}, 1e6);');
  const first = supervised.processId() as number;
  process.kill(first, 'SIGKILL');
  const second = await waitUntil(() => deaths.length > 0 && supervised.processId(), {
    what: 'another process',
  });
  expect(second).not.toBe(first);
  expect(deaths[0]?.cause).toBe('SIGKILL');
});

test('stopping asks, waits and does not start it again', async () => {
  const { supervised, deaths, log } = start(
    'process.on("SIGTERM", () => setTimeout(() => { console.log("drained"); process.exit(); }, 50));' +
      'setInterval(() => {}, 1e6); console.log("ready");',
  );
  await waitUntil(() => log().includes('ready'), { what: 'the process' });
  await supervised.stop();
  expect(log()).toBe('ready\ndrained\n');
  expect(supervised.processId()).toBeUndefined();
  expect(deaths).toEqual([]);
});

test('a process that does not stop when asked is killed', async () => {
  const { supervised, log } = start(
    'process.on("SIGTERM", () => {}); setInterval(() => {}, 1e6); console.log("ready");',
  );
  await waitUntil(() => log().includes('ready'), { what: 'the process' });
  await supervised.stop();
  expect(supervised.processId()).toBeUndefined();
});

test('a process notices that its launcher was killed', async () => {
  const mark = join(folder, 'mark');
  const child = join(folder, 'child.ts');
  const pipe = join(ROOT, 'services/lib/platform/lifecycle/parent-pipe.ts');
  writeFileSync(
    child,
    `import { onParentGone } from '${pipe}'; import { writeFileSync } from 'node:fs';
     const timer = setInterval(() => {}, 1e6);
     onParentGone(() => { clearInterval(timer); writeFileSync('${mark}', 'gone'); });
     writeFileSync('${mark}', 'running');`,
  );
  const launcher = join(folder, 'launcher.ts');
  const module = join(ROOT, 'services/launcher/exchange/supervised.ts');
  writeFileSync(
    launcher,
    `import { supervise } from '${module}';
     supervise({ args: ['${child}'], env: { ...process.env, BOURSE_PARENT_PIPE: '1' },
       folder: '${folder}', logFile: '${child}.log', onDeath: () => {} });`,
  );
  const parent = spawn(process.execPath, [launcher], { stdio: 'inherit' });
  const says = (word: string) => () => readFileSync(mark, 'utf8') === word;
  await waitUntil(says('running'), { what: 'the process', deadlineMs: 20_000 });
  parent.kill('SIGKILL');
  await waitUntil(says('gone'), { what: 'the process to notice' });
});
