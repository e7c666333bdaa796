// From the text of a placement to its terms: every check of the edge, by precedence.

import { describe, expect, test } from '@jest/globals';
import { canonicalText, hashBody } from '../../../services/order/domain/canonical.ts';
import {
  checkPlacementForm,
  type PlacementForm,
  readPlacement,
} from '../../../services/order/domain/placement.ts';
import { FORM, INSTRUMENT, RULES, TERMS } from './sample.ts';

const NOW_US = 1_790_000_000_000_000;

function violations(change: Partial<PlacementForm>): string[] {
  return checkPlacementForm({ ...FORM, ...change }).map(
    ({ field, reason }) => `${field} ${reason}`,
  );
}

function problem(change: Partial<PlacementForm>, instrument = INSTRUMENT) {
  return readPlacement({ ...FORM, ...change }, instrument, NOW_US).problem;
}

describe('the form of a placement', () => {
  test('a good one has no violations', () => {
    expect(violations({})).toEqual([]);
    expect(violations({ clientOrderId: '' })).toEqual([]);
  });

  test('every field has its own violation, in the order of the fields', () => {
    expect(
      violations({
        accountId: '',
        clientOrderId: 'a b',
        instrumentId: 'x'.repeat(65),
        side: 'UNSPECIFIED',
        type: 'UNKNOWN',
        quantity: '1e5',
        price: '-1',
        timeInForce: 'UNKNOWN',
        selfTradePrevention: 'UNKNOWN',
        acceptBefore: { seconds: 1n, nanos: 0 },
      }),
    ).toEqual([
      'account_id FIELD_REQUIRED',
      'client_order_id ID_INVALID',
      'instrument_id ID_INVALID',
      'side FIELD_REQUIRED',
      'type ENUM_VALUE_UNKNOWN',
      'quantity DECIMAL_INVALID',
      'price DECIMAL_OUT_OF_RANGE',
      'time_in_force ENUM_VALUE_UNKNOWN',
      'self_trade_prevention ENUM_VALUE_UNKNOWN',
      'accept_before_time TIME_INVALID',
    ]);
  });

  test.each([
    '',
    '1e5',
    'NaN',
    '-0',
    '00.1',
    '+1',
    '.5',
    '1.',
    '1,5',
    '0x1',
    `1.${'0'.repeat(40)}`,
  ])('the quantity %j is no decimal', (quantity) =>
    expect(violations({ quantity })).toEqual(['quantity DECIMAL_INVALID']),
  );

  test.each(['0', '0.0', '-1', '-0.5'])('the quantity %j is out of range', (quantity) => {
    expect(violations({ quantity })).toEqual(['quantity DECIMAL_OUT_OF_RANGE']);
  });

  test('one of quantity and quote quantity is required, and a price of a limit order', () => {
    expect(violations({ quantity: undefined, price: undefined })).toEqual([
      'quantity FIELD_REQUIRED',
      'price FIELD_REQUIRED',
    ]);
    const market = { type: 'MARKET', price: undefined } as const;
    expect(violations(market)).toEqual([]);
  });
});

describe('a placement against its instrument', () => {
  test('TYP-1 texts become units, and what is unspecified gets its value', () => {
    const { terms } = readPlacement(FORM, INSTRUMENT, NOW_US);
    expect(terms).toEqual(TERMS);
  });

  test('TYP-2 a market order is IOC unless it says otherwise', () => {
    const form = { ...FORM, type: 'MARKET', price: undefined } as const;
    expect(readPlacement(form, INSTRUMENT, NOW_US).terms.timeInForce).toBe('IOC');
  });

  test('BND-2 off tick and off lot are errors of the call', () => {
    const offTick = { kind: 'error', reason: 'PRICE_OFF_TICK', field: 'price' };
    expect(problem({ price: '100.15' })).toEqual(offTick);
    expect(problem({ price: '100.001' })).toEqual(offTick);
    const offLot = { kind: 'error', reason: 'QUANTITY_OFF_LOT', field: 'quantity' };
    expect(problem({ quantity: '0.0101' })).toEqual(offLot);
    expect(problem({ quantity: '0.00001' })).toEqual(offLot);
  });

  test('a number beyond what is counted is out of range', () => {
    expect(problem({ price: '900719925474099.2' })).toMatchObject({
      reason: 'DECIMAL_OUT_OF_RANGE',
    });
  });

  test('HLD-1 the state declines before rules of the type and the tick are looked at', () => {
    const closed = { ...INSTRUMENT, state: 'CANCEL_ONLY' } as const;
    const declined = { kind: 'declined', reason: 'INSTRUMENT_STATE' };
    expect(problem({ price: '100.15' }, closed)).toEqual(declined);
    expect(problem({ postOnly: true, timeInForce: 'IOC' }, closed)).toEqual(declined);
  });

  test('rules of the type come before tick and lot', () => {
    const conflict = { kind: 'error', reason: 'FIELDS_CONFLICT' };
    expect(problem({ postOnly: true, timeInForce: 'IOC', price: '100.15' })).toMatchObject(
      conflict,
    );
    expect(problem({ type: 'MARKET', timeInForce: 'GTC' })).toMatchObject(conflict);
    expect(problem({ quantity: undefined, quoteQuantity: '5' })).toMatchObject(conflict);
  });

  test('tick and lot come before limits', () => {
    expect(problem({ price: '2000000.15' })).toMatchObject({ reason: 'PRICE_OFF_TICK' });
    expect(problem({ price: '2000000' })).toEqual({
      kind: 'declined',
      reason: 'PRICE_ABOVE_MAXIMUM',
    });
  });

  test.each([
    [{ quantity: '0.0005' }, 'QUANTITY_BELOW_MINIMUM'],
    [{ quantity: '100.001' }, 'QUANTITY_ABOVE_MAXIMUM'],
    [{ price: '0.1', quantity: '0.001' }, 'NOTIONAL_BELOW_MINIMUM'],
  ])('HLD-1 the limits decline %j: %s', (change, reason) => {
    expect(problem(change)).toEqual({ kind: 'declined', reason });
  });

  test('a quote quantity has no more decimal places than the quote asset', () => {
    const form = { type: 'MARKET', price: undefined, quantity: undefined } as const;
    expect(problem({ ...form, quoteQuantity: '1.0000001' })).toMatchObject({
      reason: 'SCALE_EXCEEDED',
      field: 'quote_quantity',
    });
  });

  test('what should have been accepted before now is declined as too late', () => {
    const seconds = BigInt(NOW_US / 1_000_000);
    expect(problem({ acceptBefore: { seconds, nanos: 0 } })).toBeUndefined();
    expect(problem({ acceptBefore: { seconds: seconds - 1n, nanos: 0 } })).toEqual({
      kind: 'declined',
      reason: 'TOO_LATE',
    });
  });

  test('REF-1 the terms state the version of the rules they were checked against', () => {
    const newer = { ...INSTRUMENT, rules: { ...RULES, version: 9, makerRatePpm: 7 } };
    const { terms } = readPlacement(FORM, newer, NOW_US);
    expect(terms).toMatchObject({ instrumentVersion: 9, makerRatePpm: 7 });
  });
});

describe('the canonical text', () => {
  test('HLD-2 is equal however a decimal is written', () => {
    const text = canonicalText({ ...FORM, quantity: '10.50', price: '100.0' });
    expect(canonicalText({ ...FORM, quantity: '10.5', price: '100' })).toBe(text);
    expect(canonicalText({ ...FORM, quantity: '10', price: '100' })).toBe(
      canonicalText({ ...FORM, quantity: '10.000', price: '100.00' }),
    );
  });

  test.each([
    { instrumentId: 'ETH-USD' },
    { side: 'SELL' },
    { type: 'MARKET' },
    { quantity: '0.02' },
    { quantity: undefined, quoteQuantity: '0.01' },
    { price: '100.2' },
    { timeInForce: 'GTC' },
    { postOnly: true },
    { selfTradePrevention: 'NONE' },
    { acceptBefore: { seconds: 1_790_000_000n, nanos: 1 } },
  ] as Partial<PlacementForm>[])('HLD-2 differs when %j differs', (change) => {
    expect(canonicalText({ ...FORM, ...change })).not.toBe(canonicalText(FORM));
  });

  test('HLD-2 does not depend on the ids that key it', () => {
    expect(canonicalText({ ...FORM, accountId: 'bob', clientOrderId: 'two' })).toBe(
      canonicalText(FORM),
    );
  });
});

describe('the hash of a body', () => {
  test('HLD-2 is that of its canonical text, however long, and another one for another text', () => {
    const long = { ...FORM, instrumentId: 'x'.repeat(3_000) };
    const forms = [FORM, { ...FORM, price: '7' }, { ...FORM, stopPrice: '7' }, long];
    const hashes = () => forms.map((form) => Buffer.from(hashBody(form)).toString('hex'));
    const first = hashes();
    expect(new Set(first).size).toBe(forms.length);
    for (const hash of first) expect(hash).toHaveLength(32);
    expect(hashes()).toEqual(first);
    const same = { ...FORM, price: `${FORM.price}0`, accountId: 'bob', clientOrderId: 'two' };
    expect(canonicalText(same)).toBe(canonicalText(FORM));
    expect(Buffer.from(hashBody(same)).toString('hex')).toBe(first[0]);
  });
});
