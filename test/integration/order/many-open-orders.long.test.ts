// An account with 30,000 open orders, through the real services: what is told of all of them at
// once keeps within what a message may hold, and who comes back late misses none of their reports.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { LedgerService } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import type { ExecutionReport } from '../../../gen/bourse/order/v1/order_pb.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { openSubmitStream } from '../../support/submit-stream.ts';
import { createAccount, createMarket, limit, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

const ORDERS = 30_000;
const BATCH = 1_000;

let mesh: Mesh;
let at: Market;
let alice: string;
/** Of a stream of reports that ended before there was any order. */
let tokenOfBeginning = '';

beforeAll(async () => {
  mesh = await startMesh();
  at = await createMarket(mesh, { maximumOpenOrders: 2 * ORDERS });
  alice = await createAccount(mesh, { [at.quoteAssetId]: '100000000' });
  tokenOfBeginning = await takeToken();
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
}, 300_000);

afterAll(async () => {
  await mesh?.stop();
}, 30_000);

/** Where a stream of reports that begins now stands behind its snapshot. */
async function takeToken(): Promise<string> {
  const reports = mesh.orders.streamExecutionReports({ accountId: alice });
  for await (const { message, resumeToken } of reports) {
    if (message.case === 'snapshot' && message.value.complete) return resumeToken;
  }
  throw new Error('a snapshot comes first');
}

/** Reports behind a token, until there are as many as wanted. */
async function readReports(resumeToken: string, wanted: number): Promise<ExecutionReport[]> {
  const found: ExecutionReport[] = [];
  const signal = AbortSignal.timeout(120_000);
  const request = { accountId: alice, resumeToken };
  for await (const { message } of mesh.orders.streamExecutionReports(request, { signal })) {
    if (message.case === 'snapshot') throw new Error('it was resumed');
    if (message.case === 'report') found.push(message.value);
    if (found.length >= wanted) break;
  }
  return found;
}

function expectNoGap(reports: readonly ExecutionReport[]): void {
  const gap = reports.findIndex(({ previousSequence }, index) => {
    return previousSequence !== (index === 0 ? 0n : reports[index - 1]?.sequence);
  });
  expect([reports.length, gap]).toEqual([ORDERS, -1]);
}

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

test('CON-3 an old token brings every report since, from the log, also after a restart', async () => {
  expectNoGap(await readReports(tokenOfBeginning, ORDERS));
  await mesh.kill('account-1');
  await mesh.start('account-1');
  expectNoGap(await readReports(tokenOfBeginning, ORDERS));
}, 300_000);

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
