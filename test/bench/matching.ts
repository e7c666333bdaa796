// The matching engine alone (performance.md, P1 and P7): one book, one thread, command objects in,
// event objects out. "Done" is the return from the last command. Measured against
// `nodejs-order-book` on the same commands in the same run. Ends with one line of JSON.
//
//   npm run bench -- matching [--commands 400000] [--seed 7] [--json [FILE]]

import { existsSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { OrderBook } from 'nodejs-order-book';
import type { MatchingCommand } from '../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../services/matching/domain/event.ts';
import { type FlowCommand, readFlow } from '../support/matching/flow.ts';
import { openBook, PLAIN_TERMS, submit } from '../support/matching/one-book.ts';
import { findRecordings } from '../support/recordings.ts';
import { makeWorkloads, type Workload } from './matching-workloads.ts';

const ROUNDS = 5;
const CONTEXT = { logTimeUs: 1, identity: 'bench', validUntilUs: 1 };

type Result = {
  readonly workload: string;
  readonly commands: number;
  readonly millionPerS: number;
  readonly peerMillionPerS: number;
};

/** What the engine is asked; an amend's new total needs what was filled, so one run goes before. */
function prepare(flow: readonly FlowCommand[]): MatchingCommand[] {
  const machine = openBook();
  const filled = new Map<number, number>();
  return flow.map((asked) => {
    const command = commandOf(asked, filled.get(asked.orderId) ?? 0);
    if (asked.kind === 'new') filled.set(asked.orderId, 0);
    for (const event of submit(machine, command)) {
      if (event.kind !== 'traded') continue;
      for (const { placement } of [event.maker, event.taker]) {
        filled.set(placement, (filled.get(placement) ?? 0) + event.quantityUnits);
      }
    }
    return command;
  });
}

function commandOf(asked: FlowCommand, filledUnits: number): MatchingCommand {
  const order = { instrumentNumber: 1, accountNumber: 1, placement: asked.orderId };
  if (asked.kind === 'cancel') return { kind: 'cancelOrder', ...order };
  const { side, priceUnits, quantityUnits } = asked;
  if (asked.kind === 'new') {
    const timeInForce = asked.isIoc ? 'IOC' : 'GTC';
    const terms = { ...PLAIN_TERMS, side, timeInForce, quantityUnits, priceUnits } as const;
    return { kind: 'placeOrder', accountNumber: 1, placement: asked.orderId, terms };
  }
  return {
    kind: 'amendOrder',
    ...order,
    quantityUnits: filledUnits + quantityUnits,
    priceUnits,
    expectedVersion: undefined,
    instrumentVersion: 1,
    amendHoldUnits: 2n ** 61n,
    amendHoldId: 'h',
  };
}

/** Million commands a second: the median of some rounds, each with a new book. */
function measureEngine(commands: readonly MatchingCommand[]): number {
  const recent: (MatchingEvent | undefined)[] = new Array(4096).fill(undefined);
  let count = 0;
  const emit = (event: MatchingEvent) => {
    recent[count & 4095] = event;
    count += 1;
  };
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const machine = openBook();
    const begin = process.hrtime.bigint();
    for (const command of commands) {
      let outcome = machine.apply(command, CONTEXT, emit);
      while (outcome.kind === 'unfinished') outcome = machine.proceed(CONTEXT, emit);
    }
    rates.push((commands.length * 1_000) / Number(process.hrtime.bigint() - begin));
  }
  return medianOf(rates);
}

function measurePeer(flow: readonly FlowCommand[]): number {
  const book = new OrderBook();
  const steps = flow.map((asked) => {
    const id = String(asked.orderId);
    const { priceUnits: price, quantityUnits: size } = asked;
    const side = asked.side.toLowerCase();
    if (asked.kind === 'cancel') return () => book.cancel(id);
    if (asked.kind === 'amend') return () => book.modify(id, { side, size, price } as never);
    const timeInForce = asked.isIoc ? 'IOC' : 'GTC';
    return () => book.limit({ id, side, size, price, timeInForce } as never);
  });
  const begin = process.hrtime.bigint();
  for (const step of steps) step();
  return (flow.length * 1_000) / Number(process.hrtime.bigint() - begin);
}

function medianOf(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

/** Bytes of the engine's tables with a million orders at rest, over those orders (P7). */
function measureBytesPerOrder(): number {
  const machine = openBook();
  const orders = 1_000_000;
  for (let placement = 1; placement <= orders; placement += 1) {
    const terms = { ...PLAIN_TERMS, priceUnits: 1 + (placement % 1_000) };
    const command = {
      kind: 'placeOrder',
      accountNumber: 1 + (placement % 10_000),
      placement,
      terms,
    };
    machine.apply(command as MatchingCommand, CONTEXT, () => undefined);
  }
  return machine.byteLength / orders;
}

/** The recorded flows, where they are. */
function recordedWorkloads(): Workload[] {
  const folder = findRecordings();
  const files = ['normal-seed7', 'flash-crash-seed7'].map((day) => `${folder}/flow/${day}.bin.gz`);
  const present = folder === undefined ? [] : files.filter((file) => existsSync(file));
  return present.map((file) => ({ name: basename(file, '.bin.gz'), commands: readFlow(file) }));
}

function measure(workload: Workload): Result {
  const millionPerS = measureEngine(prepare(workload.commands));
  const peerMillionPerS = measurePeer(workload.commands);
  return {
    workload: workload.name,
    commands: workload.commands.length,
    millionPerS,
    peerMillionPerS,
  };
}

function optionOf(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : (process.argv[at + 1] ?? '');
}

function main(): void {
  const seed = Number(optionOf('seed') ?? 7);
  const count = Number(optionOf('commands') ?? 400_000);
  if (!(count >= 1) || !Number.isSafeInteger(seed))
    throw new Error('--commands and --seed: numbers');
  console.log(`matching: seed ${seed}, one book, one thread, median of ${ROUNDS} runs`);
  const made = makeWorkloads(seed, count).map(measure);
  const recorded = recordedWorkloads().map(measure);
  for (const { workload, commands, millionPerS, peerMillionPerS } of [...made, ...recorded]) {
    const ratio = (millionPerS / peerMillionPerS).toFixed(1);
    console.log(
      `${workload.padEnd(20)} ${String(commands).padStart(9)} commands  ` +
        `${millionPerS.toFixed(2)} M/s  peer ${peerMillionPerS.toFixed(3)} M/s  ratio ${ratio}`,
    );
  }
  const line = JSON.stringify({
    part: 'matching',
    worst_million_commands_per_s: round(Math.min(...made.map((result) => result.millionPerS))),
    peer_ratio: round(
      Math.min(...made.map((result) => result.millionPerS / result.peerMillionPerS)),
    ),
    bytes_per_resting_order: round(measureBytesPerOrder()),
    recorded: Object.fromEntries(
      recorded.map((result) => [result.workload, round(result.millionPerS)]),
    ),
    seed,
    commands: count,
  });
  const file = optionOf('json');
  if (file !== undefined && file !== '' && !file.startsWith('--')) writeFileSync(file, `${line}\n`);
  console.log(line);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

try {
  main();
} catch (error) {
  console.error(`matching could not be measured: ${(error as Error).message}`);
  process.exitCode = 1;
}
