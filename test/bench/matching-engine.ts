// Runs the matching engine on a day of commands and measures it. Commands come out of records of
// 40 bytes into one object of each kind; events go as bytes into the outgoing buffer, which is
// emptied as a full one would be taken. Every rule is in the code path.

import { type PerformanceEntry, PerformanceObserver, performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { WireReader } from '../../services/lib/shard/wire.ts';
import { matchingCodec } from '../../services/matching/adapter/codec/matching-codec.ts';
import type { Traded } from '../../services/matching/domain/event.ts';
import { type FlowBook, openFlowBook } from '../../services/matching/replay/flow-book.ts';
import { AMEND, FlowRecords } from '../../services/matching/replay/flow-records.ts';
import type { Workload } from './matching-workloads.ts';

const CONTEXT = { logTimeUs: 1, identity: 'bench', validUntilUs: 1 };
/** The outgoing buffer is taken when it holds so much. */
const TAKEN_BYTES = 60_000;
/** The host asks for the state's checksum about so often, in commands. */
const CHECKSUM_EVERY = 4_096;
const ROUNDS = 5;
/** Event.traded, in bourse/matching/v1/event.proto. */
const TRADED_FIELD = 5;

const nobody = (): void => undefined;

/** What the engine did on a day. */
export type EngineResult = {
  readonly commands: number;
  readonly millionPerS: number;
  /** Of a loop that makes the commands out of the records and does nothing with them. */
  readonly bareNs: number;
  readonly nsP50: number;
  readonly nsP99: number;
  readonly nsP999: number;
  readonly garbage: Garbage;
};

/** What a run left to the collector. */
export type Garbage = {
  readonly collections: number;
  readonly ms: number;
  readonly bytesPerCommand: number;
};

/**
 * Notes for each amend what its order has filled until then: an amend states a total (AMD-2), the
 * records an open quantity. One run, not measured.
 */
export function noteFills({ records, accounts }: Workload): void {
  const book = openFlowBook();
  const { outgoing } = book;
  const filled = new Map<number, number>();
  const flow = new FlowRecords(records, accounts);
  for (let index = 0; index < flow.count; index += 1) {
    if (flow.kindAt(index) === AMEND) flow.setNote(index, filled.get(flow.orderIdAt(index)) ?? 0);
    outgoing.clear();
    run(book, flow, index);
    for (const traded of tradesIn(outgoing.bytes.subarray(0, outgoing.length))) {
      for (const { placement, remainingUnits } of [traded.maker, traded.taker]) {
        if (remainingUnits === 0) filled.delete(placement);
        else filled.set(placement, (filled.get(placement) ?? 0) + traded.quantityUnits);
      }
    }
  }
}

/** The trades among written events; the others are passed over without being decoded. */
function* tradesIn(bytes: Uint8Array): Generator<Traded> {
  const events = new WireReader(bytes);
  while (!events.done) {
    events.field();
    const event = events.bytes();
    const fields = new WireReader(event);
    let field = fields.field();
    // Instrument number and sequence come first.
    for (; field <= 2; field = fields.field()) fields.varint();
    if (field === TRADED_FIELD) yield matchingCodec.decodeEvent(event) as Traded;
  }
}

/** One command, as the host runs it. */
function run({ machine, outgoing }: FlowBook, flow: FlowRecords, index: number): void {
  const command = flow.commandAt(index, flow.noteAt(index));
  let outcome = machine.apply(command, CONTEXT, nobody);
  while (outcome.kind === 'unfinished') outcome = machine.proceed(CONTEXT, nobody);
  if (outgoing.length > TAKEN_BYTES) outgoing.clear();
  if (index % CHECKSUM_EVERY === 0) machine.stateChecksum();
}

/** Rate, latencies and garbage; each in runs of its own. */
export async function measureEngine(workload: Workload): Promise<EngineResult> {
  const flow = new FlowRecords(workload.records, workload.accounts);
  const rates: number[] = [];
  let garbage: Garbage | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    const measured = await withGarbage(flow.count, () => rates.push(measureRate(flow)));
    garbage = measured;
  }
  const [nsP50, nsP99, nsP999] = measureLatencies(flow);
  return {
    commands: flow.count,
    millionPerS: Math.max(...rates),
    bareNs: measureBareLoop(flow),
    nsP50,
    nsP99,
    nsP999,
    garbage: garbage as Garbage,
  };
}

/**
 * Million commands a second of this thread's processor time: what others do on the machine
 * meanwhile does not count.
 */
function measureRate(flow: FlowRecords): number {
  const book = openFlowBook();
  const before = process.threadCpuUsage();
  for (let index = 0; index < flow.count; index += 1) run(book, flow, index);
  const { user, system } = process.threadCpuUsage(before);
  return flow.count / (user + system);
}

/** Nanoseconds a command that the records themselves take, at best. */
function measureBareLoop(flow: FlowRecords): number {
  const times: number[] = [];
  let sum = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.threadCpuUsage();
    for (let index = 0; index < flow.count; index += 1) {
      const command = flow.commandAt(index, flow.noteAt(index));
      sum += command.kind === 'placeOrder' ? command.terms.quantityUnits : command.kind.length;
    }
    const { user, system } = process.threadCpuUsage(before);
    times.push(((user + system) * 1_000) / flow.count);
  }
  // The sum is looked at, so that the loop has to be run.
  return sum > 0 ? Math.min(...times) : 0;
}

function measureLatencies(flow: FlowRecords): [number, number, number] {
  const book = openFlowBook();
  const times = new Float64Array(flow.count);
  for (let index = 0; index < flow.count; index += 1) {
    const before = performance.now();
    run(book, flow, index);
    times[index] = performance.now() - before;
  }
  times.sort();
  const own = clockNs();
  const at = (part: number): number => {
    const ms = times[Math.min(Math.floor(part * times.length), times.length - 1)] as number;
    return Math.max(Math.round(ms * 1e6 - own), 0);
  };
  return [at(0.5), at(0.99), at(0.999)];
}

/** What looking at the clock takes itself, in nanoseconds. */
function clockNs(): number {
  const times = new Float64Array(100_000);
  for (let index = 0; index < times.length; index += 1) {
    const before = performance.now();
    times[index] = performance.now() - before;
  }
  times.sort();
  return (times[times.length >>> 1] as number) * 1e6;
}

/** Runs something and counts what the collector did meanwhile. */
async function withGarbage(commands: number, work: () => void): Promise<Garbage> {
  let collections = 0;
  let ms = 0;
  const take = (entries: readonly PerformanceEntry[]): void => {
    collections += entries.length;
    for (const { duration } of entries) ms += duration;
  };
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  const before = process.memoryUsage().heapUsed;
  work();
  // What was collected is not in this sum: each collection of young objects is of some megabytes.
  const bytes = Math.max(process.memoryUsage().heapUsed - before, 0);
  // The collector's entries arrive a little later.
  await setTimeout(10);
  take(observer.takeRecords());
  observer.disconnect();
  return { collections, ms, bytesPerCommand: bytes / commands };
}
