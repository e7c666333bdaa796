// The pure rules that edge and engine share: the table of states, bands, trailing stop prices, and
// which fields of an order, a group and an amend go together.

import { describe, expect, test } from '@jest/globals';
import { admitsOrder, amendRuleOf, mayFollow } from '../../../services/lib/rules/admission.ts';
import { dynamicBand, NO_BAND, staticBand } from '../../../services/lib/rules/band.ts';
import { checkAmend } from '../../../services/lib/rules/check-amend.ts';
import { checkGroup } from '../../../services/lib/rules/check-group.ts';
import { checkOrder } from '../../../services/lib/rules/check-order.ts';
import { checkRules } from '../../../services/lib/rules/check-rules.ts';
import { triggersAbove } from '../../../services/lib/rules/order-types.ts';
import { trailingStopPrice } from '../../../services/lib/rules/stop-price.ts';
import type { InstrumentState, OrderTerms } from '../../../services/lib/rules/terms.ts';
import { PLAIN_TERMS, WIDE_RULES } from '../../support/matching/one-book.ts';

const LIMIT: OrderTerms = { ...PLAIN_TERMS, priceUnits: 100, quantityUnits: 100 };
const STOP: OrderTerms = { ...LIMIT, type: 'STOP', stopPriceUnits: 110, priceUnits: 0 };
const STOP_LIMIT: OrderTerms = { ...STOP, type: 'STOP_LIMIT', priceUnits: 111 };
const TRAILING: OrderTerms = {
  ...LIMIT,
  type: 'TRAILING_STOP',
  priceUnits: 0,
  trailingOffsetUnits: 5,
};

describe('STA-1 the table of states', () => {
  const orders = {
    limit: LIMIT,
    ioc: { ...LIMIT, timeInForce: 'IOC' },
    market: { ...LIMIT, type: 'MARKET', timeInForce: 'IOC' },
    minimum: { ...LIMIT, minimumUnits: 5 },
    postOnly: { ...LIMIT, postOnly: true },
    stop: STOP,
  } as const;
  test.each<[InstrumentState, string, string]>([
    ['PRE_OPEN', 'limit postOnly stop', 'ANY'],
    ['AUCTION', 'limit postOnly stop', 'ANY'],
    ['CONTINUOUS', 'limit ioc market minimum postOnly stop', 'ANY'],
    ['POST_ONLY', 'postOnly', 'PASSIVE'],
    ['CANCEL_ONLY', '', 'LESS_QUANTITY'],
    ['HALTED', '', 'LESS_QUANTITY'],
    ['CLOSED', '', 'LESS_QUANTITY'],
    ['RETIRED', '', 'LESS_QUANTITY'],
  ])('%s admits: %s; amends: %s', (state, admitted, amends) => {
    const names = Object.entries(orders).filter(([, terms]) => admitsOrder(state, terms));
    expect(names.map(([name]) => name).join(' ')).toBe(admitted);
    expect(amendRuleOf(state)).toBe(amends);
  });

  test('HALTED goes on through AUCTION, CANCEL_ONLY goes back, RETIRED stays', () => {
    expect(mayFollow('HALTED', 'CONTINUOUS', 'CONTINUOUS')).toBe(false);
    expect(mayFollow('HALTED', 'AUCTION', 'CONTINUOUS')).toBe(true);
    expect(mayFollow('CANCEL_ONLY', 'AUCTION', 'AUCTION')).toBe(true);
    expect(mayFollow('CANCEL_ONLY', 'CONTINUOUS', 'AUCTION')).toBe(false);
    expect(mayFollow('CONTINUOUS', 'RETIRED', 'CONTINUOUS')).toBe(false);
    expect(mayFollow('RETIRED', 'CLOSED', 'CONTINUOUS')).toBe(false);
  });
});

describe('BND-1 bands', () => {
  const bands = { staticBandPpm: 100_000, farBandPpm: 500_000, dynamicBandPpm: 50_000 };

  test('a buy pays at most the static band more, and is at most the far band below', () => {
    expect(staticBand(bands, 'BUY', 1_005)).toEqual({ lowest: 503, highest: 1_105 });
    expect(staticBand(bands, 'SELL', 1_005)).toEqual({ lowest: 905, highest: 1_507 });
  });

  test('without a reference price or a width there is no band', () => {
    expect(staticBand(bands, 'BUY', 0)).toEqual(NO_BAND);
    expect(staticBand({ staticBandPpm: 0, farBandPpm: 0 }, 'BUY', 100)).toEqual(NO_BAND);
    expect(dynamicBand({ dynamicBandPpm: 0 }, 100)).toEqual(NO_BAND);
    expect(dynamicBand(bands, 0)).toEqual(NO_BAND);
  });

  test('the dynamic band has two sides, rounded toward the last price, at any size', () => {
    expect(dynamicBand(bands, 109)).toEqual({ lowest: 104, highest: 114 });
    const top = Number.MAX_SAFE_INTEGER;
    const wide = dynamicBand(bands, top);
    expect(wide.highest).toBe(top);
    expect(BigInt(wide.lowest)).toBe(BigInt(top) - (BigInt(top) * 50_000n) / 1_000_000n);
  });
});

describe('TYP-3 TYP-4 triggers', () => {
  test('buy stops and sell take-profits trigger upward, the others downward', () => {
    expect(triggersAbove('STOP', 'BUY')).toBe(true);
    expect(triggersAbove('STOP_LIMIT', 'SELL')).toBe(false);
    expect(triggersAbove('TRAILING_STOP', 'SELL')).toBe(false);
    expect(triggersAbove('TAKE_PROFIT', 'BUY')).toBe(false);
    expect(triggersAbove('TAKE_PROFIT_LIMIT', 'SELL')).toBe(true);
  });

  test('a distance in basis points is rounded down to ticks and is at least one', () => {
    const bps = (side: 'BUY' | 'SELL', trailingOffsetBps: number) => ({
      ...TRAILING,
      side,
      trailingOffsetUnits: 0,
      trailingOffsetBps,
    });
    expect(trailingStopPrice(bps('SELL', 150), 1_000, 10)).toBe(990);
    expect(trailingStopPrice(bps('BUY', 199), 1_000, 10)).toBe(1_010);
    expect(trailingStopPrice(bps('SELL', 1), 1_000, 10)).toBe(990);
    expect(trailingStopPrice({ ...TRAILING, side: 'SELL' }, 3, 1)).toBe(1);
    const top = Number.MAX_SAFE_INTEGER;
    expect(trailingStopPrice(bps('BUY', 9_999), top, 1)).toBe(top);
  });
});

describe('TYP-1 to TYP-8 fields that go together', () => {
  const iceberg = { ...LIMIT, displayUnits: 10 };
  test.each<[string, OrderTerms, string | undefined]>([
    ['a stop', STOP, undefined],
    ['a stop-limit that is IOC', { ...STOP_LIMIT, timeInForce: 'IOC' }, undefined],
    ['a trailing stop', TRAILING, undefined],
    ['an iceberg', iceberg, undefined],
    ['a stop that is IOC', { ...STOP, timeInForce: 'IOC' }, 'FIELDS_CONFLICT'],
    ['a stop without stop price', { ...STOP, stopPriceUnits: 0 }, 'FIELD_REQUIRED'],
    ['a limit with stop price', { ...LIMIT, stopPriceUnits: 1 }, 'FIELDS_CONFLICT'],
    ['a stop-limit without limit', { ...STOP_LIMIT, priceUnits: 0 }, 'FIELD_REQUIRED'],
    [
      'a trailing stop with two distances',
      { ...TRAILING, trailingOffsetBps: 5 },
      'FIELDS_CONFLICT',
    ],
    ['a trailing stop with none', { ...TRAILING, trailingOffsetUnits: 0 }, 'FIELD_REQUIRED'],
    ['a limit with a distance', { ...LIMIT, trailingOffsetBps: 5 }, 'FIELDS_CONFLICT'],
    ['GTD without time', { ...LIMIT, timeInForce: 'GTD' }, 'FIELD_REQUIRED'],
    ['GTC with a time', { ...LIMIT, expireTimeUs: 5 }, 'FIELDS_CONFLICT'],
    ['an iceberg of IOC', { ...iceberg, timeInForce: 'IOC' }, 'FIELDS_CONFLICT'],
    ['an iceberg that shows all', { ...LIMIT, displayUnits: 100 }, 'FIELDS_CONFLICT'],
    [
      'an iceberg of too many parts',
      { ...iceberg, quantityUnits: 1_001 },
      'DISPLAY_QUANTITY_TOO_SMALL',
    ],
    ['a stop with a shown part', { ...STOP, displayUnits: 10 }, 'FIELDS_CONFLICT'],
    ['a minimum above the quantity', { ...LIMIT, minimumUnits: 101 }, 'FIELDS_CONFLICT'],
    ['a minimum of a post-only', { ...LIMIT, minimumUnits: 1, postOnly: true }, 'FIELDS_CONFLICT'],
    ['a post-only stop', { ...STOP, postOnly: true }, 'FIELDS_CONFLICT'],
    ['a post-only stop-limit', { ...STOP_LIMIT, postOnly: true }, undefined],
  ])('%s', (_, terms, reason) => {
    expect(checkOrder(WIDE_RULES, terms)?.reason).toBe(reason);
  });

  test('TIF-5 DAY needs sessions; steps count for stop prices, distances and parts', () => {
    const rules = { ...WIDE_RULES, hasSessions: false, tickUnits: 2, lotUnits: 2 };
    const reasonOf = (terms: OrderTerms) => checkOrder(rules, terms)?.reason;
    expect(reasonOf({ ...LIMIT, timeInForce: 'DAY' })).toBe('NO_SESSIONS');
    expect(reasonOf({ ...STOP, stopPriceUnits: 111 })).toBe('PRICE_OFF_TICK');
    expect(reasonOf(TRAILING)).toBe('PRICE_OFF_TICK');
    expect(reasonOf({ ...LIMIT, displayUnits: 11 })).toBe('QUANTITY_OFF_LOT');
    expect(reasonOf({ ...LIMIT, minimumUnits: 11 })).toBe('QUANTITY_OFF_LOT');
  });
});

describe('TYP-7 groups', () => {
  const exit = { ...STOP, side: 'SELL', quantityUnits: 0 } as const;
  const profit = { ...exit, type: 'TAKE_PROFIT' } as const;
  const reasonOf = (type: 'OCO' | 'BRACKET', legs: OrderTerms[]) =>
    checkGroup(WIDE_RULES, type, legs)?.reason;

  test('an OCO has two orders of one side that stay', () => {
    expect(reasonOf('OCO', [LIMIT, STOP])).toBeUndefined();
    expect(reasonOf('OCO', [LIMIT])).toBe('FIELDS_CONFLICT');
    expect(reasonOf('OCO', [LIMIT, { ...STOP, side: 'SELL' }])).toBe('FIELDS_CONFLICT');
    expect(reasonOf('OCO', [LIMIT, { ...LIMIT, timeInForce: 'IOC' }])).toBe('FIELDS_CONFLICT');
    expect(reasonOf('OCO', [LIMIT, { ...LIMIT, instrumentNumber: 2 }])).toBe('FIELDS_CONFLICT');
  });

  test('a bracket has an entry, a take-profit and a stop on the other side, of no quantity', () => {
    expect(reasonOf('BRACKET', [LIMIT, profit, exit])).toBeUndefined();
    expect(reasonOf('BRACKET', [LIMIT, exit, profit])).toBe('FIELDS_CONFLICT');
    expect(reasonOf('BRACKET', [LIMIT, profit, { ...exit, side: 'BUY' }])).toBe('FIELDS_CONFLICT');
    expect(reasonOf('BRACKET', [LIMIT, profit, { ...exit, quantityUnits: 1 }])).toBe(
      'FIELDS_CONFLICT',
    );
    const late = { ...WIDE_RULES, maximumPriceUnits: 105 };
    expect(checkGroup(late, 'BRACKET', [LIMIT, profit, exit])).toMatchObject({
      reason: 'PRICE_ABOVE_MAXIMUM',
      leg: 1,
    });
  });
});

describe('AMD-1 amends of what an order has', () => {
  const open = { filledUnits: 0, isWaiting: false };
  test.each<
    [string, Parameters<typeof checkAmend>[1], Parameters<typeof checkAmend>[2], string | undefined]
  >([
    [
      'the stop price of a stop',
      { ...STOP, ...open, isWaiting: true },
      { stopPriceUnits: 112 },
      undefined,
    ],
    [
      'that of a triggered one',
      { ...STOP_LIMIT, ...open },
      { stopPriceUnits: 112 },
      'FIELDS_CONFLICT',
    ],
    [
      'the price of a trailing stop',
      { ...TRAILING, ...open, isWaiting: true },
      { priceUnits: 9 },
      'FIELDS_CONFLICT',
    ],
    ['the time of a GTC order', { ...LIMIT, ...open }, { expireTimeUs: 9 }, 'FIELDS_CONFLICT'],
    ['a shown part', { ...LIMIT, ...open }, { displayUnits: 10 }, undefined],
    ['a shown part that is all', { ...LIMIT, ...open }, { displayUnits: 100 }, 'FIELDS_CONFLICT'],
    [
      'a shown part of a stop',
      { ...STOP, ...open, isWaiting: true },
      { displayUnits: 1 },
      'FIELDS_CONFLICT',
    ],
    [
      'too small a part',
      { ...LIMIT, ...open, quantityUnits: 1_000 },
      { displayUnits: 9 },
      'DISPLAY_QUANTITY_TOO_SMALL',
    ],
  ])('%s', (_, order, change, reason) => {
    expect(checkAmend(WIDE_RULES, order, change)?.reason).toBe(reason);
  });
});

test('REF-2 a dynamic band needs a time for its auctions', () => {
  expect(checkRules({ ...WIDE_RULES, dynamicBandPpm: 1, volatilityAuctionUs: 0 })).toEqual({
    reason: 'FIELDS_CONFLICT',
    field: 'volatilityAuctionUs',
  });
  const day = { ...WIDE_RULES, dynamicBandPpm: 1, volatilityAuctionUs: 86_400_000_001 };
  expect(checkRules(day)?.reason).toBe('NUMBER_OUT_OF_RANGE');
});
