// The parts of terms and rules that a plain limit order in continuous trading leaves alone, to be
// spread into those of a test.

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
