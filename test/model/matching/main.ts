// `npm run engine:random -- --seed 7 --commands 10000000`: the engine against the naive book for
// as long as one likes. A failure is printed as a scenario that can be pasted into a golden file.

import { parseArgs } from 'node:util';
import { compareFromSeed } from './many-runs.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, commands: { type: 'string' } },
});
const seed = Number(values.seed ?? 1);
const commands = Number(values.commands ?? 1_000_000);
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(commands) || commands < 1) {
  console.error('usage: npm run engine:random -- --seed 7 --commands 10000000');
  process.exit(1);
}

const startMs = performance.now();
let toldMs = startMs;
try {
  compareFromSeed(seed, commands, (done, met) => {
    const nowMs = performance.now();
    if (done >= commands) {
      const counts = [...met].sort((a, b) => b[1] - a[1]);
      for (const [what, count] of counts) console.log(`${String(count).padStart(10)} ${what}`);
    } else if (nowMs - toldMs < 10_000) return;
    toldMs = nowMs;
    console.log(`${done} commands in ${Math.round((nowMs - startMs) / 1_000)} s, all the same`);
  });
} catch (error) {
  console.log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
