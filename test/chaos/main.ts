// `npm run chaos -- --seconds N --seed N`: faults on a real mesh under load, then the audit. Exits
// non-zero when anything was lost, doubled, out of balance or out of order.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FAULT_KINDS, type FaultKind, PROCESS_FAULTS } from './faults.ts';
import { endWithParent, findObstacle, isInside, runInside } from './network/enter.ts';
import { type ChaosReport, runChaos } from './run.ts';

const HELP = `Usage: npm run chaos -- [options]

Starts an exchange as \`npm start -- --ha\` does, in a folder and on ports of its own, lets clients
trade on it, does to its processes what the seed says, and proves that nothing was lost.

  --seconds N     how long faults are committed (default 60)
  --seed N        chooses the faults and the orders (default: by the clock; printed)
  --faults LIST   kinds with commas: ${FAULT_KINDS.join(', ')} (default: all,
                  without cut where links cannot be cut: that takes root on Linux)
  --clients N     clients that trade at a time (default 16)
  --json [FILE]   the result as one line of JSON, to a file instead of standard output`;

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const at = args.indexOf('--json');
  const next = at < 0 ? undefined : args[at + 1];
  const file = next === undefined || next.startsWith('--') ? undefined : next;
  const rest = at < 0 ? args : args.toSpliced(at, file === undefined ? 1 : 2);
  const { values } = parseArgs({
    args: rest,
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      faults: { type: 'string' },
      clients: { type: 'string', default: '16' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const [seconds, seed] = [
    wholeNumber('--seconds', values.seconds),
    wholeNumber('--seed', values.seed),
  ];
  const clients = wholeNumber('--clients', values.clients);
  const say = (line: string): boolean => process.stdout.write(`${line}\n`);
  const kinds = chooseKinds(values.faults, say);
  if (kinds.includes('cut') && !isInside()) return await runInside(args);
  endWithParent();
  say(`chaos: seed ${seed}, ${seconds} s, ${clients} clients, faults: ${kinds.join(', ')}`);
  const report = await runChaos({ seconds, seed, kinds, clients, startArgs: [] }, say);
  sayTable(report, say);
  const line = JSON.stringify({
    bench: 'chaos',
    seed,
    faults: report.faults.length,
    calls: report.calls,
    repeated: report.repeated,
    acknowledged_lost: report.acknowledgedLost,
    executed_twice: report.executedTwice,
    conserved: report.conserved,
    violations: report.violations.length,
    longest_gap_ms: Math.round(Math.max(0, ...report.faults.map(({ gapMs }) => gapMs))),
  });
  if (file === undefined) say(line);
  else writeFileSync(file, `${line}\n`);
  return report.violations.length === 0 ? 0 : 1;
}

function sayTable(report: ChaosReport, say: (line: string) => void): void {
  say('');
  for (const { what, atS, gapMs } of report.faults) {
    say(`${atS.toFixed(1).padStart(6)} s  ${what.padEnd(36)} longest call ${gapMs.toFixed(0)} ms`);
  }
  for (const violation of report.violations.slice(0, 50)) say(`VIOLATION  ${violation}`);
  say(
    `${report.calls} calls, ${report.repeated} of them repeated; ${report.violations.length} violations`,
  );
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${option} must be a whole number, not ${text}.`);
  return Number(text);
}

function chooseKinds(asked: string | undefined, say: (line: string) => void): FaultKind[] {
  const kinds = asked === undefined ? [...FAULT_KINDS] : asked.split(',').map(faultKind);
  if (isInside() || !kinds.includes('cut')) return kinds;
  const obstacle = findObstacle();
  if (obstacle === undefined) return kinds;
  if (asked !== undefined) throw new Error(`--faults: no link can be cut, for ${obstacle}.`);
  say(`No links are cut, for ${obstacle}.`);
  return [...PROCESS_FAULTS];
}

function faultKind(text: string): FaultKind {
  const kind = FAULT_KINDS.find((known) => known === text);
  if (kind === undefined)
    throw new Error(`--faults: ${text} is none of ${FAULT_KINDS.join(', ')}.`);
  return kind;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`chaos: ${error instanceof Error ? error.message : error}\n`);
    process.exit(1);
  },
);
