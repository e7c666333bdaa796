// `npm run sim -- --seed N`: runs simulations and tells what they found. The same seed, the same
// options and the same code are the same run, to the byte.

import { appendFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FAULT_KINDS, type FaultKind } from './faults.ts';
import { PLANTED_BUGS } from './planted/bugs.ts';
import { DEFAULT_TICKS, HA, LEAN, type RunOptions, type RunResult, runSimulation } from './run.ts';

const USAGE = `npm run sim -- [options]
  --seed N       the first seed (default: 1)
  --seeds N      how many seeds, one after the other (default: 1)
  --ticks N      virtual milliseconds of faults under load (default: ${DEFAULT_TICKS})
  --faults A,B   only these kinds; 'none' for none (default: all)
                 ${FAULT_KINDS.join(', ')}
  --plant NAME   with a planted bug: a part of its name in planted/bugs.ts
  --lean         one replica of each shard; otherwise as --ha starts it
  --history      prints everything that happened
  --json [FILE]  one line of JSON for each run, into the file if one is named
`;

const OPTIONS = {
  seed: { type: 'string', default: '1' },
  seeds: { type: 'string', default: '1' },
  ticks: { type: 'string', default: String(DEFAULT_TICKS) },
  faults: { type: 'string', default: FAULT_KINDS.join(',') },
  plant: { type: 'string', default: '' },
  lean: { type: 'boolean', default: false },
  history: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const faults = kindsOf(values.faults);
  const [first, count, ticks] = [values.seed, values.seeds, values.ticks].map(Number);
  if (faults === undefined || ![first, count, ticks].every(Number.isSafeInteger)) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const [file] = positionals;
  if (file !== undefined) writeFileSync(file, '');
  const totals = { seeds: 0, failed: [] as number[], steps: 0, cpuMs: 0 };
  for (let at = 0; at < (count as number); at += 1) {
    const seed = (first as number) + at;
    const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
    const options: RunOptions = {
      seed,
      ticks: ticks as number,
      faults,
      size: values.lean ? LEAN : HA,
    };
    const bug = PLANTED_BUGS.find(({ name }) => values.plant !== '' && name.includes(values.plant));
    const result = await runSimulation({
      ...{ ...options, keepsHistory: values.history },
      ...(bug === undefined ? {} : { plant: bug.plant }),
    });
    const ms = performance.now() - startMs;
    const { user, system } = process.cpuUsage(startCpu);
    totals.seeds += 1;
    totals.steps += result.steps;
    totals.cpuMs += (user + system) / 1_000;
    if (result.findings.length > 0) totals.failed.push(seed);
    if (values.history) process.stdout.write(`${result.history.join('\n')}\n`);
    const { history: _, ...rest } = result;
    const line = `${JSON.stringify({ ...rest, wallMs: Math.round(ms) })}\n`;
    if (values.json && file !== undefined) appendFileSync(file, line);
    else process.stdout.write(values.json ? line : describe(result, ms));
  }
  const perSecond = Math.round((totals.steps / totals.cpuMs) * 1_000);
  const failed = totals.failed.length === 0 ? 'none failed' : `FAILED: ${totals.failed.join(', ')}`;
  process.stderr.write(
    `${totals.seeds} seeds, ${perSecond} steps per second of the processor, ${failed}\n`,
  );
  if (totals.failed.length > 0) process.exitCode = 1;
}

/** Undefined when one of them is none. */
function kindsOf(text: string): readonly FaultKind[] | undefined {
  if (text === 'none') return [];
  const kinds = text.split(',') as FaultKind[];
  return kinds.every((kind) => FAULT_KINDS.includes(kind)) ? kinds : undefined;
}

function describe(
  { seed, findings, hash, steps, virtualMs, counts }: RunResult,
  ms: number,
): string {
  const { operations = 0, answers = 0, trades = 0, appends = 0 } = counts;
  const head =
    `seed ${seed}: ${steps} steps, ${virtualMs} virtual ms in ${Math.round(ms)} ms, ` +
    `${operations} operations, ${answers} answers, ${trades} trades, ${appends} entries, ` +
    `${hash.slice(0, 16)}\n`;
  const found = findings.map(
    ({ rule, message, atUs }) => `  ${rule} after ${Math.round(atUs / 1_000)} ms: ${message}\n`,
  );
  return head + found.join('');
}

await main();
