// The check of an order against its instrument's rules (BND-2), and what it can cost (HLD-1).
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { feeOfFill } from '../../../services/lib/base/fee.ts';
import { checkAmend } from '../../../services/lib/rules/check-amend.ts';
import { checkOrder, checkState } from '../../../services/lib/rules/check-order.ts';
import { checkRules } from '../../../services/lib/rules/check-rules.ts';
import { placementCost, worstCost, worstPrice } from '../../../services/lib/rules/cost.ts';
import type { InstrumentRules, OrderTerms } from '../../../services/lib/rules/terms.ts';
import { PLAIN_RULES, PLAIN_TERMS } from '../../support/plain.ts';

const rules: InstrumentRules = {
  instrumentNumber: 1,
  instrumentId: 'BTC-USD',
  version: 1,
  baseAssetNumber: 1,
  quoteAssetNumber: 2,
  notionalFactor: 1,
  baseFactor: 1,
  tickUnits: 5,
  lotUnits: 10,
  minimumQuantityUnits: 20,
  maximumQuantityUnits: 10_000,
  maximumPriceUnits: 1_000_000,
  minimumNotionalUnits: 1_000n,
  collarPpm: 50_000,
  maximumOpenOrders: 10,
  makerRatePpm: 500,
  takerRatePpm: 1_000,
  ...PLAIN_RULES,
};

const limit: OrderTerms = {
  instrumentNumber: 1,
  side: 'BUY',
  type: 'LIMIT',
  timeInForce: 'GTC',
  postOnly: false,
  quantityUnits: 100,
  quoteBudgetUnits: 0n,
  priceUnits: 100,
  selfTradePrevention: 'CANCEL_TAKER',
  makerRatePpm: 500,
  takerRatePpm: 1_000,
  instrumentVersion: 1,
  ...PLAIN_TERMS,
};

const market: OrderTerms = { ...limit, type: 'MARKET', timeInForce: 'IOC', priceUnits: 103 };
const budget: OrderTerms = { ...market, quantityUnits: 0, quoteBudgetUnits: 5_000n };

describe('BND-2 the check of an order', () => {
  test('a right order has no problem', () => {
    for (const terms of [limit, market, budget, { ...market, priceUnits: 0 }]) {
      expect(checkOrder(rules, terms)).toBeUndefined();
    }
  });

  test.each<[string, Partial<OrderTerms>, string]>([
    ['post-only with IOC', { postOnly: true, timeInForce: 'IOC' }, 'FIELDS_CONFLICT'],
    ['post-only with FOK', { postOnly: true, timeInForce: 'FOK' }, 'FIELDS_CONFLICT'],
    ['a limit order without price', { priceUnits: 0 }, 'FIELD_REQUIRED'],
    ['an order without quantity', { quantityUnits: 0 }, 'FIELD_REQUIRED'],
    ['quantity and budget', { ...budget, quantityUnits: 10 }, 'FIELDS_CONFLICT'],
    ['a budget for a limit order', { quantityUnits: 0, quoteBudgetUnits: 9n }, 'FIELDS_CONFLICT'],
    ['a negative budget', { ...budget, quoteBudgetUnits: -1n }, 'NUMBER_OUT_OF_RANGE'],
    ['a budget of 2^62', { ...budget, quoteBudgetUnits: 2n ** 62n }, 'NUMBER_OUT_OF_RANGE'],
    ['a price of 2^53', { priceUnits: 2 ** 53 }, 'NUMBER_OUT_OF_RANGE'],
    ['half a unit', { quantityUnits: 0.5 }, 'NUMBER_OUT_OF_RANGE'],
    ['market good till canceled', { ...market, timeInForce: 'GTC' }, 'FIELDS_CONFLICT'],
    ['market post-only', { ...market, postOnly: true }, 'FIELDS_CONFLICT'],
    ['a budget fill-or-kill', { ...budget, timeInForce: 'FOK' }, 'FIELDS_CONFLICT'],
    ['a price off tick', { priceUnits: 101 }, 'PRICE_OFF_TICK'],
    ['a quantity off lot', { quantityUnits: 101 }, 'QUANTITY_OFF_LOT'],
    ['too little', { quantityUnits: 10 }, 'QUANTITY_BELOW_MINIMUM'],
    ['too much', { quantityUnits: 10_010 }, 'QUANTITY_ABOVE_MAXIMUM'],
    ['too dear', { priceUnits: 1_000_005 }, 'PRICE_ABOVE_MAXIMUM'],
    ['too small', { priceUnits: 5 }, 'NOTIONAL_BELOW_MINIMUM'],
    ['too small a budget', { ...budget, quoteBudgetUnits: 999n }, 'NOTIONAL_BELOW_MINIMUM'],
  ])('%s', (_, change, reason) => {
    expect(checkOrder(rules, { ...limit, ...change })?.reason).toBe(reason);
  });

  test('REF-2 a notional that passes 2^62 with its fee is refused, up to it is not', () => {
    const wide = { ...rules, notionalFactor: 2 ** 42, tickUnits: 1, lotUnits: 1 };
    const free = { ...limit, makerRatePpm: 0, takerRatePpm: 0, quantityUnits: 1024 };
    expect(checkOrder(wide, { ...free, priceUnits: 1023 })).toBeUndefined();
    expect(checkOrder(wide, { ...free, priceUnits: 1024 })?.reason).toBe('AMOUNT_TOO_LARGE');
    const charged = { ...free, priceUnits: 1023, takerRatePpm: 1_000 };
    expect(checkOrder(wide, charged)?.reason).toBe('AMOUNT_TOO_LARGE');
  });

  test('STA-1 a state that takes no orders is named', () => {
    expect(checkState('CONTINUOUS')).toBeUndefined();
    expect(checkState('CANCEL_ONLY')?.reason).toBe('INSTRUMENT_STATE');
  });

  test('an amend is checked in what it changes only', () => {
    const filled = { filledUnits: 35, isWaiting: false };
    const rest = { ...limit, priceUnits: 101, quantityUnits: 105, ...filled };
    const check = (quantityUnits?: number, priceUnits?: number) =>
      checkAmend(rules, rest, { quantityUnits, priceUnits })?.reason;
    expect(check()).toBeUndefined();
    expect(check(100)).toBeUndefined();
    expect(check(101)).toBe('QUANTITY_OFF_LOT');
    expect(check(undefined, 102)).toBe('PRICE_OFF_TICK');
    expect(check(undefined, 1_000_005)).toBe('PRICE_ABOVE_MAXIMUM');
    expect(check(10_010)).toBe('QUANTITY_ABOVE_MAXIMUM');
    expect(check(35)).toBeUndefined();
    expect(check(1)).toBeUndefined();
    expect(check(0)).toBe('NUMBER_OUT_OF_RANGE');
  });
});

describe('HLD-1 the cost of an order', () => {
  test('a buy holds notional and the higher fee, a sell holds what it sells', () => {
    expect(placementCost(rules, limit)).toBe(10_010n);
    expect(placementCost(rules, { ...limit, side: 'SELL' })).toBe(100n);
    expect(placementCost(rules, { ...limit, makerRatePpm: -500, takerRatePpm: -1 })).toBe(10_000n);
  });

  test('TYP-2 a budget is the hold of a buy; a sell holds what it sells at its worst price', () => {
    expect(placementCost(rules, budget)).toBe(5_000n);
    expect(placementCost(rules, { ...budget, side: 'SELL', priceUnits: 100 })).toBe(50n);
    expect(placementCost(rules, { ...budget, side: 'SELL', priceUnits: 99 })).toBe(60n);
  });

  test('TYP-2 the worst price is the best one moved by the collar', () => {
    expect(worstPrice(rules, 'BUY', 1_000)).toBe(1_050);
    expect(worstPrice(rules, 'SELL', 1_000)).toBe(950);
    expect(worstPrice(rules, 'BUY', 1_000_000)).toBe(1_000_000);
    expect(worstPrice(rules, 'SELL', 2_000_000)).toBe(1_000_000);
    expect(worstPrice({ ...rules, collarPpm: 2_000_000 }, 'SELL', 10)).toBe(1);
  });

  test('HLD-5 a fill never raises what an order may cost in all', () => {
    const fills = fc.record({
      quantity: fc.integer({ min: 2, max: 1_000_000 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      price: fc.integer({ min: 2, max: 1_000_000 }),
      better: fc.double({ min: 0, max: 1, noNaN: true }),
      weightedSum: fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }),
      maker: fc.integer({ min: -500, max: 5_000 }),
      taker: fc.integer({ min: -500, max: 5_000 }),
    });
    fc.assert(
      fc.property(fills, ({ quantity, part, price, better, weightedSum, maker, taker }) => {
        const filled = Math.ceil(quantity * part);
        const paidPrice = Math.max(Math.floor(price * better), 1);
        const order = {
          side: 'BUY' as const,
          priceUnits: price,
          remainingUnits: quantity,
          makerRatePpm: maker,
          takerRatePpm: taker,
          auctionRatePpm: 0,
          weightedSum,
        };
        const notional = BigInt(paidPrice) * BigInt(filled);
        const fee = feeOfFill(weightedSum, notional, taker);
        const after = {
          ...order,
          remainingUnits: quantity - filled,
          weightedSum: fee.weightedSum,
        };
        const before = worstCost(rules, order);
        expect(notional + fee.feeUnits + worstCost(rules, after)).toBeLessThanOrEqual(before);
      }),
    );
  });
});

describe('REF-2 the check of rules themselves', () => {
  const check = (change: Partial<InstrumentRules>) => checkRules({ ...rules, ...change })?.reason;

  test('right rules have no problem', () => {
    expect(check({})).toBeUndefined();
  });

  test.each<[Partial<InstrumentRules>, string]>([
    [{ tickUnits: 0 }, 'NUMBER_OUT_OF_RANGE'],
    [{ lotUnits: 1.5 }, 'NUMBER_OUT_OF_RANGE'],
    [{ maximumPriceUnits: 2 ** 53 }, 'NUMBER_OUT_OF_RANGE'],
    [{ takerRatePpm: 1_000_001 }, 'NUMBER_OUT_OF_RANGE'],
    [{ collarPpm: -1 }, 'NUMBER_OUT_OF_RANGE'],
    [{ minimumNotionalUnits: -1n }, 'NUMBER_OUT_OF_RANGE'],
    [{ minimumQuantityUnits: 10_001 }, 'FIELDS_CONFLICT'],
    [{ notionalFactor: 2 ** 40 }, 'AMOUNT_TOO_LARGE'],
    [{ baseFactor: 2 ** 50 }, 'AMOUNT_TOO_LARGE'],
  ])('%j is refused', (change, reason) => {
    expect(check(change)).toBe(reason);
  });
});
