// Idempotency as clients meet it: every request that changes something, sent again in every way in
// which clients do, has one effect and the same answer, marked as a repeat (HLD-2, LED-4, LOG-11).

import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AccountAdminService } from '../../../gen/bourse/account/v1/admin_service_pb.ts';
import { AccountService } from '../../../gen/bourse/account/v1/service_pb.ts';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import type { ErrorReasonName } from '../../../services/lib/platform/errors/reasons.ts';
import { assignSlots } from '../../../services/lib/routing/rendezvous.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import { patiently } from '../../../services/simulator/adapter/patience.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import {
  balanceOf,
  createAccount,
  createMarket,
  limit,
  type Market,
} from '../../support/trading.ts';

/** Processes of the same service. */
const ORDER_NODES = ['order', 'order-2'] as const;
const ACCOUNT_NODES = ['account-1', 'account-2'] as const;
const MATCHING_NODES = ['matching-1', 'matching-2'] as const;
/** Less than after which a node counts as gone (REP-3). */
const FROZEN_MS = 250;
const TIMEOUT_MS = 150;
type Where = 0 | 1;

let mesh: Mesh;
let market: Market;
/** In a book of the other matching shard. */
let otherMarket: Market;

beforeAll(async () => {
  mesh = await startMesh({ env: { BOURSE_ORDER_NODES: '2', BOURSE_ACCOUNT_NODES: '2' } });
  market = await createMarket(mesh);
  const owners = assignSlots([...MATCHING_NODES]);
  const shardOf = ({ instrumentId }: Market) => owners[slotOf(instrumentId)];
  do otherMarket = await createMarket(mesh);
  while (shardOf(otherMarket) === shardOf(market));
}, 150_000);
afterAll(async () => {
  await mesh?.stop();
}, 30_000);

const ordersAt = (where: Where) => mesh.clientAt(OrderService, ORDER_NODES[where]);
const adminAt = (where: Where) => mesh.clientAt(AccountAdminService, ACCOUNT_NODES[where]);
const accountsAt = (where: Where) => mesh.clientAt(AccountService, ACCOUNT_NODES[where]);

type Answer = { readonly id: string; readonly duplicate: boolean };
type Options = { readonly timeoutMs?: number };

/** One request on accounts of its own, ready to be sent. */
type Request = {
  readonly send: (where: Where, options?: Options) => Promise<Answer>;
  /** The same id, and something else is asked. */
  readonly other: () => Promise<unknown>;
  /** The same id, and the same is asked of another instrument; for orders. */
  readonly elsewhere?: () => Promise<unknown>;
  /** What there is to see of it; the same after each repeat. */
  readonly effect: () => Promise<unknown>;
};

type Operation = {
  readonly name: string;
  readonly taken: ErrorReasonName;
  /** Without these it is not answered. */
  readonly frozen: readonly string[];
  readonly prepare: () => Promise<Request>;
};

async function fresh() {
  const accountId = await createAccount(mesh, {
    [market.baseAssetId]: '1000',
    [market.quoteAssetId]: '1000000',
    [otherMarket.quoteAssetId]: '1000000',
  });
  return accountId;
}

function refTo({ instrumentId }: Market, clientOrderId = '') {
  return { instrumentId, id: { case: 'clientOrderId' as const, value: clientOrderId } };
}

async function listed(accountId: string) {
  const { orders } = await patiently(() => mesh.orders.listOrders({ accountId }));
  return orders.map(({ orderId, status, version, price }) => ({ orderId, status, version, price }));
}

const place: Operation = {
  name: 'PlaceOrder',
  taken: 'CLIENT_ORDER_ID_ALREADY_EXISTS',
  frozen: MATCHING_NODES,
  async prepare() {
    const accountId = await fresh();
    const request = limit(market, accountId, 'buy 1 at 90');
    const { instrumentId } = otherMarket;
    return {
      async send(where, options) {
        const { order, duplicate } = await ordersAt(where).placeOrder(request, options);
        return { id: order?.orderId ?? '', duplicate };
      },
      other: () => mesh.orders.placeOrder({ ...request, price: '91' }),
      elsewhere: () => mesh.orders.placeOrder({ ...request, instrumentId }),
      effect: () => listed(accountId),
    };
  },
};

const amend: Operation = {
  name: 'AmendOrder',
  taken: 'CLIENT_REQUEST_ID_ALREADY_EXISTS',
  frozen: MATCHING_NODES,
  async prepare() {
    const accountId = await fresh();
    const placed = limit(market, accountId, 'buy 1 at 90');
    await mesh.orders.placeOrder(placed);
    const order = refTo(market, placed.clientOrderId);
    const request = { accountId, order, price: '91', clientRequestId: 'amend' };
    return {
      async send(where, options) {
        const answer = await ordersAt(where).amendOrder(request, options);
        return { id: `${answer.order?.orderId} ${answer.sequence}`, duplicate: answer.duplicate };
      },
      other: () => mesh.orders.amendOrder({ ...request, price: '92' }),
      effect: () => listed(accountId),
    };
  },
};

const cancel: Operation = {
  name: 'CancelOrder',
  taken: 'CLIENT_REQUEST_ID_ALREADY_EXISTS',
  frozen: MATCHING_NODES,
  async prepare() {
    const accountId = await fresh();
    const [placed, another] = [90, 89].map((price) =>
      limit(market, accountId, `buy 1 at ${price}`),
    );
    const { order } = await mesh.orders.placeOrder(placed ?? {});
    const other = await mesh.orders.placeOrder(another ?? {});
    const byId = (orderId = '') => ({
      instrumentId: market.instrumentId,
      id: { case: 'orderId' as const, value: orderId },
    });
    const request = { accountId, clientRequestId: 'cancel' };
    return {
      async send(where, options) {
        const asked = { ...request, order: byId(order?.orderId) };
        const answer = await ordersAt(where).cancelOrder(asked, options);
        return { id: answer.order?.orderId ?? '', duplicate: answer.duplicate };
      },
      other: () => mesh.orders.cancelOrder({ ...request, order: byId(other.order?.orderId) }),
      effect: () => listed(accountId),
    };
  },
};

function money(name: 'deposit' | 'withdraw', method: string): Operation {
  return {
    name: method,
    taken: 'CLIENT_TRANSFER_ID_ALREADY_EXISTS',
    frozen: ACCOUNT_NODES,
    async prepare() {
      const accountId = await fresh();
      const assetId = market.baseAssetId;
      const request = { accountId, assetId, amount: '5', clientTransferId: name };
      return {
        async send(where, options) {
          const { posting, duplicate } = await adminAt(where)[name](request, options);
          return { id: posting?.postingId ?? '', duplicate };
        },
        other: () => mesh.accountAdmin[name]({ ...request, amount: '6' }),
        effect: () => patiently(() => balanceOf(mesh, accountId, assetId)),
      };
    },
  };
}

const transfer: Operation = {
  name: 'Transfer',
  taken: 'CLIENT_TRANSFER_ID_ALREADY_EXISTS',
  frozen: ACCOUNT_NODES,
  async prepare() {
    const [accountId, toAccountId] = [await fresh(), await fresh()];
    const assetId = market.baseAssetId;
    const request = { accountId, toAccountId, assetId, amount: '5', clientTransferId: 'transfer' };
    return {
      async send(where, options) {
        const { posting, duplicate } = await accountsAt(where).transfer(request, options);
        return { id: posting?.postingId ?? '', duplicate };
      },
      other: () => mesh.accounts.transfer({ ...request, amount: '6' }),
      effect: () => patiently(() => balanceOf(mesh, accountId, assetId)),
    };
  },
};

const OPERATIONS = [
  ...[place, amend, cancel],
  ...[money('deposit', 'Deposit'), money('withdraw', 'Withdraw'), transfer],
];

async function reasonOf(call: Promise<unknown>): Promise<string | undefined> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  return failure instanceof OperatingError ? failure.reason : 'not an error';
}

/** Sends what nobody answers in time, because these processes stand still. */
async function whileFrozen(nodes: readonly string[], send: () => Promise<unknown>): Promise<void> {
  for (const nodeId of nodes) mesh.signal(nodeId, 'SIGSTOP');
  const failed = send().then(
    () => false,
    () => true,
  );
  await setTimeout(FROZEN_MS);
  for (const nodeId of nodes) mesh.signal(nodeId, 'SIGCONT');
  expect(await failed).toBe(true);
}

describe.each(OPERATIONS)('$name', ({ prepare, taken, frozen }) => {
  test('sent twice, the second is a repeat with the same answer and no effect', async () => {
    const { send, effect } = await prepare();
    const first = await send(0);
    const after = await effect();
    expect(first.duplicate).toBe(false);
    expect(await send(0)).toEqual({ id: first.id, duplicate: true });
    expect(await effect()).toEqual(after);
  });

  test('sent eight times at once through two processes, one is not a repeat', async () => {
    const { send, effect } = await prepare();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => patiently(() => send((index % 2) as Where))),
    );
    expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    const after = await effect();
    expect(await send(1)).toEqual({ id: answers[0]?.id, duplicate: true });
    expect(await effect()).toEqual(after);
  });

  test('sent again through another process, it is a repeat', async () => {
    const { send } = await prepare();
    const { id } = await send(0);
    expect(await patiently(() => send(1))).toEqual({ id, duplicate: true });
  });

  test('after a time-out a repeat gives certainty', async () => {
    const { send, effect } = await prepare();
    await whileFrozen(frozen, () => send(0, { timeoutMs: TIMEOUT_MS }));
    const { id } = await patiently(() => send(0));
    const after = await effect();
    expect(await send(1)).toEqual({ id, duplicate: true });
    expect(await effect()).toEqual(after);
  });

  test('with another body it is refused and changes nothing', async () => {
    const { send, other, elsewhere, effect } = await prepare();
    await send(0);
    const after = await effect();
    expect(await reasonOf(other())).toBe(taken);
    if (elsewhere !== undefined) expect(await reasonOf(elsewhere())).toBe(taken);
    expect(await effect()).toEqual(after);
  });
});

test('HLD-3 after a lost answer a cancel by client order id gives certainty, too', async () => {
  const accountId = await fresh();
  const request = limit(market, accountId, 'buy 1 at 90');
  await whileFrozen(MATCHING_NODES, () =>
    mesh.orders.placeOrder(request, { timeoutMs: TIMEOUT_MS }),
  );
  const order = refTo(market, request.clientOrderId);
  const canceled = await patiently(() => mesh.orders.cancelOrder({ accountId, order }));
  const again = await mesh.orders.placeOrder(request);
  expect(again).toMatchObject({ duplicate: true, order: { status: canceled.order?.status } });
  expect(await patiently(() => balanceOf(mesh, accountId, market.quoteAssetId))).toEqual([
    ...['1000000', '1000000', '0'],
  ]);
});

test('LOG-11 after every process that took part was killed, all of them are repeats', async () => {
  const requests = await Promise.all(OPERATIONS.map(({ prepare }) => prepare()));
  const before = await Promise.all(
    requests.map(async ({ send, effect }) => ({ id: (await send(0)).id, effect: await effect() })),
  );
  const nodes = ['order', 'account-1', 'account-2', 'matching-1', 'matching-2'];
  await Promise.all(nodes.map((nodeId) => mesh.kill(nodeId)));
  await Promise.all(nodes.map((nodeId) => mesh.start(nodeId)));
  for (const [index, { send, effect }] of requests.entries()) {
    const { id, effect: after } = before[index] ?? {};
    expect(await patiently(() => send(0))).toEqual({ id, duplicate: true });
    expect(await effect()).toEqual(after);
  }
}, 120_000);
