// `npm run engine:random -- --seed 7 --commands 10000000`: the engine against the naive book for
// as long as one likes; `--sequences 4`: every sequence of so many commands. A failure is printed
// as a scenario that can be pasted into a golden file. Tests run this program, too: without the
// walls that a test runner puts around its globals it is ten times as quick.

import { parseArgs } from 'node:util';
import type { Met } from './comparison.ts';
import { compareFromSeed, compareMany } from './many-runs.ts';
import { compareSequences } from './sequence-run.ts';

const USAGE = 'usage: npm run engine:random -- [--seed 7] [--commands 10000000] [--sequences 4]';

/** Ends with how it is called. */
function fail(): never {
  console.error(USAGE);
  process.exit(1);
}

function readCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : fail();
}

function readOptions(): { seed?: number; commands?: number; sequences?: number } {
  const text = { type: 'string' } as const;
  const options = { seed: text, commands: text, sequences: text };
  const { values } = parseArgs({ options });
  const entries = Object.entries(values).map(([name, value]) => [name, readCount(value)]);
  return Object.fromEntries(entries);
}

function printMet(met: Met): void {
  for (const [what, count] of [...met].sort((a, b) => b[1] - a[1])) console.log(`${count} ${what}`);
}

/** From one seed, telling how far it is and at the end what was met. */
function runFromSeed(seed: number, commands: number): void {
  const startMs = performance.now();
  let toldMs = startMs;
  compareFromSeed(seed, commands, (done, met) => {
    const nowMs = performance.now();
    if (done >= commands) printMet(met);
    else if (nowMs - toldMs < 10_000) return;
    toldMs = nowMs;
    console.log(`${done} commands in ${Math.round((nowMs - startMs) / 1_000)} s, all the same`);
  });
}

const { seed, commands = 1_000_000, sequences } = readOptions();
try {
  if (sequences !== undefined)
    console.log(`${compareSequences(sequences)} sequences, all the same`);
  else if (seed !== undefined) runFromSeed(seed, commands);
  else {
    compareMany(commands);
    console.log(`${commands} commands, all the same`);
  }
} catch (error) {
  console.log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
