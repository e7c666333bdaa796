// Orders that wait outside the book, through the whole mesh (TYP-3, TYP-4).

import { describe, expect, test } from '@jest/globals';
import {
  CancelReason,
  OrderStatus,
  OrderType,
  RejectReason,
  Side,
} from '../../../gen/bourse/type/v1/order_pb.ts';
import { failureOf } from '../../contract/order/service-under-test.ts';
import { FreshMarket } from './fresh-market.ts';
import { mesh } from './shared-mesh.ts';

describe('orders that wait', () => {
  test('TYP-3 HLD-5 a stop holds its worst price, is triggered by a print, and trades', async () => {
    const at = await FreshMarket.open();
    await at.print('100');
    const { order } = await at.place(at.alice, 'buy 2 at ', {
      type: OrderType.STOP,
      stopPrice: '110',
    });
    expect(order).toMatchObject({
      status: OrderStatus.UNTRIGGERED,
      stopPrice: '110',
      price: '121',
      remainingQuantity: '2',
    });
    // 2 × 121 and the fee of a taker.
    expect(await at.held(at.alice)).toEqual(['0', '242.0484']);
    await at.place(at.bob, 'sell 5 at 112');
    await at.print('110');
    const done = await at.until(at.alice, order, ({ status }) => status === OrderStatus.FILLED);
    expect(done).toMatchObject({ filledNotional: '224', averagePrice: '112' });
    expect(await at.held(at.alice)).toEqual(['0', '0']);
  });

  test('TYP-3 a condition that already holds triggers at once, in the same command', async () => {
    const at = await FreshMarket.open();
    await at.print('100');
    await at.place(at.bob, 'buy 1 at 99');
    const more = { type: OrderType.STOP_LIMIT, stopPrice: '105' };
    const { order, fills } = await at.place(at.alice, 'sell 2 at 99', more);
    expect(order).toMatchObject({ status: OrderStatus.PARTIALLY_FILLED, filledQuantity: '1' });
    expect(fills).toHaveLength(1);
    expect(await at.held(at.alice)).toEqual(['1', '0']);
  });

  test('TYP-3 what finds nothing to trade after its trigger is canceled, and holds nothing', async () => {
    const at = await FreshMarket.open();
    await at.print('100');
    const take = { type: OrderType.TAKE_PROFIT, stopPrice: '90' };
    const { order } = await at.place(at.alice, 'buy 1 at ', take);
    expect(order?.status).toBe(OrderStatus.UNTRIGGERED);
    await at.print('90');
    const done = await at.until(at.alice, order, ({ status }) => status === OrderStatus.CANCELED);
    expect(done.cancelReason).toBe(CancelReason.NO_LIQUIDITY);
    expect(await at.held(at.alice)).toEqual(['0', '0']);
  });

  test('TYP-4 a trailing stop begins at its distance from the last price and follows it', async () => {
    const at = await FreshMarket.open();
    const trailing = { case: 'trailingOffset', value: '5' } as const;
    const wish = { type: OrderType.TRAILING_STOP, trailing };
    const early = await at.place(at.alice, 'sell 1 at ', wish);
    expect(early.order).toMatchObject({
      status: OrderStatus.REJECTED,
      rejectReason: RejectReason.NO_REFERENCE_PRICE,
    });
    await at.print('100');
    const { order } = await at.place(at.alice, 'sell 1 at ', wish);
    expect(order).toMatchObject({ status: OrderStatus.UNTRIGGERED, stopPrice: '95', trailing });
    await at.print('110');
    await at.place(at.bob, 'buy 1 at 104');
    await at.print('105');
    const done = await at.until(at.alice, order, ({ status }) => status === OrderStatus.FILLED);
    expect(done).toMatchObject({ averagePrice: '104', stopPrice: '105' });
  });

  test('AMD-1 HLD-6 a waiting order is amended: its worst price follows its stop price', async () => {
    const at = await FreshMarket.open();
    await at.print('100');
    const stop = { type: OrderType.STOP, stopPrice: '110' };
    const { order } = await at.place(at.alice, 'buy 1 at ', stop);
    const ref = at.ref(order);
    const amended = await mesh.orders.amendOrder({
      accountId: at.alice,
      order: ref,
      stopPrice: '120',
    });
    expect(amended.order).toMatchObject({ stopPrice: '120', price: '132', version: 2n });
    expect(await at.held(at.alice)).toEqual(['0', '132.0264']);
    const trigger = await mesh.orders.amendOrder({
      accountId: at.alice,
      order: ref,
      stopPrice: '99',
    });
    expect(trigger.order).toMatchObject({
      status: OrderStatus.CANCELED,
      cancelReason: CancelReason.NO_LIQUIDITY,
    });
    expect(await at.held(at.alice)).toEqual(['0', '0']);
  });

  test('CXL-1 a waiting order is canceled by name and by a mass cancel', async () => {
    const at = await FreshMarket.open();
    await at.print('100');
    const stop = { type: OrderType.STOP, stopPrice: '110' };
    const { order } = await at.place(at.alice, 'buy 1 at ', stop);
    const canceled = await mesh.orders.cancelOrder({ accountId: at.alice, order: at.ref(order) });
    expect(canceled.order?.status).toBe(OrderStatus.CANCELED);
    await at.place(at.alice, 'buy 1 at ', stop);
    const { canceledCount } = await mesh.orders.cancelAllOrders({ accountId: at.alice });
    expect(canceledCount).toBe(1);
    expect(await at.held(at.alice)).toEqual(['0', '0']);
  });

  test('TYP-3 fields that do not belong to a type are refused, and nothing is held', async () => {
    const at = await FreshMarket.open();
    const cases = [
      [{ type: OrderType.STOP }, 'FIELD_REQUIRED'],
      [{ type: OrderType.LIMIT, price: '1', stopPrice: '1' }, 'FIELDS_CONFLICT'],
      [{ type: OrderType.STOP, stopPrice: '1.001' }, 'PRICE_OFF_TICK'],
      [{ type: OrderType.TRAILING_STOP }, 'FIELD_REQUIRED'],
      [{ type: OrderType.STOP_LIMIT, stopPrice: '1' }, 'FIELD_REQUIRED'],
    ] as const;
    for (const [more, reason] of cases) {
      const request = at.limit(at.alice, 'buy 1 at ', more);
      expect((await failureOf(mesh.orders.placeOrder(request))).reason).toBe(reason);
    }
    expect(await at.held(at.alice)).toEqual(['0', '0']);
  });

  test('a preview tells what a stop would hold, and that it trades nothing at once', async () => {
    const at = await FreshMarket.open();
    await at.place(at.bob, 'sell 1 at 100');
    const order = at.limit(at.alice, 'buy 1 at ', { type: OrderType.STOP, stopPrice: '110' });
    const preview = await mesh.orders.previewOrder({ order: { ...order, side: Side.BUY } });
    expect(preview).toMatchObject({
      rejectReason: RejectReason.UNSPECIFIED,
      worstPrice: '121',
      holdAmount: '121.0242',
      expectedQuantity: '0',
    });
  });
});
