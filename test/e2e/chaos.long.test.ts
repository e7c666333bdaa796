// A minute of faults on the real mesh with standbys: kills, pauses, planned ends and a database
// that dies, under load (replication.md, "What is tested"); and, where it is allowed, cut links.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { PROCESS_FAULTS } from '../chaos/faults.ts';
import { findObstacle } from '../chaos/network/enter.ts';
import { runChaos } from '../chaos/run.ts';
import { ROOT } from '../support/exchange.ts';

const SECONDS = 60;
const DEADLINE_MS = 240_000;

test(
  'LOG-1 LOG-4 LOG-5 LOG-11 REP-3 REP-7 REP-8 CON-2 SET-1 nothing is lost, doubled or out of order while processes die, stand still and end',
  async () => {
    const lines: string[] = [];
    const report = await runChaos(
      { seconds: SECONDS, seed: 11, kinds: PROCESS_FAULTS, clients: 8, startArgs: [] },
      (line) => lines.push(line),
    );
    // The faults stand beside what was wrong, for whoever reads a failure.
    if (report.violations.length > 0) throw new Error([...lines, ...report.violations].join('\n'));
    expect(report.faults.length).toBeGreaterThan(5);
    expect(report.calls).toBeGreaterThan(500);
    expect(report).toMatchObject({ acknowledgedLost: 0, executedTwice: 0, conserved: true });
  },
  DEADLINE_MS,
);

const CUT_SECONDS = 30;
const testWhereLinksCanBeCut = findObstacle() === undefined ? test : test.skip;

testWhereLinksCanBeCut(
  'LOG-1 LOG-4 REP-3 REP-6 REP-7 CON-2 nothing is lost, doubled or out of order while links between nodes and the database are cut',
  () => {
    const program = [join(ROOT, 'test/chaos/main.ts'), '--faults', 'cut', '--clients', '8'];
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [...program, '--seconds', String(CUT_SECONDS), '--seed', '5'],
      { cwd: ROOT, encoding: 'utf8', timeout: DEADLINE_MS },
    );
    if (status !== 0) throw new Error(`${stdout}\n${stderr}`);
    const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    expect(report.faults).toBeGreaterThan(2);
    expect(report).toMatchObject({ acknowledged_lost: 0, executed_twice: 0, conserved: true });
  },
  DEADLINE_MS,
);
