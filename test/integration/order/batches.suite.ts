// Batches on one stream: order within an instrument, money within an account, results in order.

import { describe, expect, test } from '@jest/globals';
import { CancelReason, OrderStatus, RejectReason } from '../../../gen/bourse/type/v1/order_pb.ts';
import {
  type ItemInit,
  isBusy,
  openSubmitStream,
  type SubmitStream,
} from '../../support/submit-stream.ts';
import {
  balanceOf,
  createAccount,
  createMarket,
  limit,
  type Market,
} from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';
import { mesh } from './shared-mesh.ts';

let at: Market;
let alice: string;
let bob: string;
let stream: SubmitStream;

async function fresh(amount = '1000000') {
  at = await createMarket(mesh);
  const funds = { [at.baseAssetId]: '1000', [at.quoteAssetId]: amount };
  alice = await createAccount(mesh, funds);
  bob = await createAccount(mesh, funds);
  stream = openSubmitStream(mesh);
}

const place = (request: ReturnType<typeof limit>): ItemInit => ({
  request: { case: 'placeOrder', value: request },
});

function refOf(clientOrderId: string) {
  const id = { case: 'clientOrderId', value: clientOrderId } as const;
  return { instrumentId: at.instrumentId, id };
}

function cancel(accountId: string, clientOrderId: string): ItemInit {
  return { request: { case: 'cancelOrder', value: { accountId, order: refOf(clientOrderId) } } };
}

function amend(accountId: string, clientOrderId: string, change: object): ItemInit {
  const value = { accountId, order: refOf(clientOrderId), ...change };
  return { request: { case: 'amendOrder', value } };
}

describe('a batch', () => {
  test('MOV-9 its items of one instrument run in the order given: place, amend, cancel', async () => {
    const { results, clientBatchId } = await waitUntil(
      async () => {
        await fresh();
        const request = limit(at, alice, 'buy 1 at 100', { clientOrderId: 'one' });
        const answer = await stream.submit(
          [
            place(request),
            amend(alice, 'one', { quantity: '2' }),
            amend(alice, 'one', { price: '101' }),
            cancel(alice, 'one'),
            cancel(alice, 'one'),
            place({ ...request, clientOrderId: 'two' }),
          ],
          'batch-1',
        );
        return isBusy(answer) ? undefined : answer;
      },
      { what: 'a batch that nothing holds up', deadlineMs: 25_000 },
    );
    expect(clientBatchId).toBe('batch-1');
    const values = results.map(({ result }) => result.value);
    const errors = results.flatMap(({ result }) =>
      result.case === 'error' ? [result.value.message] : [],
    );
    expect(errors).toEqual([]);
    expect(results.map(({ result }) => result.case)).toEqual([
      'placeOrder',
      'amendOrder',
      'amendOrder',
      'cancelOrder',
      'cancelOrder',
      'placeOrder',
    ]);
    expect(values).toMatchObject([
      { order: { status: OrderStatus.ACTIVE, version: 1n } },
      { order: { version: 2n, remainingQuantity: '2' } },
      { order: { version: 3n, price: '101' } },
      { order: { cancelReason: CancelReason.OWNER, version: 3n }, alreadyFinal: false },
      { alreadyFinal: true },
      { order: { status: OrderStatus.ACTIVE } },
    ]);
    await stream.close();
  });

  test('its results come in the order given, of many accounts and instruments', async () => {
    await fresh();
    const other = await createMarket(mesh);
    const carol = await createAccount(mesh, { [other.baseAssetId]: '100' });
    const items = Array.from({ length: 300 }, (_, index) =>
      index % 3 === 0
        ? place(limit(other, carol, `sell 0.1 at ${100 + index}`))
        : place(
            limit(at, index % 3 === 1 ? alice : bob, `buy 0.1 at ${(10 + index / 100).toFixed(2)}`),
          ),
    );
    const { results } = await stream.submit(items);
    const ids = items.map(({ request }) =>
      request?.case === 'placeOrder' ? request.value.clientOrderId : '',
    );
    const answered = results.map(({ result }) =>
      result.case === 'placeOrder' ? result.value.order?.clientOrderId : result.case,
    );
    expect(answered).toEqual(ids);
    await stream.close();
  });

  test('an item that is no order fails alone; a repeat is a duplicate', async () => {
    await fresh();
    const good = limit(at, alice, 'buy 1 at 100');
    const bad = limit(at, alice, 'buy 1 at 100.001');
    const { results } = await stream.submit([place(good), place(bad), place(good)]);
    expect(results.map(({ result }) => result.case)).toEqual(['placeOrder', 'error', 'placeOrder']);
    expect(results[2]?.result.value).toMatchObject({ duplicate: true });
    await stream.close();
  });

  test('SET-4 the whole balance is quoted, canceled and quoted again, in one batch', async () => {
    await fresh('1000');
    // 999.8 at 1 with a fee of 2 bp is 999.99996: all that the account has.
    for (let round = 1; round <= 10; round++) {
      const items = Array.from({ length: 8 }, (_, index) => {
        const clientOrderId = `r${round}-${index}`;
        const request = limit(at, alice, 'buy 999.8 at 1', { clientOrderId });
        return [place(request), cancel(alice, clientOrderId)];
      }).flat();
      const { results } = await stream.submit(items);
      for (const { result } of results) {
        if (result.case === 'placeOrder') {
          expect(result.value.order?.rejectReason).toBe(RejectReason.UNSPECIFIED);
          expect(result.value.order?.status).toBe(OrderStatus.ACTIVE);
        } else {
          expect(result.case).toBe('cancelOrder');
        }
      }
    }
    await stream.close();
    expect(await balanceOf(mesh, alice, at.quoteAssetId)).toEqual(['1000', '1000', '0']);
  }, 60_000);

  test('SET-4 the money of a sale earlier in the batch buys later in it', async () => {
    await fresh('0.5');
    await mesh.accountAdmin.deposit({
      accountId: bob,
      assetId: at.quoteAssetId,
      amount: '1000',
      clientTransferId: 'bob-more',
    });
    await mesh.orders.placeOrder(limit(at, bob, 'buy 5 at 100'));
    const { results } = await stream.submit([
      place(limit(at, alice, 'sell 5 at 100')),
      place(limit(at, alice, 'buy 4.9 at 100')),
    ]);
    expect(results.map(({ result }) => result.value)).toMatchObject([
      { order: { status: OrderStatus.FILLED } },
      { order: { status: OrderStatus.ACTIVE } },
    ]);
    await stream.close();
  });
});

describe('unary calls', () => {
  test('SET-4 the whole balance is quoted, canceled and quoted again, call by call', async () => {
    await fresh('1000');
    for (let round = 1; round <= 40; round++) {
      const request = limit(at, alice, 'buy 999.8 at 1');
      const { order } = await mesh.orders.placeOrder(request);
      expect(order?.rejectReason).toBe(RejectReason.UNSPECIFIED);
      const id = { case: 'orderId', value: order?.orderId ?? '' } as const;
      const ref = { instrumentId: at.instrumentId, id };
      await mesh.orders.cancelOrder({ accountId: alice, order: ref });
    }
  }, 60_000);

  test('SET-4 two accounts trade their whole balances to and fro', async () => {
    await fresh('1000');
    for (let round = 1; round <= 24; round++) {
      const [seller, buyer] = round % 2 === 1 ? [alice, bob] : [bob, alice];
      const quantity = round % 2 === 1 ? 9 : 9;
      await mesh.orders.placeOrder(limit(at, seller, `sell ${quantity} at 100`));
      const { order } = await mesh.orders.placeOrder(limit(at, buyer, `buy ${quantity} at 100`));
      expect(order).toMatchObject({ status: OrderStatus.FILLED });
    }
  }, 60_000);
});
