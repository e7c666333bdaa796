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
  for await (const records of readFlowFile(second)) parts.push(Buffer.from(records.bytes));
  return { name: second, records: Buffer.concat(parts), accounts: 1 };
}

widenInlining();
const [what, ...args] = process.argv.slice(2);
let result: unknown;
if (what === 'memory') result = measureMemory();
else {
  const workload = await workloadOf(args);
  if (what === 'peer') result = measurePeer(workload);
  else {
    noteFills(workload);
    result = await measureEngine(workload);
  }
}
console.log(JSON.stringify(result));
