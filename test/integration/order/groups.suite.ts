// Groups of orders through the whole mesh (TYP-7, HLD-6): money always covered, nothing held at the
// end.

import { describe, expect, test } from '@jest/globals';
import {
  CancelReason,
  GroupType,
  OrderStatus,
  OrderType,
  RejectReason,
  Side,
} from '../../../gen/bourse/type/v1/order_pb.ts';
import { failureOf } from '../../contract/order/service-under-test.ts';
import { openSubmitStream } from '../../support/submit-stream.ts';
import { FreshMarket } from './fresh-market.ts';
import { mesh } from './shared-mesh.ts';

const { UNTRIGGERED, ACTIVE, FILLED, CANCELED, PENDING, REJECTED } = OrderStatus;

function stopLimit(price: string) {
  return { type: OrderType.STOP_LIMIT, stopPrice: price };
}

/** An order as it stands in a group, which has the account and the instrument. */
function groupOrder(at: FreshMarket, text: string, more = {}) {
  const { accountId, instrumentId, ...order } = at.limit('', text, more);
  return order;
}

/** A group request: the account stands in the group, not in its orders. */
function oco(at: FreshMarket, first: string, second: string, stop: string) {
  const { instrumentId } = at.market;
  const one = groupOrder(at, first);
  const other = groupOrder(at, second, stopLimit(stop));
  return {
    accountId: at.alice,
    instrumentId,
    group: { case: 'oco' as const, value: { first: one, second: other } },
  };
}

let count = 0;

/** Exits by their limits; each is triggered at its limit. */
function bracket(at: FreshMarket, entry: string, profit: string, loss: string) {
  const { instrumentId } = at.market;
  count += 1;
  const exit = (type: OrderType, price: string, name: string) => ({
    clientOrderId: `${name}-${count}`,
    type,
    price,
    stopPrice: price,
  });
  const value = {
    entry: groupOrder(at, entry),
    takeProfit: exit(OrderType.TAKE_PROFIT_LIMIT, profit, 'profit'),
    stop: exit(OrderType.STOP_LIMIT, loss, 'loss'),
  };
  return { accountId: at.alice, instrumentId, group: { case: 'bracket' as const, value } };
}

const statuses = (group: { orders: { status: OrderStatus }[] } | undefined) =>
  group?.orders.map(({ status }) => status);

async function noHolds(at: FreshMarket): Promise<void> {
  expect(await at.held(at.alice)).toEqual(['0', '0']);
  expect((await mesh.accounts.listHolds({ accountId: at.alice })).holds).toEqual([]);
}

describe('an OCO', () => {
  test('HLD-6 holds its dearer order, and a fill of one ends the other', async () => {
    const at = await FreshMarket.open();
    await at.print('100');
    const request = oco(at, 'buy 2 at 90', 'buy 2 at 110', '110');
    const { group, duplicate } = await mesh.orders.placeOrderGroup(request);
    expect(duplicate).toBe(false);
    expect(statuses(group)).toEqual([ACTIVE, UNTRIGGERED]);
    expect(group?.type).toBe(GroupType.OCO);
    expect(group?.orders.map(({ groupId }) => groupId)).toEqual([group?.groupId, group?.groupId]);
    expect(await at.held(at.alice)).toEqual(['0', '220.044']);
    const { holds } = await mesh.accounts.listHolds({ accountId: at.alice });
    expect(holds).toMatchObject([{ groupId: group?.groupId, amount: '220.044', orderId: '' }]);

    const repeat = await mesh.orders.placeOrderGroup(request);
    expect(repeat).toMatchObject({ duplicate: true, group: { groupId: group?.groupId } });

    await at.place(at.bob, 'sell 1 at 90');
    const [limit, stop] = group?.orders ?? [];
    const ended = await at.until(at.alice, stop, ({ status }) => status === CANCELED);
    expect(ended.cancelReason).toBe(CancelReason.OCO);
    // One of two at 90 is left, its fee with it.
    expect(await at.held(at.alice)).toEqual(['0', '90.018']);
    await mesh.orders.cancelOrder({ accountId: at.alice, order: at.ref(limit) });
    await noHolds(at);
  });

  test('TYP-7 a trigger of one ends the other; a cancel of one, too', async () => {
    const at = await FreshMarket.open();
    await at.print('100');
    const first = await mesh.orders.placeOrderGroup(oco(at, 'buy 1 at 90', 'buy 1 at 110', '105'));
    await at.place(at.bob, 'sell 1 at 106');
    await at.print('105');
    await at.until(at.alice, first.group?.orders[1], ({ status }) => status === FILLED);
    const limit = await at.get(at.alice, first.group?.orders[0]);
    expect(limit).toMatchObject({ status: CANCELED, cancelReason: CancelReason.OCO });

    const second = await mesh.orders.placeOrderGroup(oco(at, 'buy 1 at 90', 'buy 1 at 120', '120'));
    const order = at.ref(second.group?.orders[1]);
    await mesh.orders.cancelOrder({ accountId: at.alice, order });
    const other = await at.get(at.alice, second.group?.orders[0]);
    expect(other).toMatchObject({ status: CANCELED, cancelReason: CancelReason.OCO });
    await noHolds(at);
  });

  test('TYP-7 both or neither: without money, or with an order that the book declines', async () => {
    const at = await FreshMarket.open({}, { quote: '100' });
    const request = oco(at, 'buy 1 at 90', 'buy 1 at 110', '110');
    const { group } = await mesh.orders.placeOrderGroup(request);
    expect(statuses(group)).toEqual([REJECTED, REJECTED]);
    expect(group?.orders.map(({ rejectReason }) => rejectReason)).toEqual([
      RejectReason.INSUFFICIENT_FUNDS,
      RejectReason.INSUFFICIENT_FUNDS,
    ]);
    await at.place(at.bob, 'sell 1 at 80');
    const taking = oco(at, 'buy 1 at 90', 'buy 0.5 at 95', '95');
    Object.assign(taking.group.value.first, { postOnly: true });
    const declined = await mesh.orders.placeOrderGroup(taking);
    expect(declined.group?.orders.map(({ rejectReason }) => rejectReason)).toEqual([
      RejectReason.POST_ONLY_WOULD_TAKE,
      RejectReason.GROUP_REJECTED,
    ]);
    await noHolds(at);
  });

  test('its form is checked as one: sides, types and ids', async () => {
    const at = await FreshMarket.open();
    const other = { ...oco(at, 'buy 1 at 90', 'sell 1 at 110', '110') };
    expect((await failureOf(mesh.orders.placeOrderGroup(other))).reason).toBe('FIELDS_CONFLICT');
    const absent = { ...other, group: { case: 'oco' as const, value: {} } };
    expect((await failureOf(mesh.orders.placeOrderGroup(absent))).reason).toBe('FIELD_REQUIRED');
    const nothing = { accountId: at.alice, instrumentId: at.market.instrumentId };
    expect((await failureOf(mesh.orders.placeOrderGroup(nothing))).reason).toBe('FIELD_REQUIRED');
  });
});

describe('a batch', () => {
  test('MOV-9 TYP-7 takes groups and their cancels in the order given', async () => {
    const at = await FreshMarket.open();
    await at.print('100');
    const { group, ...named } = oco(at, 'buy 1 at 90', 'buy 1 at 110', '110');
    const stream = openSubmitStream(mesh);
    const placed = await stream.submit([
      { request: { case: 'placeOrder', value: at.limit(at.bob, 'sell 1 at 90') } },
      { request: { case: 'placeOrderGroup', value: { ...named, group } } },
    ]);
    const [, second] = placed.results.map(({ result }) => result);
    if (second?.case !== 'placeOrderGroup') throw new Error(`it is ${second?.case}`);
    // The sell stood before it, so its first order trades on arrival and ends the other.
    expect(statuses(second.value.group)).toEqual([FILLED, CANCELED]);
    expect(second.value.fills).toHaveLength(1);
    const groupId = second.value.group?.groupId ?? '';
    const canceled = await stream.submit([
      { request: { case: 'cancelOrderGroup', value: { ...named, groupId } } },
    ]);
    expect(canceled.results[0]?.result).toMatchObject({
      case: 'cancelOrderGroup',
      value: { alreadyFinal: true },
    });
    await stream.close();
    await noHolds(at);
  });
});

describe('a bracket', () => {
  test('HLD-6 that buys first: what it buys is held for its exits, and one of them sells it', async () => {
    const at = await FreshMarket.open({}, { base: '1' });
    await at.print('100');
    const request = bracket(at, 'buy 2 at 100', '120', '90');
    const { group } = await mesh.orders.placeOrderGroup(request);
    expect(statuses(group)).toEqual([ACTIVE, PENDING, PENDING]);
    expect(await at.held(at.alice)).toEqual(['0', '200.04']);
    const [entry, profit, loss] = group?.orders ?? [];
    await at.place(at.bob, 'sell 1 at 100');
    await at.until(at.alice, entry, ({ filledQuantity }) => filledQuantity === '1');
    expect(await at.held(at.alice)).toEqual(['1', '100.02']);
    const sell = at.limit(at.alice, 'sell 1.5 at 100');
    const short = await mesh.orders.placeOrder(sell);
    expect(short.order?.rejectReason).toBe(RejectReason.INSUFFICIENT_FUNDS);

    await at.place(at.bob, 'sell 1 at 100');
    await at.until(at.alice, profit, ({ status }) => status === UNTRIGGERED);
    expect(await at.held(at.alice)).toEqual(['2', '0']);
    await at.print('120');
    await at.place(at.bob, 'buy 2 at 120');
    const done = await at.until(at.alice, profit, ({ status }) => status === FILLED);
    expect(done).toMatchObject({ averagePrice: '120', side: Side.SELL });
    expect(await at.get(at.alice, loss)).toMatchObject({
      status: CANCELED,
      cancelReason: CancelReason.OCO,
    });
    await noHolds(at);
  });

  test('HLD-6 that sells first holds what its dearest exit costs beyond the proceeds', async () => {
    const at = await FreshMarket.open({}, { base: '2', quote: '41' });
    await at.print('100');
    const { group } = await mesh.orders.placeOrderGroup(bracket(at, 'sell 2 at 100', '80', '120'));
    // 2 × (120 − 100), the fees of a taker on both, and two of the smallest units.
    expect(await at.held(at.alice)).toEqual(['2', '40.08800002']);
    const [entry, profit, loss] = group?.orders ?? [];
    await at.place(at.bob, 'buy 1 at 100');
    await at.until(at.alice, entry, ({ filledQuantity }) => filledQuantity === '1');
    await mesh.orders.cancelOrder({ accountId: at.alice, order: at.ref(entry) });
    const waits = await at.until(at.alice, loss, ({ status }) => status === UNTRIGGERED);
    expect(waits.remainingQuantity).toBe('1');
    await at.place(at.bob, 'sell 1 at 120');
    await at.print('120');
    await at.until(at.alice, loss, ({ status }) => status === FILLED);
    expect((await at.get(at.alice, profit))?.status).toBe(CANCELED);
    await noHolds(at);
  });

  test('TYP-7 with nothing filled, or canceled as a group, no exit appears', async () => {
    const at = await FreshMarket.open();
    await at.print('100');
    const first = await mesh.orders.placeOrderGroup(bracket(at, 'buy 2 at 99', '120', '90'));
    const order = at.ref(first.group?.orders[0]);
    await mesh.orders.cancelOrder({ accountId: at.alice, order });
    const exit = await at.get(at.alice, first.group?.orders[1]);
    expect(exit).toMatchObject({ status: CANCELED, cancelReason: CancelReason.GROUP });

    const second = await mesh.orders.placeOrderGroup(bracket(at, 'buy 2 at 99', '120', '90'));
    await at.place(at.bob, 'sell 1 at 99');
    const { instrumentId } = at.market;
    const groupId = second.group?.groupId ?? '';
    const named = { accountId: at.alice, instrumentId, groupId };
    const canceled = await mesh.orders.cancelOrderGroup(named);
    expect(canceled.alreadyFinal).toBe(false);
    expect(statuses(canceled.group)).toEqual([CANCELED, CANCELED, CANCELED]);
    expect(canceled.group?.orders[0]?.filledQuantity).toBe('1');
    await noHolds(at);
    expect(await mesh.orders.cancelOrderGroup(named)).toMatchObject({ alreadyFinal: true });
    const unknown = { ...named, groupId: `${groupId}9` };
    expect((await failureOf(mesh.orders.cancelOrderGroup(unknown))).reason).toBe('ORDER_UNKNOWN');
  });

  test('TYP-7 an entry that fills on arrival is answered with its exits in place', async () => {
    const at = await FreshMarket.open();
    await at.place(at.bob, 'sell 1 at 100');
    const request = bracket(at, 'buy 1 at 100', '120', '90');
    const { group, fills } = await mesh.orders.placeOrderGroup(request);
    expect(statuses(group)).toEqual([FILLED, UNTRIGGERED, UNTRIGGERED]);
    expect(fills).toHaveLength(1);
    expect(group?.orders[1]?.remainingQuantity).toBe('1');
    const { canceledCount } = await mesh.orders.cancelAllOrders({ accountId: at.alice });
    expect(canceledCount).toBe(2);
    await noHolds(at);
  });

  test('exits that have not appeared can be neither amended nor canceled by themselves', async () => {
    const at = await FreshMarket.open();
    const { group } = await mesh.orders.placeOrderGroup(bracket(at, 'sell 1 at 100', '80', '120'));
    const [entry, exit] = group?.orders ?? [];
    const accountId = at.alice;
    const amend = { accountId, order: at.ref(exit), price: '81' };
    expect((await failureOf(mesh.orders.amendOrder(amend))).reason).toBe('ORDER_NOT_OPEN');
    const cancel = { accountId, order: at.ref(exit) };
    expect((await failureOf(mesh.orders.cancelOrder(cancel))).reason).toBe('ORDER_NOT_OPEN');
    const worse = { accountId, order: at.ref(entry), price: '99' };
    expect((await failureOf(mesh.orders.amendOrder(worse))).reason).toBe('FIELDS_CONFLICT');
  });
});
