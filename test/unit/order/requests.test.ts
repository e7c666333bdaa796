// Order ids, identities, and the requests about orders that exist.

import { describe, expect, test } from '@jest/globals';
import {
  additionalHold,
  checkAmendment,
  readAmend,
} from '../../../services/order/domain/amendment.ts';
import { type BookLevel, estimateFills } from '../../../services/order/domain/estimate.ts';
import {
  forbidIdentity,
  massCancelIdentity,
  parseCause,
  placementIdentity,
  requestIdentity,
} from '../../../services/order/domain/identity.ts';
import { formatAveragePrice } from '../../../services/order/domain/instrument.ts';
import { formatOrderId, parseOrderId } from '../../../services/order/domain/order-id.ts';
import {
  checkAmendForm,
  checkCancelForm,
  checkListForm,
} from '../../../services/order/domain/requests.ts';
import { INSTRUMENT, RECORD, RULES, TERMS } from './sample.ts';

const NO_CHANGE = {
  quantity: undefined,
  price: undefined,
  stopPrice: undefined,
  displayQuantity: undefined,
  expireTime: undefined,
} as const;

describe('order ids', () => {
  test('HLD-2 are made of account number and placement and read back', () => {
    const key = { accountNumber: 4097, placement: 12 };
    expect(formatOrderId(key)).toBe('4097-12');
    expect(parseOrderId('4097-12')).toEqual(key);
  });

  test.each(['', '1', '1-', '-1', '01-1', '1-01', '1-1-1', '4294967296-1', '1-9007199254740993'])(
    'the text %j is no order id',
    (text) => expect(parseOrderId(text)).toBeUndefined(),
  );
});

describe('identities', () => {
  test('LOG-11 of one order are equal for every attempt and tell what they are', () => {
    const key = { accountNumber: 4097, placement: 12 };
    expect(parseCause(placementIdentity(key))).toEqual({ kind: 'placement', orderId: '4097-12' });
    expect(parseCause(requestIdentity(4097, 'my.id:1'))).toEqual({
      kind: 'request',
      accountNumber: 4097,
      clientRequestId: 'my.id:1',
    });
    expect(parseCause(requestIdentity(4097, 'again', 2))).toMatchObject({
      clientRequestId: 'again',
    });
    expect(parseCause(massCancelIdentity(4097, 'all', 3))).toMatchObject({
      clientRequestId: 'all',
    });
    expect(parseCause(forbidIdentity(key, 'ff'))).toEqual({ kind: 'other' });
    expect(parseCause('')).toEqual({ kind: 'other' });
  });

  test('LOG-11 the longest one is within 128 bytes', () => {
    const longest = massCancelIdentity(2 ** 32 - 1, 'x'.repeat(64), 2 ** 32 - 1);
    expect(longest.length).toBeLessThanOrEqual(128);
  });
});

describe('the form of a request about an order', () => {
  const order = { instrumentId: 'BTC-USD', id: { kind: 'orderId', value: '1-1' } } as const;

  test('names every field that is missing', () => {
    const absent = { ...order, instrumentId: '', id: { kind: 'absent' } } as const;
    const form = { accountId: '', order: absent, clientRequestId: 'a b' };
    expect(checkCancelForm(form).map(({ field, reason }) => [field, reason])).toEqual([
      ['account_id', 'FIELD_REQUIRED'],
      ['order.instrument_id', 'FIELD_REQUIRED'],
      ['order.order_id', 'FIELD_REQUIRED'],
      ['client_request_id', 'ID_INVALID'],
    ]);
    expect(checkCancelForm({ ...form, order: undefined })[1]).toMatchObject({ field: 'order' });
  });

  test('AMD-2 an amend changes something; AMD-3 a version is at least 1', () => {
    const form = { accountId: 'a', order, clientRequestId: '', expectedVersion: 0n };
    const nothing = { ...form, ...NO_CHANGE };
    expect(checkAmendForm(nothing).map(({ field }) => field)).toEqual([
      'quantity',
      'expected_version',
    ]);
  });

  test('a page has at most 1,000 entries, and filters do not contradict', () => {
    const form = { accountId: 'a', instrumentId: 'ETH-USD', pageSize: 1001 };
    expect(checkListForm(form, order).map(({ field, reason }) => [field, reason])).toEqual([
      ['order.instrument_id', 'FIELDS_CONFLICT'],
      ['page_size', 'NUMBER_OUT_OF_RANGE'],
    ]);
    expect(checkListForm({ ...form, pageSize: -1 })).toHaveLength(1);
  });
});

describe('an amend', () => {
  const record = { ...RECORD, status: 'ACTIVE', filledUnits: 20, remainingUnits: 80 } as const;

  test('HLD-6 holds the difference of the worst costs, fee included, and never less', () => {
    const change = { quantityUnits: 200, priceUnits: undefined };
    const more = 100n * 10_010n;
    const fee = (more * 200n) / 1_000_000n;
    const hold = additionalHold(INSTRUMENT, record, change);
    expect(hold).toBeGreaterThanOrEqual(more + fee);
    expect(hold).toBeLessThanOrEqual(more + fee + 1n);
  });

  test('HLD-6 holds nothing when the order may cost no more', () => {
    expect(additionalHold(INSTRUMENT, record, { quantityUnits: 50, priceUnits: 10_020 })).toBe(0n);
    expect(additionalHold(INSTRUMENT, record, { quantityUnits: 10, priceUnits: undefined })).toBe(
      0n,
    );
  });

  test('HLD-6 a sell holds more base for more quantity only', () => {
    const sell = { ...record, terms: { ...TERMS, side: 'SELL' } } as const;
    expect(additionalHold(INSTRUMENT, sell, { quantityUnits: undefined, priceUnits: 99_990 })).toBe(
      0n,
    );
    expect(additionalHold(INSTRUMENT, sell, { quantityUnits: 110, priceUnits: undefined })).toBe(
      100_000n,
    );
  });

  test('STA-1 CANCEL_ONLY admits less quantity only', () => {
    const closed = { ...INSTRUMENT, state: 'CANCEL_ONLY' } as const;
    const less = { quantityUnits: 50, priceUnits: undefined };
    expect(checkAmendment(closed, record, less)).toBeUndefined();
    expect(checkAmendment(closed, record, { ...less, priceUnits: 10_020 })).toEqual({
      kind: 'declined',
      reason: 'INSTRUMENT_STATE',
    });
  });

  test('BND-2 what it changes is on tick and lot', () => {
    const off = { kind: 'error', reason: 'PRICE_OFF_TICK', field: 'price' };
    expect(readAmend({ ...NO_CHANGE, price: '1.001' }, INSTRUMENT).problem).toEqual(off);
    const { change } = readAmend({ ...NO_CHANGE, price: '100.05' }, INSTRUMENT);
    expect(checkAmendment(INSTRUMENT, record, change)).toEqual(off);
  });
});

describe('an estimate', () => {
  const levels: BookLevel[] = [
    { priceUnits: 10_000, quantityUnits: 60 },
    { priceUnits: 10_010, quantityUnits: 100 },
    { priceUnits: 10_020, quantityUnits: 500 },
  ];

  test('MAT-3 takes the better price first and stops at the limit', () => {
    const estimate = estimateFills(RULES, { ...TERMS, quantityUnits: 500 }, levels);
    expect(estimate.quantityUnits).toBe(160);
    expect(estimate.notionalUnits).toBe(60n * 10_000n + 100n * 10_010n);
    expect(estimate.feeUnits).toBe(321n);
  });

  test('TIF-3 a FOK that cannot be filled whole trades nothing', () => {
    const fok = { ...TERMS, timeInForce: 'FOK', quantityUnits: 500 } as const;
    expect(estimateFills(RULES, fok, levels).quantityUnits).toBe(0);
  });

  test('TYP-6 post-only that would trade is declined', () => {
    const postOnly = { ...TERMS, postOnly: true };
    expect(estimateFills(RULES, postOnly, levels).rejectReason).toBe('POST_ONLY_WOULD_TAKE');
  });

  test('TYP-2 a budget buys whole lots, fee included, and never costs more', () => {
    const budget = {
      ...TERMS,
      type: 'MARKET',
      timeInForce: 'IOC',
      quantityUnits: 0,
      quoteBudgetUnits: 700_000n,
      priceUnits: 10_500,
    } as const;
    const estimate = estimateFills(RULES, budget, levels);
    expect(estimate.quantityUnits).toBe(65);
    expect(estimate.notionalUnits + estimate.feeUnits).toBeLessThanOrEqual(700_000n);
  });
});

describe('the average price', () => {
  test('is empty before the first fill and rounded half up to 9 places', () => {
    expect(formatAveragePrice(INSTRUMENT, 0n, 0)).toBe('');
    expect(formatAveragePrice(INSTRUMENT, 1_001_000n, 100)).toBe('100.1');
    expect(formatAveragePrice(INSTRUMENT, 20_000n + 10_000n, 3)).toBe('100');
    expect(formatAveragePrice(INSTRUMENT, 20_001n, 3)).toBe('66.67');
  });
});
