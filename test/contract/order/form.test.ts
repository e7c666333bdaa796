// Errors of form, through the real RPC stack: every field of every request, by name and reason.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Status } from 'nice-grpc-common';
import type {
  SubmitOrdersRequest,
  SubmitOrdersResponse,
} from '../../../gen/bourse/order/v1/service_pb.ts';
import { failureOf, serveOrders } from './service-under-test.ts';

let service: Awaited<ReturnType<typeof serveOrders>>;
beforeAll(async () => {
  service = await serveOrders();
});
afterAll(async () => {
  await service.close();
});

const LONG = 'x'.repeat(65);
const PLACE = {
  accountId: 'alice',
  clientOrderId: 'one',
  instrumentId: 'BTC-USD',
  side: 1,
  type: 1,
  orderQuantity: { case: 'quantity', value: '1' },
  price: '100',
} as const;
const REF = { instrumentId: 'BTC-USD', id: { case: 'orderId', value: '1-1' } } as const;

type Case = readonly [method: string, request: object, field: string, reason: string];

const quantity = (value: string) => ({ ...PLACE, orderQuantity: { case: 'quantity', value } });

const EARLY = { seconds: 1n, nanos: 0 };
const NAMED = { accountId: 'alice', instrumentId: 'BTC-USD' };
const LEG = { side: 1, type: 1, orderQuantity: PLACE.orderQuantity, price: '100' };
const offset = (value: string) => ({ ...PLACE, trailing: { case: 'trailingOffset', value } });
const bps = (value: number) => ({ ...PLACE, trailing: { case: 'trailingOffsetBps', value } });
const oco = (value: object) => ({ ...NAMED, group: { case: 'oco', value } });
const after = (timeout: object) => ({ accountId: 'alice', timeout });

const CASES: readonly Case[] = [
  ['placeOrder', { ...PLACE, accountId: '' }, 'account_id', 'FIELD_REQUIRED'],
  ['placeOrder', { ...PLACE, accountId: LONG }, 'account_id', 'ID_INVALID'],
  ['placeOrder', { ...PLACE, accountId: 'a/b' }, 'account_id', 'ID_INVALID'],
  ['placeOrder', { ...PLACE, clientOrderId: LONG }, 'client_order_id', 'ID_INVALID'],
  ['placeOrder', { ...PLACE, instrumentId: '' }, 'instrument_id', 'FIELD_REQUIRED'],
  ['placeOrder', { ...PLACE, instrumentId: 'BTC USD' }, 'instrument_id', 'ID_INVALID'],
  ['placeOrder', { ...PLACE, side: 0 }, 'side', 'FIELD_REQUIRED'],
  ['placeOrder', { ...PLACE, side: 3 }, 'side', 'ENUM_VALUE_UNKNOWN'],
  ['placeOrder', { ...PLACE, type: 0 }, 'type', 'FIELD_REQUIRED'],
  ['placeOrder', { ...PLACE, type: 99 }, 'type', 'ENUM_VALUE_UNKNOWN'],
  ['placeOrder', { ...PLACE, orderQuantity: { case: undefined } }, 'quantity', 'FIELD_REQUIRED'],
  ['placeOrder', quantity('1e5'), 'quantity', 'DECIMAL_INVALID'],
  ['placeOrder', quantity('NaN'), 'quantity', 'DECIMAL_INVALID'],
  ['placeOrder', quantity('-0'), 'quantity', 'DECIMAL_INVALID'],
  ['placeOrder', quantity('00.1'), 'quantity', 'DECIMAL_INVALID'],
  ['placeOrder', quantity('9'.repeat(41)), 'quantity', 'DECIMAL_INVALID'],
  ['placeOrder', quantity('0'), 'quantity', 'DECIMAL_OUT_OF_RANGE'],
  ['placeOrder', quantity('-1'), 'quantity', 'DECIMAL_OUT_OF_RANGE'],
  [
    'placeOrder',
    { ...PLACE, orderQuantity: { case: 'quoteQuantity', value: 'x' } },
    'quote_quantity',
    'DECIMAL_INVALID',
  ],
  ['placeOrder', { ...PLACE, price: '' }, 'price', 'FIELD_REQUIRED'],
  ['placeOrder', { ...PLACE, price: '1,5' }, 'price', 'DECIMAL_INVALID'],
  ['placeOrder', { ...PLACE, price: '0' }, 'price', 'DECIMAL_OUT_OF_RANGE'],
  ['placeOrder', { ...PLACE, timeInForce: 9 }, 'time_in_force', 'ENUM_VALUE_UNKNOWN'],
  [
    'placeOrder',
    { ...PLACE, selfTradePrevention: 9 },
    'self_trade_prevention',
    'ENUM_VALUE_UNKNOWN',
  ],
  [
    'placeOrder',
    { ...PLACE, acceptBeforeTime: { seconds: 1n, nanos: 0 } },
    'accept_before_time',
    'TIME_INVALID',
  ],
  ['placeOrder', { ...PLACE, stopPrice: '1e5' }, 'stop_price', 'DECIMAL_INVALID'],
  ['placeOrder', { ...PLACE, stopPrice: '0' }, 'stop_price', 'DECIMAL_OUT_OF_RANGE'],
  ['placeOrder', offset('-1'), 'trailing_offset', 'DECIMAL_OUT_OF_RANGE'],
  ['placeOrder', offset('x'), 'trailing_offset', 'DECIMAL_INVALID'],
  ['placeOrder', bps(0), 'trailing_offset_bps', 'NUMBER_OUT_OF_RANGE'],
  ['placeOrder', bps(10_000), 'trailing_offset_bps', 'NUMBER_OUT_OF_RANGE'],
  ['placeOrder', { ...PLACE, expireTime: EARLY }, 'expire_time', 'TIME_INVALID'],
  ['placeOrder', { ...PLACE, displayQuantity: '+1' }, 'display_quantity', 'DECIMAL_INVALID'],
  ['placeOrder', { ...PLACE, minimumQuantity: '0' }, 'minimum_quantity', 'DECIMAL_OUT_OF_RANGE'],
  ['placeOrderGroup', {}, 'account_id', 'FIELD_REQUIRED'],
  ['placeOrderGroup', { accountId: 'alice' }, 'instrument_id', 'FIELD_REQUIRED'],
  ['placeOrderGroup', NAMED, 'oco', 'FIELD_REQUIRED'],
  ['placeOrderGroup', { ...NAMED, acceptBeforeTime: EARLY }, 'accept_before_time', 'TIME_INVALID'],
  ['placeOrderGroup', oco({}), 'oco.first', 'FIELD_REQUIRED'],
  ['placeOrderGroup', oco({ first: LEG }), 'oco.second', 'FIELD_REQUIRED'],
  [
    'placeOrderGroup',
    oco({ first: { ...LEG, side: 0 }, second: LEG }),
    'oco.first.side',
    'FIELD_REQUIRED',
  ],
  [
    'placeOrderGroup',
    oco({ first: LEG, second: { ...LEG, price: 'x' } }),
    'oco.second.price',
    'DECIMAL_INVALID',
  ],
  [
    'placeOrderGroup',
    oco({ first: { ...LEG, clientOrderId: 'a' }, second: { ...LEG, clientOrderId: 'a' } }),
    'oco.first.client_order_id',
    'FIELDS_CONFLICT',
  ],
  [
    'placeOrderGroup',
    { ...NAMED, group: { case: 'bracket', value: { entry: LEG, stop: { type: 3 } } } },
    'bracket.take_profit',
    'FIELD_REQUIRED',
  ],
  ['cancelOrderGroup', {}, 'account_id', 'FIELD_REQUIRED'],
  ['cancelOrderGroup', { accountId: 'alice' }, 'instrument_id', 'FIELD_REQUIRED'],
  ['cancelOrderGroup', NAMED, 'group_id', 'FIELD_REQUIRED'],
  ['cancelOrderGroup', { ...NAMED, groupId: 'a/b' }, 'group_id', 'ID_INVALID'],
  ['cancelAllAfter', { timeout: {} }, 'account_id', 'FIELD_REQUIRED'],
  ['cancelAllAfter', { accountId: 'alice' }, 'timeout', 'FIELD_REQUIRED'],
  ['cancelAllAfter', after({ nanos: 5 }), 'timeout', 'NUMBER_OUT_OF_RANGE'],
  ['cancelAllAfter', after({ seconds: 86_401n }), 'timeout', 'NUMBER_OUT_OF_RANGE'],
  ['cancelOrder', { order: REF }, 'account_id', 'FIELD_REQUIRED'],
  ['cancelOrder', { accountId: 'alice' }, 'order', 'FIELD_REQUIRED'],
  [
    'cancelOrder',
    { accountId: 'alice', order: { ...REF, instrumentId: '' } },
    'order.instrument_id',
    'FIELD_REQUIRED',
  ],
  [
    'cancelOrder',
    { accountId: 'alice', order: { instrumentId: 'BTC-USD', id: { case: undefined } } },
    'order.order_id',
    'FIELD_REQUIRED',
  ],
  [
    'cancelOrder',
    {
      accountId: 'alice',
      order: { instrumentId: 'BTC-USD', id: { case: 'clientOrderId', value: LONG } },
    },
    'order.client_order_id',
    'ID_INVALID',
  ],
  [
    'cancelOrder',
    { accountId: 'alice', order: REF, clientRequestId: '?' },
    'client_request_id',
    'ID_INVALID',
  ],
  ['amendOrder', { accountId: 'alice', order: REF }, 'quantity', 'FIELD_REQUIRED'],
  ['amendOrder', { accountId: 'alice', order: REF, quantity: '+1' }, 'quantity', 'DECIMAL_INVALID'],
  ['amendOrder', { accountId: 'alice', order: REF, price: '-1' }, 'price', 'DECIMAL_OUT_OF_RANGE'],
  [
    'amendOrder',
    { accountId: 'alice', order: REF, stopPrice: 'x' },
    'stop_price',
    'DECIMAL_INVALID',
  ],
  [
    'amendOrder',
    { accountId: 'alice', order: REF, displayQuantity: '0' },
    'display_quantity',
    'DECIMAL_OUT_OF_RANGE',
  ],
  [
    'amendOrder',
    { accountId: 'alice', order: REF, expireTime: EARLY },
    'expire_time',
    'TIME_INVALID',
  ],
  [
    'amendOrder',
    { accountId: 'alice', order: REF, price: '1', expectedVersion: 0n },
    'expected_version',
    'NUMBER_OUT_OF_RANGE',
  ],
  ['cancelAllOrders', {}, 'account_id', 'FIELD_REQUIRED'],
  ['cancelAllOrders', { accountId: 'alice', instrumentId: LONG }, 'instrument_id', 'ID_INVALID'],
  ['cancelAllOrders', { accountId: 'alice', side: 7 }, 'side', 'ENUM_VALUE_UNKNOWN'],
  [
    'cancelAllOrders',
    { accountId: 'alice', clientRequestId: LONG },
    'client_request_id',
    'ID_INVALID',
  ],
  ['getOrder', { order: REF }, 'account_id', 'FIELD_REQUIRED'],
  ['getOrder', { accountId: 'alice' }, 'order', 'FIELD_REQUIRED'],
  ['listOrders', {}, 'account_id', 'FIELD_REQUIRED'],
  ['listOrders', { accountId: 'alice', instrumentId: 'a b' }, 'instrument_id', 'ID_INVALID'],
  ['listOrders', { accountId: 'alice', pageSize: 1001 }, 'page_size', 'NUMBER_OUT_OF_RANGE'],
  ['listOrders', { accountId: 'alice', pageSize: -1 }, 'page_size', 'NUMBER_OUT_OF_RANGE'],
  ['listOrders', { accountId: 'alice', pageToken: '!' }, 'page_token', 'PAGE_TOKEN_INVALID'],
  ['listFills', {}, 'account_id', 'FIELD_REQUIRED'],
  ['listFills', { accountId: 'alice', pageSize: 1001 }, 'page_size', 'NUMBER_OUT_OF_RANGE'],
  ['listFills', { accountId: 'alice', pageToken: 'AAAA' }, 'page_token', 'PAGE_TOKEN_INVALID'],
  [
    'listFills',
    { accountId: 'alice', instrumentId: 'ETH-USD', order: REF },
    'order.instrument_id',
    'FIELDS_CONFLICT',
  ],
  ['previewOrder', {}, 'order', 'FIELD_REQUIRED'],
  ['previewOrder', { order: { ...PLACE, price: '1e5' } }, 'order.price', 'DECIMAL_INVALID'],
];

describe('a request of bad form', () => {
  test.each(CASES)('%s %j fails at %s with %s', async (method, request, field, reason) => {
    const call = service.client[method as 'getOrder'](request as never);
    const error = await failureOf(call);
    expect([error.reason, error.metadata['field']]).toEqual([reason, field]);
    expect(error.code).toBe(Status.INVALID_ARGUMENT);
    if (!reason.includes('TOKEN'))
      expect(error.violations.map((one) => one.field)).toContain(field);
  });

  test('names every field at fault at once', async () => {
    const error = await failureOf(service.client.placeOrder({}));
    expect(error.violations.map(({ field }) => field)).toEqual([
      'account_id',
      'instrument_id',
      'side',
      'type',
      'quantity',
    ]);
  });

  test('a stream of reports says what is wrong with its request', async () => {
    const open = async (request: object) => {
      const { signal } = new AbortController();
      for await (const _ of service.client.streamExecutionReports(request, { signal })) break;
    };
    expect((await failureOf(open({}))).reason).toBe('FIELD_REQUIRED');
    expect((await failureOf(open({ accountId: LONG }))).reason).toBe('ID_INVALID');
    const token = { accountId: 'alice', resumeToken: 'no token' };
    expect((await failureOf(open(token))).reason).toBe('RESUME_TOKEN_INVALID');
  });
});

describe('a batch of bad form', () => {
  test('fails by itself or by its items, and the stream stays usable', async () => {
    const item = { request: { case: 'placeOrder', value: { ...PLACE, price: 'x' } } } as const;
    const batches = [
      { clientBatchId: 'empty', items: [] },
      { clientBatchId: 'a b', items: [item] },
      { clientBatchId: 'large', items: Array.from({ length: 1001 }, () => item) },
      { clientBatchId: 'items', items: [item, { request: { case: undefined } }] },
      { clientBatchId: '', items: [item] },
    ] as never as SubmitOrdersRequest[];
    const answers = await submit(batches);
    const reasons = answers.map(({ clientBatchId, error, results }) => [
      clientBatchId,
      error === undefined ? results.map(({ result }) => result.case) : error.code,
    ]);
    expect(reasons.slice(0, 4)).toEqual([
      ['empty', Status.INVALID_ARGUMENT],
      ['a b', Status.INVALID_ARGUMENT],
      ['large', Status.INVALID_ARGUMENT],
      ['items', ['error', 'error']],
    ]);
    expect(answers[2]?.error?.details.length).toBeGreaterThan(0);
    expect(answers[4]?.clientBatchId).not.toBe('');
  });
});

async function submit(batches: readonly SubmitOrdersRequest[]): Promise<SubmitOrdersResponse[]> {
  const { signal } = new AbortController();
  const answers: SubmitOrdersResponse[] = [];
  async function* requests() {
    yield* batches;
  }
  for await (const answer of service.client.submitOrders(requests(), { signal })) {
    answers.push(answer);
  }
  return answers;
}
