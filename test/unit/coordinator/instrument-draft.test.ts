// From decimals to rules in units: every bound of an instrument.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Drafted,
  draftFrame,
  draftRules,
  type InstrumentFrame,
  type RulesDraft,
  rulesDraftOf,
} from '../../../services/coordinator/domain/instrument-draft.ts';
import type { AssetRow } from '../../../services/coordinator/domain/reference-tables.ts';

function asset(assetNumber: number, assetId: string, scale: number): AssetRow {
  return { assetNumber, assetId, scale, displayName: '', createTimeUs: 1, publishedAt: 1 };
}

const btc = asset(1, 'BTC', 9);
const usd = asset(2, 'USD', 8);
const units = { priceUnit: '0.01', quantityUnit: '0.000001' };

function frameOf(more: Partial<Parameters<typeof draftFrame>[0]> = {}): Drafted<InstrumentFrame> {
  return draftFrame({
    ...{ instrumentId: 'BTC-USD', instrumentNumber: 1, baseAsset: btc, quoteAsset: usd },
    ...units,
    ...more,
  });
}

const plain: RulesDraft = {
  tickSize: '0.05',
  lotSize: '0.0001',
  minimumQuantity: '0.001',
  maximumQuantity: '1000',
  maximumPrice: '1000000',
  minimumNotional: '0.5',
  collarBps: 500,
  maximumOpenOrders: 10,
  makerFeeBps: '-0.5',
  takerFeeBps: '2.25',
  auctionFeeBps: '1.5',
  referencePrice: '100',
  staticBandBps: 1000,
  farBandBps: 5000,
  dynamicBandBps: 200,
  volatilityAuctionUs: 60_000_000,
  hasSessions: false,
};

function rulesOf(more: Partial<RulesDraft> = {}) {
  const frame = frameOf();
  if (!frame.ok) throw new Error('the frame is good');
  return draftRules(frame.value, 7, { ...plain, ...more });
}

function reasonOf(drafted: Drafted<unknown>): string {
  return drafted.ok ? 'none' : `${drafted.problem.reason} ${drafted.problem.field}`;
}

describe('units (REF-1)', () => {
  test('notional factor and base factor are whole and exact', () => {
    const frame = frameOf();
    expect(frame.ok && [frame.value.notionalFactor, frame.value.baseFactor]).toEqual([1, 1_000]);
    const quarter = frameOf({ priceUnit: '0.25', quantityUnit: '0.5' });
    expect(quarter.ok && quarter.value.notionalFactor).toBe(12_500_000);
  });

  test.each([
    [
      'a product below the smallest quote unit',
      { priceUnit: '0.001' },
      'INEXACT_NOTIONAL price_unit',
    ],
    [
      'a quantity unit below the base scale',
      { quantityUnit: '0.0000000001' },
      'SCALE_EXCEEDED quantity_unit',
    ],
    ['a price unit with ten places', { priceUnit: '0.0000000001' }, 'SCALE_EXCEEDED price_unit'],
    ['no price unit', { priceUnit: '' }, 'FIELD_REQUIRED price_unit'],
    ['a price unit of zero', { priceUnit: '0' }, 'DECIMAL_OUT_OF_RANGE price_unit'],
    ['a negative quantity unit', { quantityUnit: '-1' }, 'DECIMAL_OUT_OF_RANGE quantity_unit'],
    ['an exponent', { priceUnit: '1e-2' }, 'DECIMAL_INVALID price_unit'],
    [
      'a factor beyond 2^53',
      { priceUnit: '1000000000', quantityUnit: '1000' },
      'AMOUNT_TOO_LARGE price_unit',
    ],
  ])('%s is refused', (_name, more, reason) => {
    expect(reasonOf(frameOf(more))).toBe(reason);
  });
});

describe('rules (REF-2)', () => {
  test('count in units', () => {
    const drafted = rulesOf();
    expect(drafted).toEqual({
      ok: true,
      value: {
        instrumentNumber: 1,
        instrumentId: 'BTC-USD',
        version: 7,
        baseAssetNumber: 1,
        quoteAssetNumber: 2,
        notionalFactor: 1,
        baseFactor: 1_000,
        tickUnits: 5,
        lotUnits: 100,
        minimumQuantityUnits: 1_000,
        maximumQuantityUnits: 1_000_000_000,
        maximumPriceUnits: 100_000_000,
        minimumNotionalUnits: 50_000_000n,
        collarPpm: 50_000,
        maximumOpenOrders: 10,
        makerRatePpm: -50,
        takerRatePpm: 225,
        auctionRatePpm: 150,
        referencePriceUnits: 10_000,
        staticBandPpm: 100_000,
        farBandPpm: 500_000,
        dynamicBandPpm: 20_000,
        volatilityAuctionUs: 60_000_000,
        hasSessions: false,
      },
    });
  });

  test('absent sizes are the units, absent fees are zero', () => {
    const texts = { tickSize: '', lotSize: '', minimumQuantity: '', minimumNotional: '' };
    const drafted = rulesOf({ ...texts, makerFeeBps: '', takerFeeBps: '' });
    expect(drafted.ok && drafted.value).toMatchObject({
      ...{ tickUnits: 1, lotUnits: 1, minimumQuantityUnits: 1, minimumNotionalUnits: 0n },
      ...{ makerRatePpm: 0, takerRatePpm: 0 },
    });
  });

  test.each([
    ['a tick between units', { tickSize: '0.005' }, 'NOT_MULTIPLE_OF_UNIT tick_size'],
    ['a price off the tick', { maximumPrice: '0.07' }, 'NOT_MULTIPLE_OF_UNIT maximum_price'],
    [
      'a quantity off the lot',
      { maximumQuantity: '1.00005' },
      'NOT_MULTIPLE_OF_UNIT maximum_quantity',
    ],
    [
      'a minimum off the lot',
      { minimumQuantity: '0.00015' },
      'NOT_MULTIPLE_OF_UNIT minimum_quantity',
    ],
    [
      'a maximum below the minimum',
      { minimumQuantity: '2000' },
      'FIELDS_CONFLICT maximum_quantity',
    ],
    ['no maximum quantity', { maximumQuantity: '' }, 'FIELD_REQUIRED maximum_quantity'],
    ['no maximum price', { maximumPrice: '' }, 'FIELD_REQUIRED maximum_price'],
    ['a tick of zero', { tickSize: '0' }, 'DECIMAL_OUT_OF_RANGE tick_size'],
    [
      'units beyond 2^53',
      { maximumPrice: '90071992547409.95' },
      'DECIMAL_OUT_OF_RANGE maximum_price',
    ],
    ['a notional beyond 2^62', { maximumPrice: '100000000' }, 'AMOUNT_TOO_LARGE maximum_quantity'],
    ['too fine a notional', { minimumNotional: '0.000000001' }, 'SCALE_EXCEEDED minimum_notional'],
    ['a negative notional', { minimumNotional: '-1' }, 'DECIMAL_OUT_OF_RANGE minimum_notional'],
    ['a collar of zero', { collarBps: 0 }, 'NUMBER_OUT_OF_RANGE collar_bps'],
    ['a collar too wide', { collarBps: 100_001 }, 'NUMBER_OUT_OF_RANGE collar_bps'],
    ['no open order', { maximumOpenOrders: 0 }, 'NUMBER_OUT_OF_RANGE maximum_open_orders'],
    [
      'too many open orders',
      { maximumOpenOrders: 1_000_001 },
      'NUMBER_OUT_OF_RANGE maximum_open_orders',
    ],
    ['a fee with three places', { takerFeeBps: '0.001' }, 'SCALE_EXCEEDED taker_fee_bps'],
    ['a fee beyond a tenth', { takerFeeBps: '1000.01' }, 'DECIMAL_OUT_OF_RANGE taker_fee_bps'],
    ['a rebate above the fee', { makerFeeBps: '-3' }, 'FIELDS_CONFLICT maker_fee_bps'],
    ['a rebate in an uncross', { auctionFeeBps: '-1' }, 'DECIMAL_OUT_OF_RANGE auction_fee_bps'],
    ['half a unit', { referencePrice: '100.005' }, 'NOT_MULTIPLE_OF_UNIT reference_price'],
    [
      'a reference price above the highest',
      { referencePrice: '1000000.01' },
      'DECIMAL_OUT_OF_RANGE reference_price',
    ],
    ['a static band too wide', { staticBandBps: 100_001 }, 'NUMBER_OUT_OF_RANGE static_band_bps'],
    ['a far band too wide', { farBandBps: 100_001 }, 'NUMBER_OUT_OF_RANGE far_band_bps'],
    [
      'a dynamic band too wide',
      { dynamicBandBps: 100_001 },
      'NUMBER_OUT_OF_RANGE dynamic_band_bps',
    ],
    [
      'an auction of no time',
      { volatilityAuctionUs: 0 },
      'NUMBER_OUT_OF_RANGE volatility_auction_duration',
    ],
    [
      'an auction of more than a day',
      { volatilityAuctionUs: 86_400_000_001 },
      'NUMBER_OUT_OF_RANGE volatility_auction_duration',
    ],
  ])('%s is refused', (_name, more, reason) => {
    // 1,000 * 1,000,000 at 0.01 * 0.000001 is far below 2^62; 100 times the price is above.
    const large = reason.startsWith('AMOUNT') ? { maximumQuantity: '1000000' } : {};
    expect(reasonOf(rulesOf({ ...large, ...more }))).toBe(reason);
  });

  test('survive the way to decimals and back', () => {
    const quantity = fc.integer({ min: 1, max: 1_000_000 });
    fc.assert(
      fc.property(
        quantity,
        quantity,
        quantity,
        fc.integer({ min: -100, max: 1_000 }),
        (tick, lot, times, fee) => {
          const original = rulesOf();
          if (!original.ok) throw new Error('the rules are good');
          const rules = {
            ...original.value,
            ...{ tickUnits: tick, lotUnits: lot, minimumQuantityUnits: lot },
            ...{ maximumQuantityUnits: lot * times, maximumPriceUnits: tick },
            ...{ makerRatePpm: fee, takerRatePpm: 100, auctionRatePpm: Math.abs(fee) },
            ...{ referencePriceUnits: tick, dynamicBandPpm: lot * 10 - ((lot * 10) % 100) },
            hasSessions: fee > 0,
          };
          const draft = rulesDraftOf(rules, {
            priceUnit: { coefficient: 1n, scale: 2 },
            quantityUnit: { coefficient: 1n, scale: 6 },
            quoteScale: 8,
          });
          expect(rulesOf(draft)).toEqual({ ok: true, value: rules });
        },
      ),
    );
  });
});
