// The scenario command, run as one runs it: outcomes, and what it says of mistakes.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { LINE } from './line.ts';

const folder = mkdtempSync(join(tmpdir(), 'bourse-scenario-'));

afterAll(() => rmSync(folder, { recursive: true }));

function runFile(path: string): { status: number | null; stdout: string; stderr: string } {
  const program = join(import.meta.dirname, 'scenario.ts');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, path],
    { encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

function run(...lines: string[]): { status: number | null; stdout: string; stderr: string } {
  const path = join(folder, 'scenario.txt');
  writeFileSync(path, lines.join('\n'));
  const result = runFile(path);
  return { ...result, stderr: result.stderr.replace(`${path}: `, '') };
}

test('a scenario prints what it leads to, and nothing else', () => {
  const told = run('# anything', 'instrument tick 5', '', 'ann: a1 sell 5 @ 100', 'time 1.5');
  expect(told).toEqual({
    status: 0,
    stderr: '',
    stdout: `${[
      'ann: a1 sell 5 @ 100',
      '  #2 a1 accepted: sell 5 @ 100',
      'time 1.5',
      '',
      'book, CONTINUOUS, last price none',
      '  ask 100: 5 (a1 5)',
    ].join('\n')}\n`,
  });
});

test('a golden file is a scenario: its outcome is what stands below its line', () => {
  const path = join(import.meta.dirname, 'matching/mat-1-bids.txt');
  expect(runFile(path).stdout).toBe(readFileSync(path, 'utf8').split(`${LINE}\n`)[1]);
});

test.each([
  ['ann: a1 sell five @ 100', 'line 2: the quantity is a whole number, not "five"'],
  ['ann: a1 hold 5 @ 100', 'line 2: the side is one of BUY, SELL, not "hold"'],
  ['ann: a1 sell 5 @', 'line 2: the line ends where the price is expected'],
  ['ann: a1 sell 5 @ 100 tomorrow', 'line 2: "tomorrow" is no term of an order'],
  ['sell 5 @ 100', 'line 2: no command begins with "sell"'],
  ['cancel a7', 'line 2: no order is called a7'],
  ['state OPEN', 'line 2: the state is one of PRE_OPEN, AUCTION, CONTINUOUS, POST_ONLY,'],
  ['ann: oco a1 sell 5 @ 100', 'line 2: this group has 2 orders, with "|" between them'],
  ['instrument ticks 5', 'line 2: "ticks" is no rule of an instrument'],
  ['owners', 'line 2: the line ends where an account is expected'],
  ['time 99999999999', 'line 2: the time is too far away: "99999999999"'],
  ['limits orders 5', 'line 2: limits stand before the first command'],
  ['time 1\ntime 0', 'line 3: time does not go back'],
])('a mistake is told with its line: %s', (line, problem) => {
  const { status, stdout, stderr } = run('book', line);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr.startsWith(problem)).toBe(true);
});

test('a file that is not there is named', () => {
  const { status, stderr } = runFile('/nowhere/at/all.txt');
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: '/nowhere/at/all.txt cannot be read: ENOENT\n',
  });
});
