// Execution reports of orders that wait, of groups and of expiries: their types, statuses and
// quantities follow the FIX order-state matrices, and none is missing (CON-3).

import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from '@jest/globals';
import type { ExecutionReport } from '../../../gen/bourse/order/v1/order_pb.ts';
import {
  CancelReason,
  ExecutionType,
  ExecutionTypeSchema,
  OrderStatus,
  OrderStatusSchema,
  OrderType,
  TimeInForce,
} from '../../../gen/bourse/type/v1/order_pb.ts';
import { FreshMarket } from './fresh-market.ts';
import { listen } from './listen.ts';
import { mesh } from './shared-mesh.ts';

const { NEW, TRIGGERED, TRADE, CANCELED, EXPIRED } = ExecutionType;

/** A word for each report: what happened to which order, and how it stands. */
function told(reports: readonly ExecutionReport[], names: ReadonlyMap<string, string>): string[] {
  return reports.map(({ executionType, order }) => {
    const name = names.get(order?.orderId ?? '') ?? order?.orderId;
    const type = ExecutionTypeSchema.value[executionType]?.localName;
    return `${name} ${type} ${OrderStatusSchema.value[order?.status ?? 0]?.localName}`;
  });
}

/** What is filled and open makes up the order until it ends with something open. */
function expectQuantities(reports: readonly ExecutionReport[]): void {
  for (const { executionType, order } of reports) {
    const [filled, open] = [Number(order?.filledQuantity), Number(order?.remainingQuantity)];
    const total = Number(order?.orderQuantity.value);
    const isCut = executionType === CANCELED || executionType === EXPIRED;
    if (isCut) expect(open).toBe(0);
    else expect(filled + open).toBe(total);
  }
}

/** Each names the account's report before it in the instrument. */
function expectGapFree(reports: readonly ExecutionReport[]): void {
  for (const [index, { previousSequence, sequence }] of reports.entries()) {
    if (index === 0) continue;
    expect(previousSequence).toBe(reports[index - 1]?.sequence);
    expect(sequence).toBeGreaterThanOrEqual(previousSequence);
  }
}

describe('reports', () => {
  test('CON-3 TYP-3 a stop is new, triggered, and then trades', async () => {
    const at = await FreshMarket.open();
    await at.print('100');
    const stream = listen(at.alice);
    await stream.untilSnapshot();
    const { order } = await at.place(at.alice, 'buy 2 at ', {
      type: OrderType.STOP,
      stopPrice: '110',
    });
    await at.place(at.bob, 'sell 1 at 111');
    await at.place(at.bob, 'sell 1 at 112');
    await at.print('110');
    const reports = await stream.untilReports(4);
    expect(reports.map(({ executionType }) => executionType)).toEqual([
      NEW,
      TRIGGERED,
      TRADE,
      TRADE,
    ]);
    expect(reports[1]?.order).toMatchObject({
      orderId: order?.orderId,
      status: OrderStatus.ACTIVE,
      stopPrice: '110',
    });
    expect(reports.map(({ causeClientId }) => causeClientId)).toEqual([
      order?.clientOrderId,
      '',
      '',
      '',
    ]);
    expectQuantities(reports);
    expectGapFree(reports);
  });

  test('CON-3 TYP-7 a bracket: the exits are new when the entry has traded, one ends the other', async () => {
    const at = await FreshMarket.open();
    await at.print('100');
    const stream = listen(at.alice);
    await stream.untilSnapshot();
    const exit = (type: OrderType, price: string) => ({ type, price, stopPrice: price });
    const { accountId, instrumentId, ...entry } = at.limit(at.alice, 'buy 1 at 99');
    const { group } = await mesh.orders.placeOrderGroup({
      accountId: at.alice,
      instrumentId: at.market.instrumentId,
      group: {
        case: 'bracket',
        value: {
          entry,
          takeProfit: exit(OrderType.TAKE_PROFIT_LIMIT, '120'),
          stop: exit(OrderType.STOP_LIMIT, '95'),
        },
      },
    });
    const names = new Map(
      group?.orders.map(({ orderId }, leg) => [orderId, ['entry', 'profit', 'stop'][leg] ?? '']),
    );
    await at.place(at.bob, 'sell 1 at 99');
    await at.print('120');
    await at.place(at.bob, 'buy 1 at 120');
    const reports = await stream.untilReports(7);
    expect(told(reports, names)).toEqual([
      'entry NEW ACTIVE',
      'entry TRADE FILLED',
      'profit NEW UNTRIGGERED',
      'stop NEW UNTRIGGERED',
      'profit TRIGGERED ACTIVE',
      'stop CANCELED CANCELED',
      'profit TRADE FILLED',
    ]);
    expect(reports[5]?.order?.cancelReason).toBe(CancelReason.OCO);
    expect(reports[0]?.causeClientId).toBe(entry.clientOrderId);
    expectQuantities(reports);
    expectGapFree(reports);
  });

  test('CON-3 TYP-7 exits that never appear end with their entry, in its sequence', async () => {
    const at = await FreshMarket.open();
    const stream = listen(at.alice);
    await stream.untilSnapshot();
    const exit = (type: OrderType, price: string) => ({ type, price, stopPrice: price });
    const { accountId, instrumentId, ...entry } = at.limit(at.alice, 'buy 1 at 99');
    const { group } = await mesh.orders.placeOrderGroup({
      accountId: at.alice,
      instrumentId: at.market.instrumentId,
      group: {
        case: 'bracket',
        value: {
          entry,
          takeProfit: exit(OrderType.TAKE_PROFIT_LIMIT, '120'),
          stop: exit(OrderType.STOP_LIMIT, '95'),
        },
      },
    });
    const order = at.ref(group?.orders[0]);
    await mesh.orders.cancelOrder({ accountId: at.alice, order });
    const reports = await stream.untilReports(4);
    const ends = reports.slice(1);
    expect(ends.map(({ executionType }) => executionType)).toEqual([CANCELED, CANCELED, CANCELED]);
    expect(new Set(ends.map(({ sequence }) => sequence)).size).toBe(1);
    expect(new Set(ends.map(({ executionId }) => executionId)).size).toBe(3);
    expectGapFree(reports);
  });

  test('CON-3 TIF-4 what expires is EXPIRED, and keeps what it has traded', async () => {
    const at = await FreshMarket.open();
    const stream = listen(at.alice);
    await stream.untilSnapshot();
    const expireTime = timestampFromMs(Date.now() + 1_200);
    await at.place(at.alice, 'buy 2 at 100', { timeInForce: TimeInForce.GTD, expireTime });
    await at.place(at.bob, 'sell 1 at 100');
    const reports = await stream.untilReports(3);
    expect(reports.map(({ executionType }) => executionType)).toEqual([NEW, TRADE, EXPIRED]);
    expect(reports[2]).toMatchObject({
      causeClientId: '',
      order: { status: OrderStatus.EXPIRED, filledQuantity: '1', remainingQuantity: '0' },
    });
    expectQuantities(reports);
    expectGapFree(reports);
  });
});
