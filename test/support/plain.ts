// A plain instrument and a plain limit order, and the parts of rules and terms that continuous
// trading leaves alone, to be spread into those of a test.

import type { InstrumentRules, OrderTerms } from '../../services/lib/rules/terms.ts';

/** No stop, no iceberg, no minimum, no time, no group; no fee in an uncross. */
export const PLAIN_TERMS = {
  stopPriceUnits: 0,
  trailingOffsetUnits: 0,
  trailingOffsetBps: 0,
  expireTimeUs: 0,
  displayUnits: 0,
  minimumUnits: 0,
  selfTradeGroup: 0,
  auctionRatePpm: 0,
} as const satisfies Partial<OrderTerms>;

/** No bands, no reference price, no sessions; no fee in an uncross. */
export const PLAIN_RULES = {
  auctionRatePpm: 0,
  referencePriceUnits: 0,
  staticBandPpm: 0,
  farBandPpm: 0,
  dynamicBandPpm: 0,
  volatilityAuctionUs: 120_000_000,
  hasSessions: false,
} as const satisfies Partial<InstrumentRules>;

/** An instrument of money that is easily counted: no fees, all units are one. */
export const PLAIN_INSTRUMENT: InstrumentRules = {
  instrumentNumber: 1,
  instrumentId: 'BTC-USD',
  version: 1,
  baseAssetNumber: 2,
  quoteAssetNumber: 1,
  notionalFactor: 1,
  baseFactor: 1,
  tickUnits: 1,
  lotUnits: 1,
  minimumQuantityUnits: 1,
  maximumQuantityUnits: 1_000_000,
  maximumPriceUnits: 1_000_000,
  minimumNotionalUnits: 0n,
  collarPpm: 0,
  maximumOpenOrders: 1_000,
  makerRatePpm: 0,
  takerRatePpm: 0,
  ...PLAIN_RULES,
};

/** A limit order to buy one at one in the plain instrument, without fees. */
export const PLAIN_ORDER = {
  ...PLAIN_TERMS,
  instrumentNumber: 1,
  side: 'BUY',
  type: 'LIMIT',
  timeInForce: 'GTC',
  postOnly: false,
  quantityUnits: 1,
  quoteBudgetUnits: 0n,
  priceUnits: 1,
  makerRatePpm: 0,
  takerRatePpm: 0,
  instrumentVersion: 1,
} as const satisfies Partial<OrderTerms>;
