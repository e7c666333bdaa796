// Ctrl-C as it arrives: once or several times for one press, and again from someone who insists.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROOT } from '../../support/exchange.ts';
import { waitUntil } from '../../support/wait.ts';

const folder = mkdtempSync(join(tmpdir(), 'bourse-signals-'));
const entry = join(folder, 'watch.ts');
beforeAll(() => {
  writeFileSync(
    entry,
    `import { watchForStop } from '${join(ROOT, 'services/launcher/exchange/signals.ts')}';
     const { wanted, forced } = watchForStop();
     wanted.addEventListener('abort', () => console.log('wanted'));
     forced.addEventListener('abort', () => { console.log('forced'); process.exit(); });
     process.on('SIGINT', () => console.log('seen'));
     setInterval(() => {}, 1e6);
     console.log('ready');`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('repeats of one press stop in order; pressing it again later forces', async () => {
  const child = spawn(process.execPath, [entry], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const count = (word: string) => said.split(word).length - 1;
  await waitUntil(() => said.includes('ready'), { what: 'the program', deadlineMs: 20_000 });
  for (const press of [1, 2, 3, 4]) {
    child.kill('SIGINT');
    await waitUntil(() => count('seen') === press, { what: `signal ${press}` });
  }
  expect(count('wanted')).toBe(1);
  expect(count('forced')).toBe(0);

  // The repeats of a press are over after a second: someone who goes on pressing means it.
  const press = () => {
    child.kill('SIGINT');
    return said.includes('forced');
  };
  await waitUntil(press, { what: 'the force', pollMs: 100 });
  expect(count('wanted')).toBe(1);
});
