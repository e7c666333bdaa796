// Runs `nodejs-order-book`, the npm package, on the commands that the engine gets.

import { OrderBook } from 'nodejs-order-book';
import { AMEND, CANCEL, FlowRecords } from '../../services/matching/replay/flow-records.ts';
import type { Workload } from './matching-workloads.ts';

const ROUNDS = 3;

export type PeerResult = { readonly peerMillionPerS: number; readonly peerCommands: number };

/** Million commands a second of this thread's processor time. */
export function measurePeer(workload: Workload): PeerResult {
  const rates: number[] = [];
  const steps = stepsOf(workload);
  for (let round = 0; round < ROUNDS; round += 1) {
    const book = new OrderBook();
    const before = process.threadCpuUsage();
    for (const step of steps) step(book);
    const { user, system } = process.threadCpuUsage(before);
    rates.push(steps.length / (user + system));
  }
  return { peerMillionPerS: Math.max(...rates), peerCommands: steps.length };
}

/** The commands in the peer's own form, made before the clock runs. */
function stepsOf({ records }: Workload): ((book: OrderBook) => unknown)[] {
  const flow = new FlowRecords(records, 1);
  const steps: ((book: OrderBook) => unknown)[] = [];
  for (let index = 0; index < flow.count; index += 1) {
    const id = String(flow.orderIdAt(index));
    const side = flow.sideAt(index) === 0 ? 'buy' : 'sell';
    const size = flow.quantityAt(index);
    const price = flow.priceAt(index);
    const kind = flow.kindAt(index);
    const timeInForce = flow.isIocAt(index) ? 'IOC' : 'GTC';
    const order = { id, side, size, price, timeInForce } as never;
    if (kind === CANCEL) steps.push((book) => book.cancel(id));
    else if (kind === AMEND) steps.push((book) => book.modify(id, order));
    else steps.push((book) => book.limit(order));
  }
  return steps;
}
