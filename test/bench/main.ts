// `npm run bench`: all benchmarks one after the other, or `npm run bench -- PART [options]` for one.
// Each part runs as a process of its own, so that none warms the other up, and ends with one line
// of JSON; here they become one table.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { YOUNG_SPACE } from '../../services/launcher/exchange/supervised.ts';

/** What can be measured, in the order of the table. */
const PARTS = {
  matching: 'P1, P7: the matching engine alone against nodejs-order-book',
  recovery: 'P6: repeating a log, and starting from a snapshot of a million open orders',
  orders: 'P2, P3: PlaceOrder and SubmitOrders, committed and settled, against an echo',
  overload: 'LOG-10: orders beyond what the exchange can place, and how it recovers',
  soak: 'ten minutes at 70 % of the maximum: memory and settlement lag over time',
  failover: 'P5: what clients feel when leaders die, hand over, and a slot moves',
} as const;

type Part = keyof typeof PARTS;

/** Options of parts that take too long among all others. */
const IN_SHORT: Partial<Record<Part, readonly string[]>> = { soak: ['--minutes', '1'] };

/** Runs a part and shows what it says. @returns its last line, and whether it could measure. */
async function run(part: Part, args: readonly string[]): Promise<{ last: string; code: number }> {
  const program = fileURLToPath(new URL(`./${part}.ts`, import.meta.url));
  // A shard is hosted in a process of its own, as the launcher starts it.
  const own = part === 'recovery' ? [YOUNG_SPACE] : [];
  const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc', ...own];
  const child = spawn(process.execPath, [...flags, program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    process.stdout.write(chunk);
  });
  const code = await new Promise<number>((resolve) => {
    child.once('close', (exitCode) => resolve(exitCode ?? 1));
  });
  return { last: said.trimEnd().split('\n').at(-1) ?? '', code };
}

function sayTable(lines: ReadonlyMap<Part, string>): void {
  process.stdout.write('\n');
  for (const [part, line] of lines) {
    const fields = Object.entries(JSON.parse(line) as Record<string, unknown>);
    for (const [name, value] of fields) {
      if (typeof value !== 'number') continue;
      process.stdout.write(`${part.padEnd(10)}${name.padEnd(34)}${value}\n`);
    }
  }
}

async function runAll(): Promise<void> {
  const lines = new Map<Part, string>();
  for (const part of Object.keys(PARTS) as Part[]) {
    const { last, code } = await run(part, IN_SHORT[part] ?? []);
    if (code === 0) lines.set(part, last);
    else process.exitCode = code;
  }
  sayTable(lines);
}

function describe(): string {
  const parts = Object.entries(PARTS).map(([name, what]) => `  ${name.padEnd(10)}${what}`);
  return ['Usage: npm run bench -- [PART] [options] [--json [FILE]]', '', ...parts].join('\n');
}

const [first, ...rest] = process.argv.slice(2);
if (first === undefined) await runAll();
else if (first in PARTS) process.exitCode = (await run(first as Part, rest)).code;
else {
  process.stderr.write(`${describe()}\n`);
  process.exitCode = first === '--help' ? 0 : 1;
}
