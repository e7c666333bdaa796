// Canceling and amending through the whole mesh: processes, sockets, PostgreSQL.

import { describe, expect, test } from '@jest/globals';
import { CancelReason, OrderStatus, RejectReason } from '../../../gen/bourse/type/v1/order_pb.ts';
import { failureOf } from '../../contract/order/service-under-test.ts';
import {
  balanceOf,
  createAccount,
  createMarket,
  limit,
  type Market,
} from '../../support/trading.ts';
import { mesh } from './shared-mesh.ts';

let at: Market;
let alice: string;
let bob: string;

/** A market and two accounts that no other test uses. */
async function fresh(rules = {}) {
  at = await createMarket(mesh, rules);
  const funds = { [at.baseAssetId]: '1000', [at.quoteAssetId]: '1000000' };
  alice = await createAccount(mesh, funds);
  bob = await createAccount(mesh, funds);
}

const refOf = (orderId: string) => ({
  instrumentId: at.instrumentId,
  id: { case: 'orderId', value: orderId } as const,
});
const clientRefOf = (clientOrderId: string) => ({
  instrumentId: at.instrumentId,
  id: { case: 'clientOrderId', value: clientOrderId } as const,
});

describe('canceling', () => {
  test('CXL-1 by order id and by client order id; again it is already final', async () => {
    await fresh();
    const request = limit(at, alice, 'sell 2 at 100');
    const { order } = await mesh.orders.placeOrder(request);
    const byId = refOf(order?.orderId ?? '');
    const first = await mesh.orders.cancelOrder({ accountId: alice, order: byId });
    expect(first.order).toMatchObject({
      status: OrderStatus.CANCELED,
      cancelReason: CancelReason.OWNER,
      remainingQuantity: '0',
    });
    expect(first.alreadyFinal).toBe(false);
    const byClientId = clientRefOf(request.clientOrderId ?? '');
    for (const ref of [byId, byClientId]) {
      const again = await mesh.orders.cancelOrder({ accountId: alice, order: ref });
      expect(again).toMatchObject({ alreadyFinal: true, order: first.order });
    }
  });

  test('CXL-1 a repeat by the same request id is a duplicate, another body is refused', async () => {
    await fresh();
    const first = await mesh.orders.placeOrder(limit(at, alice, 'sell 2 at 100'));
    const second = await mesh.orders.placeOrder(limit(at, alice, 'sell 2 at 100'));
    const request = {
      accountId: alice,
      order: refOf(first.order?.orderId ?? ''),
      clientRequestId: 'cancel-1',
    };
    expect((await mesh.orders.cancelOrder(request)).duplicate).toBe(false);
    expect((await mesh.orders.cancelOrder(request)).duplicate).toBe(true);
    const other = { ...request, order: refOf(second.order?.orderId ?? '') };
    const failure = await failureOf(mesh.orders.cancelOrder(other));
    expect(failure.reason).toBe('CLIENT_REQUEST_ID_ALREADY_EXISTS');
  });

  test('MAT-4 a filled order is not open, an unknown one unknown within the window', async () => {
    await fresh();
    await mesh.orders.placeOrder(limit(at, alice, 'sell 2 at 100'));
    const { order } = await mesh.orders.placeOrder(limit(at, bob, 'buy 2 at 100'));
    const filled = { accountId: bob, order: refOf(order?.orderId ?? '') };
    expect((await failureOf(mesh.orders.cancelOrder(filled))).reason).toBe('ORDER_NOT_OPEN');
    const unknown = { accountId: bob, order: refOf('1-999') };
    const failure = await failureOf(mesh.orders.cancelOrder(unknown));
    expect([failure.reason, failure.metadata['beyond']]).toEqual(['ORDER_UNKNOWN', 'window']);
  });

  test("CXL-1 another account's order is unknown", async () => {
    await fresh();
    const { order } = await mesh.orders.placeOrder(limit(at, alice, 'sell 2 at 100'));
    await mesh.orders.placeOrder(limit(at, bob, 'sell 2 at 100'));
    const theirs = { accountId: bob, order: refOf(order?.orderId ?? '') };
    expect((await failureOf(mesh.orders.cancelOrder(theirs))).reason).toBe('ORDER_UNKNOWN');
    expect((await failureOf(mesh.orders.getOrder(theirs))).reason).toBe('ORDER_UNKNOWN');
    const amend = { ...theirs, price: '101' };
    expect((await failureOf(mesh.orders.amendOrder(amend))).reason).toBe('ORDER_UNKNOWN');
  });

  test('HLD-3 a cancel before its order keeps the order from arriving', async () => {
    await fresh();
    const request = limit(at, alice, 'sell 2 at 100');
    const order = clientRefOf(request.clientOrderId ?? '');
    const early = await mesh.orders.cancelOrder({ accountId: alice, order });
    expect(early.order).toMatchObject({
      orderId: '',
      clientOrderId: request.clientOrderId,
      rejectReason: RejectReason.CANCELED_BEFORE_ARRIVAL,
    });
    const late = await mesh.orders.placeOrder(request);
    expect(late.order).toMatchObject({
      status: OrderStatus.REJECTED,
      rejectReason: RejectReason.CANCELED_BEFORE_ARRIVAL,
    });
  });

  test('CXL-1 a mass cancel counts per instrument, and a repeat answers the same', async () => {
    await fresh();
    const first = at;
    for (const price of [100, 101, 102]) {
      await mesh.orders.placeOrder(limit(at, alice, `sell 1 at ${price}`));
    }
    await mesh.orders.placeOrder(limit(at, alice, 'buy 1 at 50'));
    const second = await createMarket(mesh);
    await mesh.accountAdmin.deposit({
      accountId: alice,
      assetId: second.quoteAssetId,
      amount: '1000',
      clientTransferId: 'more',
    });
    await mesh.orders.placeOrder(limit(second, alice, 'buy 1 at 50'));
    const sells = await mesh.orders.cancelAllOrders({
      accountId: alice,
      instrumentId: first.instrumentId,
      side: 2,
    });
    expect(sells).toMatchObject({ canceledCount: 3, duplicate: false });
    const request = { accountId: alice, clientRequestId: 'all-1' };
    const all = await mesh.orders.cancelAllOrders(request);
    expect(all.canceledCount).toBe(2);
    expect(
      all.results.map(({ instrumentId, canceledCount }) => [instrumentId, canceledCount]),
    ).toEqual([
      [first.instrumentId, 1],
      [second.instrumentId, 1],
    ]);
    const again = await mesh.orders.cancelAllOrders(request);
    expect(again).toMatchObject({ results: all.results, canceledCount: 2, duplicate: true });
    const { orders } = await mesh.orders.listOrders({ accountId: alice, openOnly: true });
    expect(orders).toEqual([]);
  });
});

describe('amending', () => {
  test('AMD-1 less quantity keeps the place, more quantity and another price lose it', async () => {
    await fresh();
    const { order } = await mesh.orders.placeOrder(limit(at, alice, 'buy 2 at 100'));
    const ref = refOf(order?.orderId ?? '');
    const amend = (change: object) =>
      mesh.orders.amendOrder({ accountId: alice, order: ref, ...change });
    const less = await amend({ quantity: '1' });
    expect(less).toMatchObject({ placeKept: true, order: { version: 2n } });
    expect(less.order?.orderQuantity.value).toBe('1');
    const more = await amend({ quantity: '3' });
    expect(more).toMatchObject({ placeKept: false, order: { version: 3n } });
    const dearer = await amend({ price: '101', quantity: '4' });
    expect(dearer.order).toMatchObject({ price: '101', remainingQuantity: '4', version: 4n });
    const [, , held] = await balanceOf(mesh, alice, at.quoteAssetId);
    expect(held).toBe('404.0808');
  });

  test('AMD-1 an amend that crosses trades', async () => {
    await fresh();
    await mesh.orders.placeOrder(limit(at, bob, 'sell 1 at 105'));
    const { order } = await mesh.orders.placeOrder(limit(at, alice, 'buy 2 at 100'));
    const amended = await mesh.orders.amendOrder({
      accountId: alice,
      order: refOf(order?.orderId ?? ''),
      price: '105',
    });
    expect(amended.fills).toMatchObject([{ price: '105', quantity: '1' }]);
    expect(amended.order).toMatchObject({ status: OrderStatus.PARTIALLY_FILLED });
  });

  test('AMD-2 to what is filled or less the order ends as filled', async () => {
    await fresh();
    const { order } = await mesh.orders.placeOrder(limit(at, alice, 'buy 2 at 100'));
    await mesh.orders.placeOrder(limit(at, bob, 'sell 1 at 100'));
    const amended = await mesh.orders.amendOrder({
      accountId: alice,
      order: refOf(order?.orderId ?? ''),
      quantity: '0.5',
    });
    expect(amended.order).toMatchObject({ status: OrderStatus.FILLED, filledQuantity: '1' });
    expect((await balanceOf(mesh, alice, at.quoteAssetId))[2]).toBe('0');
  });

  test('AMD-3 another version than the expected one is refused and changes nothing', async () => {
    await fresh();
    const { order } = await mesh.orders.placeOrder(limit(at, alice, 'buy 2 at 100'));
    const ref = refOf(order?.orderId ?? '');
    const request = { accountId: alice, order: ref, price: '101', expectedVersion: 2n };
    const failure = await failureOf(mesh.orders.amendOrder(request));
    expect(failure.reason).toBe('VERSION_MISMATCH');
    const got = await mesh.orders.getOrder({ accountId: alice, order: ref });
    expect(got.order).toMatchObject({ price: '100', version: 1n });
    expect((await balanceOf(mesh, alice, at.quoteAssetId))[2]).toBe('200.04');
  });

  test('HLD-6 without the money for it an amend is refused', async () => {
    await fresh();
    const { order } = await mesh.orders.placeOrder(limit(at, alice, 'buy 2 at 100'));
    const ref = refOf(order?.orderId ?? '');
    const request = { accountId: alice, order: ref, quantity: '100000' };
    expect((await failureOf(mesh.orders.amendOrder(request))).reason).toBe('INSUFFICIENT_FUNDS');
  });

  test('AMD-2 a repeat by the same request id is a duplicate and amends once', async () => {
    await fresh();
    const { order } = await mesh.orders.placeOrder(limit(at, alice, 'buy 2 at 100'));
    const ref = refOf(order?.orderId ?? '');
    const request = { accountId: alice, order: ref, quantity: '3', clientRequestId: 'amend-1' };
    expect(await mesh.orders.amendOrder(request)).toMatchObject({ duplicate: false });
    const again = await mesh.orders.amendOrder(request);
    expect(again).toMatchObject({ duplicate: true, order: { version: 2n } });
    const other = { ...request, quantity: '4' };
    const failure = await failureOf(mesh.orders.amendOrder(other));
    expect(failure.reason).toBe('CLIENT_REQUEST_ID_ALREADY_EXISTS');
  });
});

describe('rules that change under way', () => {
  test('REF-1 an order is checked against the new rules and placed', async () => {
    await fresh();
    for (let round = 1; round <= 6; round++) {
      const tickSize = round % 2 === 0 ? '0.01' : '0.05';
      const { instrumentId } = at;
      await mesh.referenceAdmin.updateInstrument({ instrumentId, tickSize });
      const { order } = await mesh.orders.placeOrder(limit(at, alice, `buy 1 at ${50 + round}`));
      expect(order).toMatchObject({ status: OrderStatus.ACTIVE });
      const id = { case: 'orderId', value: order?.orderId ?? '' } as const;
      const ref = { instrumentId, id };
      await mesh.referenceAdmin.updateInstrument({ instrumentId, takerFeeBps: `${round}` });
      const amended = await mesh.orders.amendOrder({ accountId: alice, order: ref, quantity: '2' });
      expect(amended.order).toMatchObject({ version: 2n, remainingQuantity: '2' });
    }
  });
});
