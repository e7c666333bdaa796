// How long orders last and how much of them is seen, uncrosses and the dead man's switch, through
// the whole mesh (TYP-5, TYP-8, TIF-4, STA-2, CXL-2, STP-1).

import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from '@jest/globals';
import {
  SessionScheduleSchema,
  type Weekday,
} from '../../../gen/bourse/reference/v1/reference_pb.ts';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import {
  CancelReason,
  Liquidity,
  OrderStatus,
  OrderType,
  RejectReason,
  TimeInForce,
} from '../../../gen/bourse/type/v1/order_pb.ts';
import { failureOf } from '../../contract/order/service-under-test.ts';
import { waitUntil } from '../../support/wait.ts';
import { FreshMarket } from './fresh-market.ts';
import { mesh } from './shared-mesh.ts';

/** The end of a day and the beginning of the next, on neither today nor tomorrow. */
function sessionsOfAnotherDay() {
  // Weekdays are counted from Monday, 1, to Sunday, 7.
  const weekday = (((new Date().getUTCDay() + 2) % 7) + 1) as Weekday;
  const changes = [
    { secondOfDay: 1, state: InstrumentState.CLOSED },
    { secondOfDay: 2, state: InstrumentState.CONTINUOUS },
  ];
  return create(SessionScheduleSchema, { weekly: [{ weekdays: [weekday], changes }] });
}

describe('orders of which not all is seen or wanted', () => {
  test('TYP-5 an iceberg shows a part at a time, and a sweep meets all of it', async () => {
    const at = await FreshMarket.open();
    const { order } = await at.place(at.alice, 'sell 5 at 100', { displayQuantity: '2' });
    expect(order).toMatchObject({ displayQuantity: '2', remainingQuantity: '5' });
    const { instrumentId } = at.market;
    await waitUntil(
      async () => {
        const { asks } = await mesh.marketData.getOrderBook({ instrumentId });
        expect(asks).toMatchObject([{ price: '100', quantity: '2' }]);
        return true;
      },
      { what: 'the book to show a part' },
    );
    const { fills } = await at.place(at.bob, 'buy 5 at 100');
    const traded = fills.reduce((sum, { quantity }) => sum + Number(quantity), 0);
    expect(traded).toBe(5);
    expect(await at.held(at.alice)).toEqual(['0', '0']);
  });

  test('TYP-5 less than a hundredth cannot be shown', async () => {
    const at = await FreshMarket.open();
    const { order } = await at.place(at.alice, 'sell 5 at 100', { displayQuantity: '0.049' });
    expect(order).toMatchObject({
      status: OrderStatus.REJECTED,
      rejectReason: RejectReason.DISPLAY_QUANTITY_TOO_SMALL,
    });
  });

  test('TYP-8 less than the minimum quantity is canceled without a trade', async () => {
    const at = await FreshMarket.open();
    await at.place(at.bob, 'sell 1 at 100');
    const { order, fills } = await at.place(at.alice, 'buy 3 at 100', { minimumQuantity: '2' });
    expect(order).toMatchObject({
      status: OrderStatus.CANCELED,
      cancelReason: CancelReason.MINIMUM_QUANTITY,
    });
    expect(fills).toEqual([]);
    const enough = await at.place(at.alice, 'buy 3 at 100', { minimumQuantity: '1' });
    expect(enough.order).toMatchObject({ filledQuantity: '1', minimumQuantity: '1' });
  });
});

describe('orders with an end', () => {
  test('TIF-4 a GTD order expires at its time, is EXPIRED, and holds nothing', async () => {
    const at = await FreshMarket.open();
    const expireTime = timestampFromMs(Date.now() + 1_500);
    const timed = { timeInForce: TimeInForce.GTD, expireTime };
    const { order } = await at.place(at.alice, 'buy 1 at 100', timed);
    expect(order).toMatchObject({ status: OrderStatus.ACTIVE, expireTime });
    expect(await at.held(at.alice)).toEqual(['0', '100.02']);
    await at.until(at.alice, order, ({ status }) => status === OrderStatus.EXPIRED);
    expect(await at.held(at.alice)).toEqual(['0', '0']);
    const late = await at.place(at.alice, 'buy 1 at 100', timed);
    expect(late.order?.rejectReason).toBe(RejectReason.TOO_LATE);
  });

  test('TIF-5 an order for the day needs sessions', async () => {
    const at = await FreshMarket.open();
    const { order } = await at.place(at.alice, 'buy 1 at 100', { timeInForce: TimeInForce.DAY });
    expect(order?.rejectReason).toBe(RejectReason.NO_SESSIONS);
  });

  test('TIF-5 an order for the day expires when its instrument is closed', async () => {
    const at = await FreshMarket.open({ sessions: sessionsOfAnotherDay() });
    const day = { timeInForce: TimeInForce.DAY };
    const { order } = await at.place(at.alice, 'buy 1 at 100', day);
    expect(order).toMatchObject({
      status: OrderStatus.ACTIVE,
      rejectReason: RejectReason.UNSPECIFIED,
    });
    const stays = await at.place(at.alice, 'buy 1 at 99');
    const waits = await at.place(at.alice, 'buy 1 at ', {
      ...day,
      type: OrderType.STOP,
      stopPrice: '110',
    });
    const { instrumentId } = at.market;
    const state = InstrumentState.CLOSED;
    await mesh.referenceAdmin.setInstrumentState({ instrumentId, state, comment: 'end of day' });
    for (const one of [order, waits.order]) {
      await at.until(at.alice, one, ({ status }) => status === OrderStatus.EXPIRED);
    }
    expect((await at.get(at.alice, stays.order))?.status).toBe(OrderStatus.ACTIVE);
    expect(await at.held(at.alice)).toEqual(['0', '99.0198']);
    const late = await at.place(at.alice, 'buy 1 at 99');
    expect(late.order?.rejectReason).toBe(RejectReason.INSTRUMENT_STATE);
  });
});

describe('an uncross', () => {
  test('STA-2 SET-2 trades what is crossed at one price and at the rate of auctions', async () => {
    const at = await FreshMarket.open({ auctionFeeBps: '5', state: InstrumentState.PRE_OPEN });
    const buy = await at.place(at.alice, 'buy 2 at 110');
    const sell = await at.place(at.bob, 'sell 2 at 90');
    expect([buy.order?.status, sell.order?.status]).toEqual([
      OrderStatus.ACTIVE,
      OrderStatus.ACTIVE,
    ]);
    // The dearest rate counts: 2 × 110 and 5 basis points.
    expect(await at.held(at.alice)).toEqual(['0', '220.11']);
    const { instrumentId } = at.market;
    const state = InstrumentState.CONTINUOUS;
    await mesh.referenceAdmin.setInstrumentState({ instrumentId, state, comment: 'open' });
    await at.until(at.alice, buy.order, ({ status }) => status === OrderStatus.FILLED);
    const { fills } = await mesh.orders.listFills({ accountId: at.alice });
    expect(fills).toMatchObject([{ liquidity: Liquidity.AUCTION, quantity: '2' }]);
    const [{ price = '0', fee = '0' } = {}] = fills;
    expect(Number(fee)).toBeCloseTo(2 * Number(price) * 0.0005, 8);
    expect(await at.held(at.alice)).toEqual(['0', '0']);
    expect(await at.held(at.bob)).toEqual(['0', '0']);
  });
});

describe('a price band', () => {
  test('BND-1 declines what would pay too much, on entry and on an amend', async () => {
    const at = await FreshMarket.open({ referencePrice: '100', staticBandBps: 1_000 });
    const high = await at.place(at.alice, 'buy 1 at 111');
    expect(high.order).toMatchObject({
      status: OrderStatus.REJECTED,
      rejectReason: RejectReason.PRICE_BAND,
    });
    const { order } = await at.place(at.alice, 'buy 1 at 110');
    const amend = { accountId: at.alice, order: at.ref(order), price: '110.01' };
    expect((await failureOf(mesh.orders.amendOrder(amend))).reason).toBe('PRICE_BAND');
    expect(await at.get(at.alice, order)).toEqual(order);
    expect(await at.held(at.alice)).toEqual(['0', '110.022']);
  });
});

describe('amends of what lasts', () => {
  test('AMD-2 TIF-4 TYP-5 are refused for their own reasons, and change nothing', async () => {
    const at = await FreshMarket.open();
    const expireTime = timestampFromMs(Date.now() + 3_600_000);
    const { order } = await at.place(at.alice, 'buy 5 at 100', {
      timeInForce: TimeInForce.GTD,
      expireTime,
      displayQuantity: '1',
    });
    const named = { accountId: at.alice, order: at.ref(order) };
    const cases = [
      [{ expireTime: timestampFromMs(Date.now() - 1_000) }, 'TOO_LATE'],
      [{ displayQuantity: '0.04' }, 'DISPLAY_QUANTITY_TOO_SMALL'],
      [{ displayQuantity: '5' }, 'FIELDS_CONFLICT'],
      [{ stopPrice: '99' }, 'FIELDS_CONFLICT'],
    ] as const;
    for (const [change, reason] of cases) {
      const failure = await failureOf(mesh.orders.amendOrder({ ...named, ...change }));
      expect([change, failure.reason]).toEqual([change, reason]);
    }
    expect(await at.get(at.alice, order)).toEqual(order);
    const later = timestampFromMs(Date.now() + 7_200_000);
    const change = { expireTime: later, displayQuantity: '0.5' };
    const amended = await mesh.orders.amendOrder({ ...named, ...change });
    expect(amended).toMatchObject({ placeKept: true, order: { ...change, version: 2n } });
  });
});

describe('owners', () => {
  test('STP-1 accounts of one self-trade group do not trade with each other', async () => {
    const at = await FreshMarket.open();
    for (const accountId of [at.alice, at.bob]) {
      const { account } = await mesh.accountAdmin.setAccountLimits({
        accountId,
        selfTradeGroup: 77,
      });
      expect(account?.selfTradeGroup).toBe(77);
    }
    await at.place(at.bob, 'sell 1 at 100');
    const { order, fills } = await at.place(at.alice, 'buy 1 at 100');
    expect(order).toMatchObject({
      status: OrderStatus.CANCELED,
      cancelReason: CancelReason.SELF_TRADE,
    });
    expect(fills).toEqual([]);
    await mesh.accountAdmin.setAccountLimits({ accountId: at.alice, selfTradeGroup: 0 });
    expect((await at.place(at.alice, 'buy 1 at 100')).fills).toHaveLength(1);
  });
});

describe('the dead man’s switch', () => {
  test('CXL-2 cancels everything when it is not renewed, and only then', async () => {
    const at = await FreshMarket.open();
    await at.print('100');
    const accountId = at.alice;
    const limit = await at.place(accountId, 'buy 1 at 90');
    const stop = await at.place(accountId, 'buy 1 at ', {
      type: OrderType.STOP,
      stopPrice: '110',
    });
    const timeout = { seconds: 2n, nanos: 0 };
    const set = await mesh.orders.cancelAllAfter({ accountId, timeout });
    const renewed = await mesh.orders.cancelAllAfter({ accountId, timeout });
    expect(renewed.cancelTime?.seconds).toBeGreaterThanOrEqual(set.cancelTime?.seconds ?? 0n);
    const { account } = await mesh.accounts.getAccount({ accountId });
    expect(account?.cancelTime).toEqual(renewed.cancelTime);
    for (const { order } of [limit, stop]) {
      const ended = await at.until(accountId, order, ({ status }) => {
        return status === OrderStatus.CANCELED;
      });
      expect(ended.cancelReason).toBe(CancelReason.DEAD_MAN_SWITCH);
      const due = Number(renewed.cancelTime?.seconds) + (renewed.cancelTime?.nanos ?? 0) / 1e9;
      expect(Number(ended.updateTime?.seconds) + 1).toBeGreaterThanOrEqual(due);
    }
    expect(await at.held(accountId)).toEqual(['0', '0']);
    // It went off once: what comes later stays.
    const later = await at.place(accountId, 'buy 1 at 90');
    expect(later.order?.status).toBe(OrderStatus.ACTIVE);
    const shown = await mesh.accounts.getAccount({ accountId });
    expect(shown.account?.cancelTime).toBeUndefined();
  });

  test('CXL-2 is switched off by 0; its time has bounds, and its repeats do not renew it', async () => {
    const at = await FreshMarket.open();
    const accountId = at.alice;
    const clientRequestId = `switch-${accountId}`;
    const timeout = { seconds: 3600n, nanos: 0 };
    const first = await mesh.orders.cancelAllAfter({ accountId, timeout, clientRequestId });
    const again = await mesh.orders.cancelAllAfter({ accountId, timeout, clientRequestId });
    expect(again).toMatchObject({ cancelTime: first.cancelTime, duplicate: true });
    const other = { accountId, timeout: { seconds: 60n, nanos: 0 }, clientRequestId };
    expect((await failureOf(mesh.orders.cancelAllAfter(other))).reason).toBe(
      'CLIENT_REQUEST_ID_ALREADY_EXISTS',
    );
    const off = await mesh.orders.cancelAllAfter({ accountId, timeout: {} });
    expect(off.cancelTime).toBeUndefined();
    for (const bad of [{ nanos: 5 }, { seconds: 86_401n }, { seconds: -1n }]) {
      const failure = await failureOf(mesh.orders.cancelAllAfter({ accountId, timeout: bad }));
      expect(failure.reason).toBe('NUMBER_OUT_OF_RANGE');
    }
    expect((await failureOf(mesh.orders.cancelAllAfter({ accountId }))).reason).toBe(
      'FIELD_REQUIRED',
    );
  });
});
