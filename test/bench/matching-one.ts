// One measurement of the matching benchmark in a process of its own, so that none warms another
// up or leaves it garbage. Prints one line of JSON.
//
//   matching-one.ts engine|peer|memory [DAY SEED COUNT | --flow FILE]

import { widenInlining } from '../../services/matching/adapter/inlining.ts';
import { readFlowFile } from '../../services/matching/replay/flow-file.ts';
import { measureEngine, noteFills } from './matching-engine.ts';
import { measureMemory } from './matching-memory.ts';
import { measurePeer } from './matching-peer.ts';
import { makeWorkload, type Workload } from './matching-workloads.ts';

async function workloadOf(args: readonly string[]): Promise<Workload> {
  const [day = '', second = '', count = ''] = args;
  if (day !== '--flow') return makeWorkload(day, Number(second), Number(count));
  const parts: Buffer[] = [];
  try {
    for await (const records of readFlowFile(second)) parts.push(Buffer.from(records.bytes));
  } catch (error) {
    throw new Error(`${second} is no day of commands: ${(error as Error).message}`);
  }
  if (parts.length === 0) throw new Error(`${second} has no commands`);
  return { name: second, records: Buffer.concat(parts), accounts: 1 };
}

async function measure([what, ...args]: readonly string[]): Promise<unknown> {
  if (what === 'memory') return measureMemory();
  const workload = await workloadOf(args);
  if (what === 'peer') return measurePeer(workload);
  noteFills(workload);
  return measureEngine(workload);
}

widenInlining();
try {
  console.log(JSON.stringify(await measure(process.argv.slice(2))));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
