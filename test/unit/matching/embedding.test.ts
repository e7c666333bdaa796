// The section "Driving the engine in process" of the matching service's README: exactly that code,
// as a stranger would run it.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../../architecture/sources.ts';

test('the code of the README drives the engine without any service', () => {
  const readme = readFileSync(join(ROOT, 'services/matching/README.md'), 'utf8');
  const section = readme.split('## Driving the engine in process')[1] ?? '';
  const code = section.match(/```js\n([\s\S]*?)```/)?.[1] ?? '';
  const run = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module'],
    {
      cwd: ROOT,
      encoding: 'utf8',
      input: code,
    },
  );
  expect(run.stderr).toBe('');
  expect(run.stdout.trimEnd().split('\n')).toEqual([
    'slotsAcquired  ',
    'instrumentSet  ',
    'orderAccepted  ',
    'orderAccepted  ',
    'traded 101 2',
    'orderAccepted  ',
    'best bid 99 best ask 101 3',
    'true 2',
  ]);
});
