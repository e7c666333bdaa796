// What breaks while orders are on their way: the order service itself, and the leaders it talks to.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { LedgerService } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { OrderStatus, RejectReason } from '../../../gen/bourse/type/v1/order_pb.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { createAccount, createMarket, limit, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

let mesh: Mesh;
let at: Market;
let alice: string;

beforeAll(async () => {
  mesh = await startMesh();
}, 150_000);
afterAll(async () => {
  await mesh?.stop();
}, 30_000);

async function fresh() {
  at = await createMarket(mesh);
  const funds = { [at.baseAssetId]: '1000', [at.quoteAssetId]: '1000000' };
  alice = await createAccount(mesh, funds);
}

describe('a killed order service', () => {
  test('HLD-4 leaves a hold that ListHolds shows, and a repeat proposes its order', async () => {
    await fresh();
    const request = limit(at, alice, 'buy 1 at 100');
    await loseOrderServiceBehindHold(request);
    expect(await holdsOf(alice)).toHaveLength(1);

    const again = await mesh.orders.placeOrder(request);

    expect(again.duplicate).toBe(true);
    expect(again.order?.status).toBe(OrderStatus.ACTIVE);
  }, 90_000);

  test('HLD-2 after its time a repeat forbids the order, and its money is free', async () => {
    await fresh();
    const seconds = BigInt(Math.floor(Date.now() / 1000) + 2);
    const acceptBeforeTime = { seconds, nanos: 0 };
    const request = limit(at, alice, 'buy 1 at 100', { acceptBeforeTime });
    await loseOrderServiceBehindHold(request);
    await waitUntil(() => Date.now() / 1000 > Number(seconds) + 0.2, { what: 'the time to pass' });

    const again = await mesh.orders.placeOrder(request);

    expect(again).toMatchObject({
      duplicate: true,
      order: { status: OrderStatus.REJECTED, rejectReason: RejectReason.NOT_DELIVERED },
    });
    expect(await holdsOf(alice)).toEqual([]);
  }, 90_000);
});

describe('a dead man’s switch over a hold that nobody delivers', () => {
  test('CXL-2 HLD-3 forbids its order, and the money is free', async () => {
    await fresh();
    const request = limit(at, alice, 'buy 1 at 100');
    await loseOrderServiceBehindHold(request);
    expect(await holdsOf(alice)).toHaveLength(1);

    const timeout = { seconds: 1n };
    const set = () => mesh.orders.cancelAllAfter({ accountId: alice, timeout });
    await waitUntil(set, { what: 'the switch', deadlineMs: 30_000 });
    await waitUntil(async () => (await holdsOf(alice)).length === 0, {
      what: 'nothing to be held',
      deadlineMs: 30_000,
    });

    const [order] = await ordersOf(alice);
    expect(order).toMatchObject({
      status: OrderStatus.REJECTED,
      rejectReason: RejectReason.NOT_DELIVERED,
    });
  }, 120_000);
});

describe('a matching node that stands still', () => {
  test('HLD-7 an order whose caller has gone arrives all the same', async () => {
    await fresh();
    const request = limit(at, alice, 'buy 1 at 100');
    mesh.signal('matching-1', 'SIGSTOP');
    mesh.signal('matching-2', 'SIGSTOP');
    const failure = await mesh.orders.placeOrder(request, { timeoutMs: 1_000 }).then(
      () => undefined,
      (error: unknown) => error,
    );
    mesh.signal('matching-1', 'SIGCONT');
    mesh.signal('matching-2', 'SIGCONT');
    expect(failure).toBeInstanceOf(Error);
    const isActive = async () => {
      const [order] = await ordersOf(alice);
      return order?.status === OrderStatus.ACTIVE;
    };
    await waitUntil(isActive, { what: 'the order to be in its book' });
  }, 60_000);
});

describe('a killed matching node', () => {
  test('MOV-9 orders under way arrive once and in order when it is back', async () => {
    await fresh();
    const requests = Array.from({ length: 20 }, (_, index) =>
      limit(at, alice, `buy 1 at ${50 + index}`),
    );
    const answers = requests.map((request) =>
      mesh.orders.placeOrder(request, { timeoutMs: 30_000 }),
    );
    await stopMatching();
    await startMatching();
    const placed = await Promise.all(answers);
    const sequences = placed.map(({ sequence }) => Number(sequence));
    expect(sequences).toEqual([...sequences].sort((one, other) => one - other));
    expect(new Set(sequences).size).toBe(20);
    expect(await ordersOf(alice)).toHaveLength(20);
  }, 90_000);
});

describe('a killed account node', () => {
  test('CON-3 does not end a stream of reports, which goes on without a gap', async () => {
    await fresh();
    const abort = new AbortController();
    const sequences: [bigint, bigint][] = [];
    const reading = (async () => {
      const request = { accountId: alice };
      const { signal } = abort;
      for await (const { message } of mesh.orders.streamExecutionReports(request, { signal })) {
        if (message.case !== 'report') continue;
        sequences.push([message.value.previousSequence, message.value.sequence]);
      }
    })().catch(() => {});
    const untilReports = (count: number) =>
      waitUntil(() => sequences.length >= count, { what: `${count} reports` });
    await mesh.orders.placeOrder(limit(at, alice, 'buy 1 at 100'));
    await untilReports(1);
    await mesh.kill('account-1');
    await mesh.start('account-1');
    await mesh.orders.placeOrder(limit(at, alice, 'buy 1 at 101'));
    await untilReports(2);
    abort.abort();
    await reading;
    expect(sequences).toHaveLength(2);
    expect(sequences[1]?.[0]).toBe(sequences[0]?.[1]);
  }, 90_000);

  test('LOG-11 holds under way are placed once when it is back', async () => {
    await fresh();
    const requests = Array.from({ length: 20 }, (_, index) =>
      limit(at, alice, `buy 1 at ${50 + index}`),
    );
    const answers = requests.map((request) =>
      mesh.orders.placeOrder(request, { timeoutMs: 30_000 }),
    );
    await mesh.kill('account-1');
    await mesh.start('account-1');
    const settled = await Promise.allSettled(answers);
    const again = await Promise.all(requests.map((request) => mesh.orders.placeOrder(request)));
    const ids = again.map(({ order }) => order?.orderId);
    expect(new Set(ids).size).toBe(20);
    for (const [index, one] of settled.entries()) {
      if (one.status === 'fulfilled') expect(one.value.order?.orderId).toBe(ids[index]);
    }
    expect(await ordersOf(alice)).toHaveLength(20);
  }, 90_000);
});

/** The order service dies when the money is held and nobody has its proposal. */
async function loseOrderServiceBehindHold(request: ReturnType<typeof limit>): Promise<void> {
  mesh.signal('matching-1', 'SIGSTOP');
  mesh.signal('matching-2', 'SIGSTOP');
  const lost = mesh.orders.placeOrder(request).catch((error: unknown) => error);
  const ledger = mesh.clientAt(LedgerService, 'account-1');
  const order = { case: 'clientOrderId', value: request.clientOrderId ?? '' } as const;
  await waitUntil(() => ledger.findOrder({ accountId: alice, order }), { what: 'the hold' });
  await mesh.kill('order');
  await lost;
  await stopMatching();
  await startMatching();
  await mesh.start('order');
}

async function stopMatching(): Promise<void> {
  await Promise.all([mesh.kill('matching-1'), mesh.kill('matching-2')]);
}

async function startMatching(): Promise<void> {
  await Promise.all([mesh.start('matching-1'), mesh.start('matching-2')]);
}

/** Right after a restart settlement may have to catch up. */
async function ordersOf(accountId: string) {
  const list = () => mesh.orders.listOrders({ accountId });
  return (await waitUntil(list, { what: 'settlement to catch up' })).orders;
}

async function holdsOf(accountId: string) {
  const { holds } = await mesh.accounts.listHolds({ accountId });
  return holds;
}
