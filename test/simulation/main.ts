// `npm run sim -- --seed N`: runs simulations and tells what they found. The same seed, the same
// options and the same code are the same run, to the byte. The long tests run this program, too:
// without the walls that a test runner puts around its globals it is three times as quick.

import { appendFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FAULT_KINDS, type FaultKind } from './faults.ts';
import { PLANTED_BUGS, type PlantedBug } from './planted/bugs.ts';
import { DEFAULT_TICKS, HA, LEAN, type RunOptions, type RunResult, runSimulation } from './run.ts';

const USAGE = `npm run sim -- [options]
  --seed N       the first seed (default: 1)
  --seeds N      how many seeds, one after the other (default: 1)
  --first        ends with the first seed that fails
  --ticks N      virtual milliseconds of faults under load (default: ${DEFAULT_TICKS})
  --faults A,B   only these kinds; 'none' for none (default: all, or those of the planted bug)
                 ${FAULT_KINDS.join(', ')}
  --plant NAME   with a planted bug: a part of its name in planted/bugs.ts
  --lean         one replica of each shard; otherwise as --ha starts it
  --ha-every N   one replica of each shard, but every Nth seed as --ha starts it
  --orphans-every N
                 only every Nth seed, 0 for none, waits for holds whose order service died, which
                 takes half a virtual minute (default: 1)
  --history      prints everything that happened
  --json [FILE]  one line of JSON for each run, into the file if one is named
`;

const OPTIONS = {
  seed: { type: 'string', default: '1' },
  seeds: { type: 'string', default: '1' },
  first: { type: 'boolean', default: false },
  ticks: { type: 'string', default: String(DEFAULT_TICKS) },
  faults: { type: 'string' },
  plant: { type: 'string' },
  lean: { type: 'boolean', default: false },
  'ha-every': { type: 'string', default: '0' },
  'orphans-every': { type: 'string', default: '1' },
  history: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** What is asked for. */
type Wish = {
  readonly first: number;
  readonly count: number;
  readonly ticks: number;
  readonly faults: readonly FaultKind[];
  readonly bug: PlantedBug | undefined;
  /** Every so manieth seed is as --ha starts it; 0: none. */
  readonly haEvery: number;
  readonly orphansEvery: number;
};

type Values = ReturnType<typeof parse>['values'];

function parse() {
  return parseArgs({ options: OPTIONS, allowPositionals: true });
}

async function main(): Promise<void> {
  const { values, positionals } = parse();
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const wish = wishOf(values);
  if (wish === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const [file] = positionals;
  if (file !== undefined) writeFileSync(file, '');
  const totals = { seeds: 0, failed: [] as number[], steps: 0, cpuMs: 0 };
  for (let seed = wish.first; seed < wish.first + wish.count; seed += 1) {
    const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
    const result = await runSimulation(optionsOf(wish, seed, values.history));
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
    if (values.first && totals.failed.length > 0) break;
  }
  const perSecond = Math.round((totals.steps / totals.cpuMs) * 1_000);
  const failed = totals.failed.length === 0 ? 'none failed' : `FAILED: ${totals.failed.join(', ')}`;
  process.stderr.write(
    `${totals.seeds} seeds, ${perSecond} steps per second of the processor, ${failed}\n`,
  );
  if (totals.failed.length > 0) process.exitCode = 1;
}

/** Undefined when it cannot be told. */
function wishOf(values: Values): Wish | undefined {
  const { plant } = values;
  const bug =
    plant === undefined ? undefined : PLANTED_BUGS.find(({ name }) => name.includes(plant));
  if (plant !== undefined && bug === undefined) return undefined;
  const faults =
    values.faults === undefined ? (bug?.faults ?? FAULT_KINDS) : kindsOf(values.faults);
  const numbers = {
    ...{ first: Number(values.seed), count: Number(values.seeds), ticks: Number(values.ticks) },
    haEvery: values.lean ? 0 : Number(values['ha-every']) || 1,
    orphansEvery: Number(values['orphans-every']),
  };
  if (faults === undefined || !Object.values(numbers).every(Number.isSafeInteger)) return undefined;
  return { ...numbers, faults, bug };
}

/** Undefined when one of them is none. */
function kindsOf(text: string): readonly FaultKind[] | undefined {
  if (text === 'none') return [];
  const kinds = text.split(',') as FaultKind[];
  return kinds.every((kind) => FAULT_KINDS.includes(kind)) ? kinds : undefined;
}

function optionsOf(wish: Wish, seed: number, keepsHistory: boolean): RunOptions {
  const { ticks, faults, bug, haEvery, orphansEvery } = wish;
  const isEvery = (nth: number): boolean => nth > 0 && seed % nth === 0;
  return {
    ...{ seed, ticks, faults, keepsHistory },
    size: isEvery(haEvery) ? HA : LEAN,
    passesOverOrphans: !isEvery(orphansEvery),
    ...(bug === undefined ? {} : { plant: bug.plant }),
  };
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
