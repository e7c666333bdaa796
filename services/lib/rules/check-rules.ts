// The check of an instrument's rules themselves, at its creation and change (REF-1, REF-2): after
// it, no order that the rules allow can leave the integers that are counted with.
import { MAXIMUM_AMOUNT_UNITS } from '../base/decimal.ts';
import { notionalOf } from './cost.ts';
import type { InstrumentRules } from './terms.ts';

/** What is wrong with rules, and the field at fault. */
export type RulesProblem = {
  readonly reason: 'NUMBER_OUT_OF_RANGE' | 'AMOUNT_TOO_LARGE' | 'FIELDS_CONFLICT';
  readonly field: string;
};

/** Rates are at most the whole notional. */
const MAXIMUM_RATE_PPM = 1_000_000;

/** A volatility auction lasts at most a day. */
const MAXIMUM_AUCTION_US = 86_400_000_000;

type NumberField = {
  [K in keyof InstrumentRules]: InstrumentRules[K] extends number ? K : never;
}[keyof InstrumentRules];

const POSITIVE: readonly NumberField[] = [
  'instrumentNumber',
  'version',
  'notionalFactor',
  'baseFactor',
  'tickUnits',
  'lotUnits',
  'minimumQuantityUnits',
  'maximumQuantityUnits',
  'maximumPriceUnits',
  'maximumOpenOrders',
];

const NOT_NEGATIVE: readonly NumberField[] = [
  'collarPpm',
  'referencePriceUnits',
  'staticBandPpm',
  'farBandPpm',
  'dynamicBandPpm',
  'volatilityAuctionUs',
];

/** The first problem of an instrument's rules; undefined when there is none. */
export function checkRules(rules: InstrumentRules): RulesProblem | undefined {
  for (const field of POSITIVE) {
    if (!Number.isSafeInteger(rules[field]) || rules[field] < 1) {
      return { reason: 'NUMBER_OUT_OF_RANGE', field };
    }
  }
  for (const field of ['makerRatePpm', 'takerRatePpm', 'auctionRatePpm'] as const) {
    if (!Number.isSafeInteger(rules[field]) || Math.abs(rules[field]) > MAXIMUM_RATE_PPM) {
      return { reason: 'NUMBER_OUT_OF_RANGE', field };
    }
  }
  for (const field of NOT_NEGATIVE) {
    if (!Number.isSafeInteger(rules[field]) || rules[field] < 0) {
      return { reason: 'NUMBER_OUT_OF_RANGE', field };
    }
  }
  if (rules.dynamicBandPpm > 0 && rules.volatilityAuctionUs === 0) {
    return { reason: 'FIELDS_CONFLICT', field: 'volatilityAuctionUs' };
  }
  if (rules.volatilityAuctionUs > MAXIMUM_AUCTION_US) {
    return { reason: 'NUMBER_OUT_OF_RANGE', field: 'volatilityAuctionUs' };
  }
  if (typeof rules.minimumNotionalUnits !== 'bigint' || rules.minimumNotionalUnits < 0n) {
    return { reason: 'NUMBER_OUT_OF_RANGE', field: 'minimumNotionalUnits' };
  }
  if (rules.minimumQuantityUnits > rules.maximumQuantityUnits) {
    return { reason: 'FIELDS_CONFLICT', field: 'minimumQuantityUnits' };
  }
  const largest = notionalOf(rules, rules.maximumPriceUnits, rules.maximumQuantityUnits);
  const base = BigInt(rules.maximumQuantityUnits) * BigInt(rules.baseFactor);
  if (largest > MAXIMUM_AMOUNT_UNITS || base > MAXIMUM_AMOUNT_UNITS) {
    return { reason: 'AMOUNT_TOO_LARGE', field: 'maximumQuantityUnits' };
  }
  return undefined;
}
