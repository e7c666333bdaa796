// The matching engine alone (performance.md, P1 and P7): one book, one thread, commands in, events
// as bytes in the outgoing buffer. "Done" is the return from the last command. Measured against
// `nodejs-order-book` on the same commands in the same run. Ends with one line of JSON.
//
//   npm run bench -- matching [--flow FILE] [--commands 2000000] [--seed 7] [--json [FILE]]

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineResult } from './matching-engine.ts';
import type { MemoryResult } from './matching-memory.ts';
import type { PeerResult } from './matching-peer.ts';
import { DAY_NAMES } from './matching-workloads.ts';

const COMMANDS = 2_000_000;

type Row = EngineResult & PeerResult & { readonly workload: string };

function optionOf(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : (process.argv[at + 1] ?? '');
}

/**
 * Runs one measurement in a process of its own.
 *
 * @throws Error with the last line that it wrote to standard error, when it fails
 */
function measure<T>(...args: string[]): T {
  const program = fileURLToPath(new URL('./matching-one.ts', import.meta.url));
  const flags = ['--disable-warning=ExperimentalWarning'];
  // A collection that is asked for throws compiled code away: only memory is measured so.
  if (args[0] === 'memory') flags.push('--expose-gc');
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, program, ...args], {
    encoding: 'utf8',
  });
  if (status === 0) return JSON.parse(stdout) as T;
  throw new Error(stderr.trimEnd().split('\n').at(-1) || `${args[0]} ended with ${status}`);
}

function measureDay(workload: string, args: readonly string[]): Row {
  const engine = measure<EngineResult>('engine', ...args);
  return { workload, ...engine, ...measure<PeerResult>('peer', ...args) };
}

function ratioOf(row: Row): number {
  return row.millionPerS / row.peerMillionPerS;
}

function sayRow(row: Row): void {
  const { garbage } = row;
  const columns = [
    row.workload.padEnd(18),
    `${row.millionPerS.toFixed(2)} M/s`,
    `peer ${row.peerMillionPerS.toFixed(3)} M/s`,
    `ratio ${ratioOf(row).toFixed(1)}`,
    `bare loop ${row.bareNs.toFixed(0)} ns of ${(1_000 / row.millionPerS).toFixed(0)}`,
    `ns p50 ${row.nsP50} p99 ${row.nsP99} p99.9 ${row.nsP999}`,
    `garbage ${garbage.collections} collections, ${garbage.ms.toFixed(1)} ms`,
    `${garbage.bytesPerCommand.toFixed(2)} B a command`,
  ];
  console.log(columns.join('  '));
}

function jsonOf(rows: readonly Row[], memory: MemoryResult, seed: number): string {
  const round = (value: number): number => Math.round(value * 1_000) / 1_000;
  const each = (of: (row: Row) => number) =>
    Object.fromEntries(rows.map((row) => [row.workload, round(of(row))]));
  const worst = rows.reduce((a, b) => (a.millionPerS < b.millionPerS ? a : b));
  return JSON.stringify({
    part: 'matching',
    worst_million_commands_per_s: round(worst.millionPerS),
    worst_workload: worst.workload,
    peer_ratio: round(Math.min(...rows.map(ratioOf))),
    bytes_per_resting_order: round(memory.bytesPerOrder),
    bytes_per_empty_book: round(memory.bytesPerEmptyBook),
    bare_loop_ns: round(Math.max(...rows.map((row) => row.bareNs))),
    ns_p50: Math.max(...rows.map((row) => row.nsP50)),
    ns_p99: Math.max(...rows.map((row) => row.nsP99)),
    ns_p999: Math.max(...rows.map((row) => row.nsP999)),
    garbage_ms: round(Math.max(...rows.map((row) => row.garbage.ms))),
    million_commands_per_s: each((row) => row.millionPerS),
    peer_million_commands_per_s: each((row) => row.peerMillionPerS),
    seed,
    commands: rows[0]?.commands ?? 0,
    peer_commands: rows[0]?.peerCommands ?? 0,
  });
}

function main(): void {
  const seed = Number(optionOf('seed') ?? 7);
  const count = Number(optionOf('commands') ?? COMMANDS);
  if (!(count >= 1) || !Number.isSafeInteger(count) || !Number.isSafeInteger(seed)) {
    throw new Error('--commands and --seed are whole numbers');
  }
  console.log(
    `matching: seed ${seed}, one book, one thread, a process for each measurement; rates by the ` +
      "thread's own processor time, best of some runs with a new book each; commands decoded " +
      'from records, all rules in the path, events written as bytes, the checksum of the state ' +
      'every 4,096 commands; the peer gets the same commands',
  );
  const file = optionOf('flow');
  const days = file === undefined ? DAY_NAMES : [basename(file).replace(/\.bin(\.gz)?$/, '')];
  // The first program that runs new code strips its types, and V8 makes all typed arrays slower in
  // a process that has done so: with this one nobody who is measured has to.
  measure<EngineResult>('engine', DAY_NAMES[0] as string, String(seed), '100');
  const rows = days.map((day) => {
    const args = file === undefined ? [day, String(seed), String(count)] : ['--flow', file];
    const row = measureDay(day, args);
    sayRow(row);
    return row;
  });
  const memory = measure<MemoryResult>('memory');
  console.log(
    `1,000,000 orders in 10,000 instruments: ${memory.bytesPerOrder.toFixed(1)} bytes an order; ` +
      `an empty book ${memory.bytesPerEmptyBook.toFixed(0)} bytes`,
  );
  const line = jsonOf(rows, memory, seed);
  const target = optionOf('json');
  if (target !== undefined && target !== '' && !target.startsWith('--')) {
    writeFileSync(target, `${line}\n`);
  }
  console.log(line);
}

try {
  main();
} catch (error) {
  console.error(`matching could not be measured: ${(error as Error).message}`);
  process.exitCode = 1;
}
