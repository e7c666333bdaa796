// Operators' commands to instruments and schedules, with real matching and account shards behind
// them: states and auctions, retirement, cancels (STA-1, CXL-1).

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Weekday } from '../../../gen/bourse/reference/v1/reference_pb.ts';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import {
  CancelReason,
  OrderStatus,
  RejectReason,
  Side,
  TimeInForce,
} from '../../../gen/bourse/type/v1/order_pb.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { createAccount, createMarket, limit } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

let mesh: Mesh;

/** Instruments A to E. */
const ids: Record<'A' | 'B' | 'C' | 'D' | 'E', string> = { A: '', B: '', C: '', D: '', E: '' };
let alice: string;
let bob: string;

beforeAll(async () => {
  mesh = await startMesh();
  const amounts: Record<string, string> = {};
  for (const name of ['A', 'B', 'C', 'D', 'E'] as const) {
    const market = await createMarket(mesh);
    ids[name] = market.instrumentId;
    amounts[market.baseAssetId] = '1000';
    amounts[market.quoteAssetId] = '100000';
  }
  alice = await createAccount(mesh, amounts);
  bob = await createAccount(mesh, amounts);
}, 90_000);

async function reasonOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    const { reason, metadata } = error as { reason?: string; metadata?: Record<string, string> };
    return `${reason} ${metadata?.['field'] ?? ''}`.trim();
  }
}

afterAll(() => mesh.stop());

const stateOf = async (instrumentId: string) =>
  (await mesh.reference.getInstrument({ instrumentId })).instrument?.state;

const shown = (instrumentId: string, state: InstrumentState) =>
  waitUntil(async () => (await stateOf(instrumentId)) === state, {
    what: `${instrumentId} to be ${state}`,
  });

const soon = (ms: number) => {
  const at = Date.now() + ms;
  return { seconds: BigInt(Math.floor(at / 1_000)), nanos: (at % 1_000) * 1_000_000 };
};

describe('SetInstrumentState', () => {
  test.each([
    ['no state', {}, 'FIELD_REQUIRED state'],
    ['an unknown state', { state: 99 as InstrumentState }, 'ENUM_VALUE_UNKNOWN state'],
    ['the final state', { state: InstrumentState.RETIRED }, 'FIELDS_CONFLICT state'],
    [
      'an auction without an end',
      { state: InstrumentState.AUCTION },
      'FIELD_REQUIRED auction_end_time',
    ],
    [
      'an end of no auction',
      { state: InstrumentState.CLOSED, auctionEndTime: soon(1_000) },
      'FIELDS_CONFLICT auction_end_time',
    ],
    [
      'a state after no auction',
      { state: InstrumentState.CLOSED, stateAfterAuction: InstrumentState.CLOSED },
      'FIELDS_CONFLICT state_after_auction',
    ],
    [
      'a state that follows no auction',
      {
        state: InstrumentState.AUCTION,
        auctionEndTime: soon(1_000),
        stateAfterAuction: InstrumentState.HALTED,
      },
      'FIELDS_CONFLICT state_after_auction',
    ],
    [
      'a comment too long',
      { state: InstrumentState.CLOSED, comment: 'x'.repeat(257) },
      'TEXT_INVALID comment',
    ],
  ])('%s is refused', async (_name, more, reason) => {
    const request = { instrumentId: ids.A, ...more };
    expect(await reasonOf(mesh.referenceAdmin.setInstrumentState(request))).toBe(reason);
  });

  test('STA-1 a halt goes on only through an auction, which uncrosses by itself', async () => {
    const instrumentId = ids.A;
    const set = (state: InstrumentState, more = {}) =>
      mesh.referenceAdmin.setInstrumentState({ instrumentId, state, comment: 'test', ...more });
    const halted = await set(InstrumentState.HALTED, { clientRequestId: 'halt-a' });
    expect(halted).toMatchObject({
      ...{ duplicate: false, clientRequestId: 'halt-a' },
      instrument: { state: InstrumentState.HALTED },
    });
    expect(await stateOf(instrumentId)).toBe(InstrumentState.HALTED);
    const refused = set(InstrumentState.CONTINUOUS, { clientRequestId: 'resume-a' });
    expect(await reasonOf(refused)).toBe('INSTRUMENT_STATE');
    const again = set(InstrumentState.CONTINUOUS, { clientRequestId: 'resume-a' });
    expect(await reasonOf(again)).toBe('INSTRUMENT_STATE');
    const past = set(InstrumentState.AUCTION, { auctionEndTime: soon(-60_000) });
    expect(await reasonOf(past)).toBe('TOO_LATE');
    expect(await stateOf(instrumentId)).toBe(InstrumentState.HALTED);

    await set(InstrumentState.AUCTION, { auctionEndTime: soon(60_000) });
    const bid = await mesh.orders.placeOrder(limit({ instrumentId }, alice, 'buy 3 at 101'));
    const ask = await mesh.orders.placeOrder(limit({ instrumentId }, bob, 'sell 3 at 99'));
    expect(bid.order?.status).toBe(OrderStatus.ACTIVE);
    expect(ask.order?.status).toBe(OrderStatus.ACTIVE);
    const { marketData } = mesh;
    await waitUntil(
      async () => (await marketData.getOrderBook({ instrumentId })).indicativePrice !== '',
      { what: 'the indicative price' },
    );
    const call = await marketData.getOrderBook({ instrumentId });
    expect(call).toMatchObject({
      ...{ state: InstrumentState.AUCTION, indicativePrice: '101', indicativeVolume: '3' },
      bids: [{ price: '101', quantity: '3' }],
      asks: [{ price: '99', quantity: '3' }],
    });
    expect(call.auctionEndTime).toBeDefined();
    await set(InstrumentState.AUCTION, { auctionEndTime: soon(300) });
    await shown(instrumentId, InstrumentState.CONTINUOUS);
    const orderId = bid.order?.orderId ?? '';
    await waitUntil(
      async () => {
        const order = { instrumentId, id: { case: 'orderId' as const, value: orderId } };
        const found = await mesh.orders.getOrder({ accountId: alice, order });
        return found.order?.status === OrderStatus.FILLED;
      },
      { what: 'the bid to be filled' },
    );
    const traded = await waitUntil(
      async () => (await marketData.listTrades({ instrumentId })).trades[0],
      { what: 'the trade' },
    );
    expect(traded).toMatchObject({
      ...{ auction: true, sameOwner: false, aggressorSide: Side.UNSPECIFIED },
      ...{ price: '101', quantity: '3' },
    });
    const { ticker } = await marketData.getTicker({ instrumentId });
    expect(ticker).toMatchObject({ state: InstrumentState.CONTINUOUS, indicativePrice: '' });
  });

  test('LOG-11 a repeat has the first answer, another body is refused', async () => {
    const request = {
      ...{ instrumentId: ids.B, comment: 'why', clientRequestId: 'close-b' },
      state: InstrumentState.CLOSED,
    };
    await mesh.referenceAdmin.setInstrumentState(request);
    await mesh.referenceAdmin.setInstrumentState({
      ...{ instrumentId: ids.B, state: InstrumentState.CONTINUOUS },
    });
    const again = await mesh.referenceAdmin.setInstrumentState(request);
    expect(again).toMatchObject({
      duplicate: true,
      instrument: { state: InstrumentState.CLOSED },
    });
    expect(await stateOf(ids.B)).toBe(InstrumentState.CONTINUOUS);
    const other = mesh.referenceAdmin.setInstrumentState({ ...request, comment: 'other' });
    expect(await reasonOf(other)).toBe('CLIENT_REQUEST_ID_ALREADY_EXISTS client_request_id');
  });
});

describe('CancelOrders', () => {
  test.each([
    ['nothing to cancel', {}, 'FIELD_REQUIRED instrument_id'],
    ['a bad account', { accountId: '?' }, 'ID_INVALID account_id'],
    ['an unknown account', { accountId: 'nobody' }, 'ACCOUNT_UNKNOWN'],
    ['an unknown instrument', { instrumentId: 'XXX' }, 'INSTRUMENT_UNKNOWN'],
    ['an unknown side', { accountId: 'any', side: 9 as Side }, 'ENUM_VALUE_UNKNOWN side'],
  ])('%s is refused', async (_name, request, reason) => {
    const error = await reasonOf(mesh.referenceAdmin.cancelOrders(request));
    expect(error.split(' ').slice(0, reason.split(' ').length).join(' ')).toBe(reason);
  });

  test('CXL-1 cancels an instrument of all accounts, with the reason OPERATOR', async () => {
    const instrumentId = ids.C;
    const placed = await Promise.all([
      mesh.orders.placeOrder(limit({ instrumentId }, alice, 'buy 1 at 90')),
      mesh.orders.placeOrder(limit({ instrumentId }, bob, 'sell 1 at 110')),
      mesh.orders.placeOrder(limit({ instrumentId }, bob, 'sell 1 at 111')),
    ]);
    const request = { instrumentId, comment: 'bad prices (by ann)', clientRequestId: 'cancel-c' };
    const answer = await mesh.referenceAdmin.cancelOrders(request);
    expect(answer).toMatchObject({
      instruments: [{ instrumentId, canceledCount: 3 }],
      duplicate: false,
    });
    expect(await mesh.referenceAdmin.cancelOrders(request)).toMatchObject({
      instruments: [{ instrumentId, canceledCount: 3 }],
      duplicate: true,
    });
    const value = placed[0]?.order?.orderId ?? '';
    await waitUntil(
      async () => {
        const order = { instrumentId, id: { case: 'orderId' as const, value } };
        const found = await mesh.orders.getOrder({ accountId: alice, order });
        return found.order?.cancelReason === CancelReason.OPERATOR;
      },
      { what: 'the order to be canceled' },
    );
  });

  test('CXL-1 cancels one side of an account, wherever it has open orders', async () => {
    await mesh.orders.placeOrder(limit({ instrumentId: ids.B }, alice, 'buy 1 at 90'));
    await mesh.orders.placeOrder(limit({ instrumentId: ids.C }, alice, 'buy 1 at 90'));
    await mesh.orders.placeOrder(limit({ instrumentId: ids.C }, bob, 'buy 1 at 89'));
    const none = await mesh.referenceAdmin.cancelOrders({ accountId: alice, side: Side.SELL });
    expect(none.instruments).toEqual([]);
    const both = await mesh.referenceAdmin.cancelOrders({ accountId: alice, side: Side.BUY });
    expect(
      both.instruments.map(({ instrumentId, canceledCount }) => [instrumentId, canceledCount]),
    ).toEqual([
      [ids.B, 1],
      [ids.C, 1],
    ]);
  });
});

describe('bands', () => {
  test('BND-1 a volatility auction begins and ends by itself, and reference data shows both', async () => {
    const instrumentId = ids.C;
    const { instrument } = await mesh.referenceAdmin.updateInstrument({
      ...{ instrumentId, dynamicBandBps: 100, referencePrice: '100', staticBandBps: 2_000 },
      volatilityAuctionDuration: { seconds: 1n, nanos: 0 },
    });
    expect(instrument).toMatchObject({ dynamicBandBps: 100, referencePrice: '100' });
    const place = (accountId: string, text: string) =>
      mesh.orders.placeOrder(limit({ instrumentId }, accountId, text));
    const far = await place(alice, 'buy 1 at 130');
    expect(far.order).toMatchObject({
      ...{ status: OrderStatus.REJECTED, rejectReason: RejectReason.PRICE_BAND },
    });
    await place(bob, 'sell 1 at 100');
    await place(alice, 'buy 1 at 100');
    await place(bob, 'sell 1 at 110');
    // 110 is beyond 1 % of the last trade: the order rests, crossing, and the auction begins.
    const edge = await place(alice, 'buy 1 at 110');
    expect(edge.order?.status).toBe(OrderStatus.ACTIVE);
    await shown(instrumentId, InstrumentState.AUCTION);
    await shown(instrumentId, InstrumentState.CONTINUOUS);
    const { trades } = await waitUntil(
      async () => {
        const page = await mesh.marketData.listTrades({ instrumentId });
        return page.trades[0]?.auction === true ? page : undefined;
      },
      { what: 'the trade of the uncross' },
    );
    expect(trades.map(({ price, auction }) => [price, auction])).toEqual([
      ['110', true],
      ['100', false],
    ]);
  });
});

describe('RetireInstrument', () => {
  test('STA-1 ends every order and the instrument for ever', async () => {
    const instrumentId = ids.D;
    await mesh.orders.placeOrder(limit({ instrumentId }, alice, 'buy 1 at 90'));
    const request = { instrumentId, comment: 'delisted', clientRequestId: 'retire-d' };
    const answer = await mesh.referenceAdmin.retireInstrument(request);
    expect(answer.instrument?.state).toBe(InstrumentState.RETIRED);
    expect(await mesh.referenceAdmin.retireInstrument(request)).toMatchObject({ duplicate: true });
    const state = InstrumentState.CONTINUOUS;
    const resume = mesh.referenceAdmin.setInstrumentState({ instrumentId, state });
    expect(await reasonOf(resume)).toBe('INSTRUMENT_STATE');
    const update = mesh.referenceAdmin.updateInstrument({ instrumentId, tickSize: '0.02' });
    expect(await reasonOf(update)).toBe('INSTRUMENT_STATE');
    const place = mesh.orders.placeOrder(limit({ instrumentId }, alice, 'buy 1 at 90'));
    const refused = await place.then(
      ({ order }) => order?.status === OrderStatus.REJECTED,
      () => true,
    );
    expect(refused).toBe(true);
  });
});

describe('sessions', () => {
  test('STA-1 a schedule holds at once, is shown, and ends when it is taken away', async () => {
    const instrumentId = ids.E;
    const everyDay = [1, 2, 3, 4, 5, 6, 7] as Weekday[];
    const changes = [{ secondOfDay: 0, state: InstrumentState.CLOSED }];
    const sessions = { weekly: [{ weekdays: everyDay, changes }], exceptions: [] };
    const { instrument } = await mesh.referenceAdmin.updateInstrument({ instrumentId, sessions });
    expect(instrument?.sessions).toMatchObject(sessions);
    await shown(instrumentId, InstrumentState.CLOSED);
    const none = await mesh.referenceAdmin.updateInstrument({
      ...{ instrumentId, sessions: { weekly: [], exceptions: [] } },
    });
    expect(none.instrument?.sessions).toBeUndefined();
    expect(none.instrument?.state).toBe(InstrumentState.CLOSED);
  });

  test('TIF-5 orders for the day end when it closes, and have no place where days do not end', async () => {
    const instrumentId = ids.E;
    const weekdays = [1, 2, 3, 4, 5, 6, 7] as Weekday[];
    const changes = [
      { secondOfDay: 0, state: InstrumentState.CONTINUOUS },
      { secondOfDay: 86_399, state: InstrumentState.CLOSED },
    ];
    const weekly = [{ weekdays, changes }];
    const day = () => {
      const order = limit({ instrumentId }, alice, 'buy 1 at 90');
      return mesh.orders.placeOrder({ ...order, timeInForce: TimeInForce.DAY });
    };
    const open = { instrumentId, state: InstrumentState.CONTINUOUS };
    await mesh.referenceAdmin.setInstrumentState(open);
    expect((await day()).order?.rejectReason).toBe(RejectReason.NO_SESSIONS);
    await mesh.referenceAdmin.updateInstrument({
      instrumentId,
      sessions: { weekly, exceptions: [] },
    });
    await shown(instrumentId, InstrumentState.CONTINUOUS);
    const { order } = await day();
    expect(order?.status).toBe(OrderStatus.ACTIVE);
    await mesh.referenceAdmin.setInstrumentState({ instrumentId, state: InstrumentState.CLOSED });
    const id = { case: 'orderId' as const, value: order?.orderId ?? '' };
    await waitUntil(
      async () => {
        const found = await mesh.orders.getOrder({ accountId: alice, order: { instrumentId, id } });
        return found.order?.status === OrderStatus.EXPIRED;
      },
      { what: 'the order to expire' },
    );
  });

  test.each([
    ['another state', { secondOfDay: 0, state: InstrumentState.HALTED }, 'FIELDS_CONFLICT'],
    ['no state', { secondOfDay: 0 }, 'FIELD_REQUIRED'],
    [
      'an auction without an end',
      { secondOfDay: 0, state: InstrumentState.AUCTION },
      'FIELDS_CONFLICT',
    ],
    [
      'a time of no day',
      { secondOfDay: 86_400, state: InstrumentState.CLOSED },
      'NUMBER_OUT_OF_RANGE',
    ],
  ])('%s is refused', async (_name, change, reason) => {
    const weekly = [{ weekdays: [Weekday.MONDAY], changes: [change] }];
    const update = mesh.referenceAdmin.updateInstrument({
      ...{ instrumentId: ids.E, sessions: { weekly, exceptions: [] } },
    });
    expect((await reasonOf(update)).split(' ')[0]).toBe(reason);
  });
});
