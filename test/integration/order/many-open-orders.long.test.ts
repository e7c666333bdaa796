// An account with 30,000 open orders, through the real services: what is told of all of them at
// once keeps within what a message may hold.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { LedgerService } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { openSubmitStream } from '../../support/submit-stream.ts';
import { createAccount, createMarket, limit, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

const ORDERS = 30_000;
const BATCH = 1_000;

let mesh: Mesh;
let at: Market;
let alice: string;

beforeAll(async () => {
  mesh = await startMesh();
  at = await createMarket(mesh, { maximumOpenOrders: 2 * ORDERS });
  alice = await createAccount(mesh, { [at.quoteAssetId]: '100000000' });
  const stream = openSubmitStream(mesh);
  for (let count = 0; count < ORDERS; count += BATCH) {
    const items = Array.from({ length: BATCH }, (_, index) => ({
      request: {
        case: 'placeOrder' as const,
        value: limit(at, alice, `buy 1 at ${50 + (index % 50)}`),
      },
    }));
    const { results } = await stream.submit(items);
    expect(results.filter(({ result }) => result.case === 'error')).toEqual([]);
  }
  await stream.close();
}, 180_000);

afterAll(async () => {
  await mesh?.stop();
}, 30_000);

/** Open orders by both snapshots, as soon as settlement has them all. */
async function countOpen(): Promise<{ ledger: number; reports: number }> {
  const signal = AbortSignal.timeout(30_000);
  const count = { ledger: 0, reports: 0 };
  const ledger = mesh.clientAt(LedgerService, 'account-1');
  for await (const { kind } of ledger.streamAccount({ accountId: alice }, { signal })) {
    if (kind.case !== 'snapshot') throw new Error('a snapshot comes first');
    count.ledger += kind.value.orders.length;
    if (kind.value.complete) break;
  }
  const reports = mesh.orders.streamExecutionReports({ accountId: alice }, { signal });
  for await (const { message } of reports) {
    if (message.case !== 'snapshot') continue;
    count.reports += message.value.orders.length;
    if (message.value.complete) break;
  }
  return count;
}

test('CXL-1 30,000 open orders are shown in parts, and canceled at once with a count', async () => {
  expect(await countOpen()).toEqual({ ledger: ORDERS, reports: ORDERS });

  const canceled = await mesh.orders.cancelAllOrders({ accountId: alice }, { timeoutMs: 60_000 });

  expect(canceled).toMatchObject({
    canceledCount: ORDERS,
    results: [{ instrumentId: at.instrumentId, canceledCount: ORDERS }],
  });
  const isEmpty = async () => {
    const { ledger, reports } = await countOpen();
    return ledger === 0 && reports === 0;
  };
  await waitUntil(isEmpty, { what: 'no open orders' });
}, 120_000);
