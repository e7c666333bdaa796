// Bad input at the whole mesh: each request gets the documented reason in the documented
// precedence, changes nothing, and leaves the stream usable.

import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Status } from 'nice-grpc-common';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { RejectReason, TimeInForce } from '../../../gen/bourse/type/v1/order_pb.ts';
import { ErrorInfoSchema } from '../../../gen/google/rpc/error_details_pb.ts';
import type { Status as RpcStatus } from '../../../gen/google/rpc/status_pb.ts';
import { failureOf } from '../../contract/order/service-under-test.ts';
import { openSubmitStream, type SubmitStream } from '../../support/submit-stream.ts';
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
let closed: Market;
let alice: string;
let bob: string;
let stream: SubmitStream;

beforeAll(async () => {
  at = await createMarket(mesh, {
    tickSize: '0.05',
    lotSize: '0.01',
    minimumQuantity: '0.1',
    maximumQuantity: '1000',
    maximumPrice: '10000',
    minimumNotional: '1',
  });
  closed = await createMarket(mesh);
  alice = await createAccount(mesh, { [at.quoteAssetId]: '100000', [closed.quoteAssetId]: '1000' });
  bob = await createAccount(mesh, { [at.baseAssetId]: '1000' });
  await mesh.orders.placeOrder(limit(at, bob, 'sell 10 at 100'));
  await mesh.referenceAdmin.setInstrumentState({
    instrumentId: closed.instrumentId,
    state: InstrumentState.CANCEL_ONLY,
    comment: 'test',
  });
  stream = openSubmitStream(mesh);
}, 60_000);
afterAll(async () => {
  await stream?.close();
}, 30_000);

type Request = ReturnType<typeof limit>;
type Change = (request: Request) => Request;

const set =
  (change: Partial<Request>): Change =>
  (request) => ({ ...request, ...change });
const quantity = (value: string) => set({ orderQuantity: { case: 'quantity', value } });
const budget = (value: string) => set({ orderQuantity: { case: 'quoteQuantity', value } });

/** What is no order at all: an error, and the client order id stays free. */
const ERRORS: readonly (readonly [what: string, change: Change, reason: string, code: Status])[] = [
  ['a price off tick', set({ price: '100.01' }), 'PRICE_OFF_TICK', Status.INVALID_ARGUMENT],
  ['a price off unit', set({ price: '100.001' }), 'PRICE_OFF_TICK', Status.INVALID_ARGUMENT],
  ['a quantity off lot', quantity('1.001'), 'QUANTITY_OFF_LOT', Status.INVALID_ARGUMENT],
  ['too many digits', quantity('1.00000001'), 'QUANTITY_OFF_LOT', Status.INVALID_ARGUMENT],
  [
    'a price beyond what is counted',
    set({ price: '99999999999999999' }),
    'DECIMAL_OUT_OF_RANGE',
    Status.INVALID_ARGUMENT,
  ],
  ['an exponent', set({ price: '1e2' }), 'DECIMAL_INVALID', Status.INVALID_ARGUMENT],
  ['no side', set({ side: 0 }), 'FIELD_REQUIRED', Status.INVALID_ARGUMENT],
  ['an unknown side', set({ side: 7 as never }), 'ENUM_VALUE_UNKNOWN', Status.INVALID_ARGUMENT],
  [
    'an over-long id',
    set({ clientOrderId: 'x'.repeat(65) }),
    'ID_INVALID',
    Status.INVALID_ARGUMENT,
  ],
  ['an unknown account', set({ accountId: 'nobody' }), 'ACCOUNT_UNKNOWN', Status.NOT_FOUND],
  ['an unknown instrument', set({ instrumentId: 'NO-NE' }), 'INSTRUMENT_UNKNOWN', Status.NOT_FOUND],
  ['a budget of a limit order', budget('100'), 'FIELDS_CONFLICT', Status.INVALID_ARGUMENT],
  [
    'post-only with IOC',
    set({ postOnly: true, timeInForce: TimeInForce.IOC }),
    'FIELDS_CONFLICT',
    Status.INVALID_ARGUMENT,
  ],
];

/** What the venue declines: an order that is REJECTED, and its client order id is used. */
const DECLINES: readonly (readonly [what: string, change: Change, reason: RejectReason])[] = [
  ['too little', quantity('0.05'), RejectReason.QUANTITY_BELOW_MINIMUM],
  ['too much', quantity('1000.01'), RejectReason.QUANTITY_ABOVE_MAXIMUM],
  ['too dear', set({ price: '10000.05' }), RejectReason.PRICE_ABOVE_MAXIMUM],
  [
    'too small a notional',
    (request) => quantity('0.1')({ ...request, price: '5' }),
    RejectReason.NOTIONAL_BELOW_MINIMUM,
  ],
  [
    'money that is not there',
    (request) => quantity('1000')({ ...request, price: '10000' }),
    RejectReason.INSUFFICIENT_FUNDS,
  ],
  ['post-only that would take', set({ postOnly: true }), RejectReason.POST_ONLY_WOULD_TAKE],
];

const good = () => limit(at, alice, 'buy 1 at 100');

function reasonOf(status: RpcStatus | undefined): string {
  for (const detail of status?.details ?? []) {
    const info = anyUnpack(detail, ErrorInfoSchema);
    if (info !== undefined) return info.reason;
  }
  return '';
}

describe('what is no order', () => {
  test.each(ERRORS)('BND-2 %s fails and leaves the id free', async (_, change, reason, code) => {
    const request = change(good());
    const error = await failureOf(mesh.orders.placeOrder(request));
    expect([error.reason, error.code]).toEqual([reason, code]);
    const { results } = await stream.submit([{ request: { case: 'placeOrder', value: request } }]);
    const [only] = results;
    expect(only?.result.case).toBe('error');
    expect(reasonOf(only?.result.value as RpcStatus)).toBe(reason);
    const order = { case: 'clientOrderId', value: request.clientOrderId ?? '' } as const;
    const ref = { instrumentId: at.instrumentId, id: order };
    if (reason === 'ID_INVALID' || reason === 'ACCOUNT_UNKNOWN') return;
    const got = await failureOf(mesh.orders.getOrder({ accountId: alice, order: ref }));
    expect(got.reason).toBe('ORDER_UNKNOWN');
  });
});

describe('what the venue declines', () => {
  test.each(DECLINES)('HLD-1 %s is rejected and no money moves', async (_, change, reason) => {
    const before = await balanceOf(mesh, alice, at.quoteAssetId);
    const request = change(good());
    const { order } = await mesh.orders.placeOrder(request);
    expect(order?.rejectReason).toBe(reason);
    expect(await balanceOf(mesh, alice, at.quoteAssetId)).toEqual(before);
    expect(await mesh.orders.placeOrder(request)).toMatchObject({ duplicate: true, order });
  });
});

describe('precedence', () => {
  test('form, duplicate, account, instrument, state, type, tick, limits, money, book', async () => {
    const used = limit(closed, alice, 'buy 1 at 1');
    await mesh.orders.placeOrder(used);
    // Everything is wrong with it; one fault after the other is taken away.
    const steps: [Change, string | RejectReason][] = [
      [set({}), 'DECIMAL_INVALID'],
      [set({ price: '0.001' }), 'CLIENT_ORDER_ID_ALREADY_EXISTS'],
      [set({ accountId: 'nobody', clientOrderId: 'free' }), 'ACCOUNT_UNKNOWN'],
      [set({ accountId: alice }), 'INSTRUMENT_UNKNOWN'],
      [set({ instrumentId: closed.instrumentId }), RejectReason.INSTRUMENT_STATE],
      [set({ instrumentId: at.instrumentId, clientOrderId: 'free-2' }), 'FIELDS_CONFLICT'],
      [set({ timeInForce: TimeInForce.GTC }), 'PRICE_OFF_TICK'],
      [set({ price: '9999' }), RejectReason.QUANTITY_ABOVE_MAXIMUM],
      [
        (request) => quantity('1000')({ ...request, clientOrderId: 'free-3' }),
        RejectReason.INSUFFICIENT_FUNDS,
      ],
      [
        (request) => quantity('1')({ ...request, clientOrderId: 'free-4' }),
        RejectReason.POST_ONLY_WOULD_TAKE,
      ],
    ];
    let request: Request = {
      ...used,
      instrumentId: 'NO-NE',
      price: 'x',
      orderQuantity: { case: 'quantity', value: '2000' },
      postOnly: true,
      timeInForce: TimeInForce.IOC,
    };
    for (const [change, expected] of steps) {
      request = change(request);
      if (typeof expected === 'string') {
        const error = await failureOf(mesh.orders.placeOrder(request));
        expect(error.reason).toBe(expected);
      } else {
        const { order } = await mesh.orders.placeOrder(request);
        expect(order?.rejectReason).toBe(expected);
      }
    }
  });
});

describe('market orders', () => {
  test.each([
    ['GTC', set({ timeInForce: TimeInForce.GTC }), 'FIELDS_CONFLICT'],
    ['post-only', set({ postOnly: true }), 'FIELDS_CONFLICT'],
    [
      'a budget with FOK',
      (request: Request) => budget('100')({ ...request, timeInForce: TimeInForce.FOK }),
      'FIELDS_CONFLICT',
    ],
    ['a budget with too many digits', budget('1.123456789'), 'SCALE_EXCEEDED'],
  ] as const)('TYP-2 with %s are refused', async (_, change, reason) => {
    const error = await failureOf(mesh.orders.placeOrder(change(market(at, alice, 'buy 1'))));
    expect(error.reason).toBe(reason);
  });
});

describe('final orders', () => {
  test('MAT-4 cannot be amended or canceled, and stay as they are', async () => {
    const { order } = await mesh.orders.placeOrder(limit(at, alice, 'buy 1 at 100'));
    const id = { case: 'orderId', value: order?.orderId ?? '' } as const;
    const ref = { instrumentId: at.instrumentId, id };
    const cancel = { accountId: alice, order: ref };
    expect((await failureOf(mesh.orders.cancelOrder(cancel))).reason).toBe('ORDER_NOT_OPEN');
    const amend = { ...cancel, quantity: '2' };
    expect((await failureOf(mesh.orders.amendOrder(amend))).reason).toBe('ORDER_NOT_OPEN');
    expect((await mesh.orders.getOrder(cancel)).order).toEqual(order);
  });

  test('MAT-4 of another instrument or account are unknown', async () => {
    const { order } = await mesh.orders.placeOrder(limit(at, alice, 'buy 1 at 99'));
    const id = { case: 'orderId', value: order?.orderId ?? '' } as const;
    const elsewhere = { accountId: alice, order: { instrumentId: closed.instrumentId, id } };
    expect((await failureOf(mesh.orders.getOrder(elsewhere))).reason).toBe('ORDER_UNKNOWN');
    expect((await failureOf(mesh.orders.cancelOrder(elsewhere))).reason).toBe('ORDER_UNKNOWN');
    const amend = { ...elsewhere, quantity: '2' };
    expect((await failureOf(mesh.orders.amendOrder(amend))).reason).toBe('ORDER_UNKNOWN');
  });
});

describe('amends', () => {
  test('BND-2 are checked like orders, and a refused one changes nothing', async () => {
    const { order } = await mesh.orders.placeOrder(limit(at, alice, 'buy 1 at 99'));
    const id = { case: 'orderId', value: order?.orderId ?? '' } as const;
    const base = { accountId: alice, order: { instrumentId: at.instrumentId, id } };
    for (const [change, reason] of [
      [{ price: '99.01' }, 'PRICE_OFF_TICK'],
      [{ quantity: '1.001' }, 'QUANTITY_OFF_LOT'],
      [{ quantity: '1000.01' }, 'QUANTITY_ABOVE_MAXIMUM'],
      [{ price: '10000.05' }, 'PRICE_ABOVE_MAXIMUM'],
      [{ price: '10000', quantity: '999' }, 'INSUFFICIENT_FUNDS'],
      [{ expectedVersion: 9n, quantity: '2' }, 'VERSION_MISMATCH'],
    ] as const) {
      const error = await failureOf(mesh.orders.amendOrder({ ...base, ...change }));
      expect(error.reason).toBe(reason);
    }
    expect((await mesh.orders.getOrder(base)).order).toEqual(order);
  });
});

describe('what reads', () => {
  test('unknown accounts and instruments have their reasons, the account first', async () => {
    const { orders } = mesh;
    const nobody = { accountId: 'nobody', instrumentId: 'NO-NE' };
    const nothing = { accountId: alice, instrumentId: 'NO-NE' };
    for (const read of [orders.listOrders, orders.listFills, orders.cancelAllOrders]) {
      expect((await failureOf(read(nobody))).reason).toBe('ACCOUNT_UNKNOWN');
      expect((await failureOf(read(nothing))).reason).toBe('INSTRUMENT_UNKNOWN');
    }
    const preview = { order: { ...good(), ...nobody } };
    expect((await failureOf(orders.previewOrder(preview))).reason).toBe('ACCOUNT_UNKNOWN');
  });
});

describe('bytes that are no message', () => {
  test('are MESSAGE_MALFORMED', async () => {
    const bytes = new Uint8Array([0x0a, 0xff, 0xff]);
    const error = await failureOf(mesh.orders.placeOrder(bytes as never));
    expect(error.reason).toBe('MESSAGE_MALFORMED');
  });
});
