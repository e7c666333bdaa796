// A minute of faults on the real mesh with standbys: kills, pauses, planned ends and a database
// that dies, under load (replication.md, "What is tested").

import { expect, test } from '@jest/globals';
import { FAULT_KINDS } from '../chaos/faults.ts';
import { runChaos } from '../chaos/run.ts';

const SECONDS = 60;
const DEADLINE_MS = 240_000;

test(
  'LOG-1 LOG-4 LOG-5 LOG-11 REP-3 REP-7 REP-8 CON-2 SET-1 nothing is lost, doubled or out of order while processes die, stand still and end',
  async () => {
    const lines: string[] = [];
    const report = await runChaos(
      { seconds: SECONDS, seed: 11, kinds: FAULT_KINDS, clients: 8, startArgs: [] },
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
