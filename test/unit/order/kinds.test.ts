// From the text of every kind of order to its terms: the checks of the edge, by precedence.

import { describe, expect, test } from '@jest/globals';
import type { InstrumentState } from '../../../services/lib/rules/terms.ts';
import { canonicalText } from '../../../services/order/domain/canonical.ts';
import {
  checkPlacementForm,
  type PlacementForm,
  readPlacement,
} from '../../../services/order/domain/placement.ts';
import { FORM, INSTRUMENT, RULES } from './sample.ts';

const NOW_US = 1_790_000_000_000_000;
const LATER = { seconds: 1_790_000_001n, nanos: 500_000_000 };

function read(change: Partial<PlacementForm>, instrument = INSTRUMENT) {
  const form = { ...FORM, ...change };
  expect(checkPlacementForm(form)).toEqual([]);
  return readPlacement(form, instrument, NOW_US);
}

const problem = (change: Partial<PlacementForm>) => read(change).problem;
const conflict = (field: string) => ({ kind: 'error', reason: 'FIELDS_CONFLICT', field });
const required = (field: string) => ({ kind: 'error', reason: 'FIELD_REQUIRED', field });

describe('terms of every kind', () => {
  test('TYP-3 a stop has its stop price, and no price unless it is asked for', () => {
    const stop = { type: 'STOP', stopPrice: '110', price: undefined } as const;
    expect(read(stop)).toMatchObject({
      problem: undefined,
      terms: { type: 'STOP', timeInForce: 'GTC', stopPriceUnits: 11_000, priceUnits: 0 },
    });
    expect(read({ ...stop, price: '120' }).terms.priceUnits).toBe(12_000);
  });

  test('TYP-4 a trailing stop has its distance, in price or in basis points', () => {
    const trailing = { type: 'TRAILING_STOP', price: undefined } as const;
    expect(read({ ...trailing, trailing: { kind: 'offset', value: '5' } }).terms).toMatchObject({
      trailingOffsetUnits: 500,
      trailingOffsetBps: 0,
    });
    expect(read({ ...trailing, trailing: { kind: 'bps', value: 25 } }).terms).toMatchObject({
      trailingOffsetUnits: 0,
      trailingOffsetBps: 25,
    });
    expect(problem(trailing)).toEqual(required('trailing_offset'));
  });

  test('TIF-4 a GTD order has its time in microseconds, and one that has passed is declined', () => {
    const timed = { timeInForce: 'GTD', expireTime: LATER } as const;
    expect(read(timed)).toMatchObject({
      problem: undefined,
      terms: { expireTimeUs: 1_790_000_001_500_000 },
    });
    const now = { ...timed, expireTime: { seconds: 1_790_000_000n, nanos: 0 } };
    expect(problem(now)).toEqual({ kind: 'declined', reason: 'TOO_LATE' });
    expect(problem({ timeInForce: 'GTD' })).toEqual(required('expire_time'));
    expect(problem({ expireTime: LATER })).toEqual(conflict('expire_time'));
  });

  test('TIF-5 a DAY order is declined where there are no sessions', () => {
    expect(problem({ timeInForce: 'DAY' })).toEqual({ kind: 'declined', reason: 'NO_SESSIONS' });
    const open = { ...INSTRUMENT, rules: { ...RULES, hasSessions: true } };
    expect(read({ timeInForce: 'DAY' }, open).problem).toBeUndefined();
  });

  test('TYP-5 an iceberg shows lots, less than all and at least a hundredth', () => {
    expect(read({ displayQuantity: '0.001' }).terms.displayUnits).toBe(10);
    expect(problem({ displayQuantity: '0.01' })).toEqual(conflict('display_quantity'));
    const off = { kind: 'error', reason: 'QUANTITY_OFF_LOT', field: 'display_quantity' };
    expect(problem({ displayQuantity: '0.0011' })).toEqual(off);
    expect(problem({ quantity: '1', displayQuantity: '0.0095' })).toEqual({
      kind: 'declined',
      reason: 'DISPLAY_QUANTITY_TOO_SMALL',
    });
  });

  test('TYP-8 a minimum quantity is at most the quantity and never post-only', () => {
    expect(read({ minimumQuantity: '0.01' }).terms.minimumUnits).toBe(100);
    expect(problem({ minimumQuantity: '0.0105' })).toEqual(conflict('minimum_quantity'));
    const postOnly = { minimumQuantity: '0.005', postOnly: true };
    expect(problem(postOnly)).toEqual(conflict('minimum_quantity'));
  });

  test.each([
    [{ type: 'LIMIT', stopPrice: '100' }, 'stop_price'],
    [{ type: 'TRAILING_STOP', stopPrice: '100', price: undefined }, 'stop_price'],
    [{ trailing: { kind: 'bps', value: 1 } }, 'trailing_offset'],
    [{ type: 'STOP', stopPrice: '100', price: undefined, timeInForce: 'IOC' }, 'time_in_force'],
    [{ type: 'STOP', stopPrice: '100', price: undefined, postOnly: true }, 'post_only'],
    [{ type: 'STOP', stopPrice: '100', quantity: undefined, quoteQuantity: '1' }, 'quote_quantity'],
  ] as const)('TYP-3 TYP-6 %j is refused for its %s', (change, field) => {
    expect(problem(change as Partial<PlacementForm>)).toEqual(conflict(field));
  });

  test('rules of the type come before tick and lot', () => {
    const off = { kind: 'error', reason: 'PRICE_OFF_TICK', field: 'stop_price' };
    const stop = { type: 'STOP', price: undefined, stopPrice: '100.01' } as const;
    expect(problem(stop)).toEqual(off);
    expect(problem({ ...stop, timeInForce: 'FOK' })).toEqual(conflict('time_in_force'));
  });

  test.each([
    ['PRE_OPEN', 'LIMIT', undefined],
    ['PRE_OPEN', 'MARKET', 'INSTRUMENT_STATE'],
    ['AUCTION', 'STOP', undefined],
    ['POST_ONLY', 'LIMIT', 'INSTRUMENT_STATE'],
    ['POST_ONLY', 'STOP', 'INSTRUMENT_STATE'],
    ['HALTED', 'LIMIT', 'INSTRUMENT_STATE'],
    ['CLOSED', 'STOP', 'INSTRUMENT_STATE'],
  ] as const)('STA-1 in %s a %s order is declined with %s', (state, type, reason) => {
    const instrument = { ...INSTRUMENT, state: state as InstrumentState };
    const stopPrice = type === 'STOP' ? '100' : undefined;
    const read = readPlacement({ ...FORM, type, stopPrice }, instrument, NOW_US);
    expect(read.problem).toEqual(reason && { kind: 'declined', reason });
  });
});

describe('the canonical text', () => {
  test('HLD-2 is another one for each rare field, and equal however its decimal is written', () => {
    const changes: Partial<PlacementForm>[] = [
      {},
      { stopPrice: '1' },
      { trailing: { kind: 'offset', value: '1' } },
      { trailing: { kind: 'bps', value: 1 } },
      { expireTime: LATER },
      { displayQuantity: '1' },
      { minimumQuantity: '1' },
    ];
    const texts = changes.map((change) => canonicalText({ ...FORM, ...change }));
    expect(new Set(texts).size).toBe(texts.length);
    expect(canonicalText({ ...FORM, stopPrice: '1.0' })).toBe(texts[1]);
  });
});
