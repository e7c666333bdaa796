// Placing, trading, canceling and amending through the whole mesh: processes, sockets, PostgreSQL.

import { describe, expect, test } from '@jest/globals';
import {
  CancelReason,
  Liquidity,
  OrderStatus,
  RejectReason,
  SelfTradePrevention,
  TimeInForce,
} from '../../../gen/bourse/type/v1/order_pb.ts';
import { failureOf } from '../../contract/order/service-under-test.ts';
import {
  balanceOf,
  createAccount,
  createMarket,
  limit,
  type Market,
  market,
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

describe('placing', () => {
  test('TYP-1 an order rests, is shown by GetOrder and holds its worst cost', async () => {
    await fresh();
    const placed = await mesh.orders.placeOrder(limit(at, alice, 'buy 2 at 100.5'));
    expect(placed.order).toMatchObject({
      status: OrderStatus.ACTIVE,
      remainingQuantity: '2',
      filledQuantity: '0',
      price: '100.5',
      timeInForce: TimeInForce.GTC,
      selfTradePrevention: SelfTradePrevention.CANCEL_TAKER,
      version: 1n,
    });
    expect(placed.duplicate).toBe(false);
    expect(placed.sequence).toBeGreaterThan(0n);
    const order = refOf(placed.order?.orderId ?? '');
    const got = await mesh.orders.getOrder({ accountId: alice, order });
    expect(got.order).toEqual(placed.order);
    const [total, available, held] = await balanceOf(mesh, alice, at.quoteAssetId);
    expect([total, available, held]).toEqual(['1000000', '999798.9598', '201.0402']);
  });

  test('MAT-2 two orders trade at the resting price, and money moves with fees (SET-2)', async () => {
    await fresh();
    const resting = await mesh.orders.placeOrder(limit(at, alice, 'sell 2 at 100'));
    const taken = await mesh.orders.placeOrder(limit(at, bob, 'buy 3 at 101'));
    expect(taken.order).toMatchObject({
      status: OrderStatus.PARTIALLY_FILLED,
      filledQuantity: '2',
      remainingQuantity: '1',
      filledNotional: '200',
      averagePrice: '100',
      fees: [{ assetId: at.quoteAssetId, amount: '0.04' }],
    });
    expect(taken.fills).toMatchObject([
      { price: '100', quantity: '2', liquidity: Liquidity.TAKER, fee: '0.04' },
    ]);
    const maker = await mesh.orders.getOrder({
      accountId: alice,
      order: refOf(resting.order?.orderId ?? ''),
    });
    expect(maker.order).toMatchObject({ status: OrderStatus.FILLED, filledNotional: '200' });
    expect(await balanceOf(mesh, alice, at.quoteAssetId)).toEqual([
      '1000199.98',
      '1000199.98',
      '0',
    ]);
    const { fills } = await mesh.orders.listFills({ accountId: bob });
    expect(fills).toEqual(taken.fills);
  });

  test('TYP-2 a market order trades down to its worst price and never rests', async () => {
    await fresh();
    await mesh.orders.placeOrder(limit(at, alice, 'sell 1 at 100'));
    await mesh.orders.placeOrder(limit(at, alice, 'sell 1 at 111'));
    const { order } = await mesh.orders.placeOrder(market(at, bob, 'buy 2'));
    expect(order).toMatchObject({
      price: '110',
      status: OrderStatus.CANCELED,
      cancelReason: CancelReason.WORST_PRICE,
      filledQuantity: '1',
      timeInForce: TimeInForce.IOC,
    });
    const [, , held] = await balanceOf(mesh, bob, at.quoteAssetId);
    expect(held).toBe('0');
  });

  test('TYP-2 a budget buys whole lots, fee included', async () => {
    await fresh();
    await mesh.orders.placeOrder(limit(at, alice, 'sell 10 at 100'));
    const { order } = await mesh.orders.placeOrder(market(at, bob, 'buy for 500'));
    expect(order).toMatchObject({ status: OrderStatus.FILLED, filledQuantity: '4.999' });
  });

  test('TYP-2 without a price to start from a market order is rejected', async () => {
    await fresh();
    const { order } = await mesh.orders.placeOrder(market(at, bob, 'buy 1'));
    expect(order).toMatchObject({
      status: OrderStatus.REJECTED,
      rejectReason: RejectReason.NO_REFERENCE_PRICE,
    });
  });

  test('TIF-2 TIF-3 TYP-6 IOC, FOK and post-only', async () => {
    await fresh();
    await mesh.orders.placeOrder(limit(at, alice, 'sell 1 at 100'));
    const ioc = { timeInForce: TimeInForce.IOC };
    const fok = { timeInForce: TimeInForce.FOK };
    const killed = await mesh.orders.placeOrder(limit(at, bob, 'buy 2 at 100', fok));
    expect(killed.order).toMatchObject({ cancelReason: CancelReason.FOK, filledQuantity: '0' });
    const post = await mesh.orders.placeOrder(limit(at, bob, 'buy 1 at 100', { postOnly: true }));
    expect(post.order).toMatchObject({ rejectReason: RejectReason.POST_ONLY_WOULD_TAKE });
    const partly = await mesh.orders.placeOrder(limit(at, bob, 'buy 2 at 100', ioc));
    expect(partly.order).toMatchObject({
      status: OrderStatus.CANCELED,
      cancelReason: CancelReason.IOC_REMAINDER,
      filledQuantity: '1',
    });
  });

  test('HLD-1 too little money is a REJECTED order, and its id is used', async () => {
    await fresh();
    const request = limit(at, alice, 'buy 20000 at 100');
    const first = await mesh.orders.placeOrder(request);
    expect(first.order).toMatchObject({ rejectReason: RejectReason.INSUFFICIENT_FUNDS });
    const again = await mesh.orders.placeOrder(request);
    expect(again).toMatchObject({ order: first.order, duplicate: true });
  });
});

describe('repeats', () => {
  test('HLD-2 the same id with the same body answers the order as it is now', async () => {
    await fresh();
    const request = limit(at, alice, 'sell 2 at 100');
    const first = await mesh.orders.placeOrder(request);
    await mesh.orders.placeOrder(limit(at, bob, 'buy 1 at 100'));
    const again = await mesh.orders.placeOrder({ ...request, price: '100.00' });
    expect(again.duplicate).toBe(true);
    expect(again.fills).toEqual([]);
    expect(again.order).toMatchObject({
      orderId: first.order?.orderId,
      status: OrderStatus.PARTIALLY_FILLED,
    });
  });

  test('HLD-2 the same id with another body is ALREADY_EXISTS', async () => {
    await fresh();
    const request = limit(at, alice, 'sell 2 at 100');
    await mesh.orders.placeOrder(request);
    const other = await failureOf(mesh.orders.placeOrder({ ...request, price: '100.01' }));
    expect(other.reason).toBe('CLIENT_ORDER_ID_ALREADY_EXISTS');
  });

  test('HLD-2 sent many times at once it is placed once', async () => {
    await fresh();
    const request = limit(at, alice, 'sell 2 at 100');
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => mesh.orders.placeOrder(request)),
    );
    expect(new Set(answers.map(({ order }) => order?.orderId)).size).toBe(1);
    expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    const { orders } = await mesh.orders.listOrders({ accountId: alice });
    expect(orders).toHaveLength(1);
  });
});

describe('looking', () => {
  test('orders are listed newest first, in pages that hold while orders are added', async () => {
    await fresh();
    for (let index = 1; index <= 5; index++) {
      await mesh.orders.placeOrder(limit(at, alice, `buy 1 at ${index}`));
    }
    const prices = (orders: readonly { price: string }[]) => orders.map(({ price }) => price);
    const first = await mesh.orders.listOrders({ accountId: alice, pageSize: 2 });
    await mesh.orders.placeOrder(limit(at, alice, 'buy 1 at 9'));
    const { nextPageToken } = first;
    const second = await mesh.orders.listOrders({
      accountId: alice,
      pageSize: 10,
      pageToken: nextPageToken,
    });
    expect(prices([...first.orders, ...second.orders])).toEqual(['5', '4', '3', '2', '1']);
    expect(second.nextPageToken).toBe('');
    const foreign = { accountId: bob, pageToken: nextPageToken };
    expect((await failureOf(mesh.orders.listOrders(foreign))).reason).toBe('PAGE_TOKEN_INVALID');
  });

  test('a preview tells hold, worst price and fills, and changes nothing', async () => {
    await fresh();
    await mesh.orders.placeOrder(limit(at, bob, 'sell 1 at 100'));
    const order = limit(at, alice, 'buy 2 at 101');
    const preview = await mesh.orders.previewOrder({ order });
    expect(preview).toMatchObject({
      rejectReason: RejectReason.UNSPECIFIED,
      holdAmount: '202.0404',
      holdAssetId: at.quoteAssetId,
      worstPrice: '101',
      expectedQuantity: '1',
      expectedNotional: '100',
      expectedFee: '0.02',
    });
    const poor = { order: limit(at, alice, 'buy 20000 at 100') };
    expect(await mesh.orders.previewOrder(poor)).toMatchObject({
      rejectReason: RejectReason.INSUFFICIENT_FUNDS,
    });
    expect((await mesh.orders.listOrders({ accountId: alice })).orders).toEqual([]);
    expect((await mesh.orders.placeOrder(order)).duplicate).toBe(false);
  });
});
