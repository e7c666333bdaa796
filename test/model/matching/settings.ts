// Under which rules and limits a random run takes place: chosen so that everything is met often.

import type { InstrumentRules, InstrumentState } from '../../../services/lib/rules/terms.ts';
import type { MatchingLimits } from '../../../services/matching/domain/limits.ts';
import { Random } from './random.ts';

export type Settings = {
  readonly rules: InstrumentRules;
  readonly state: InstrumentState;
  readonly limits: Partial<MatchingLimits>;
  /** Self-trade group of each account from 1 to 4; 0 for none. */
  readonly selfTradeGroups: readonly number[];
};

const WIDE = 1_000_000;

/** Rules and limits of a run. */
export function settingsOf(seed: number): Settings {
  const random = new Random(seed);
  const hasBands = random.onceIn(2);
  // With the large ones amounts pass 2^53.
  const notionalFactor = random.pick([1, 3, 3, 10_000_000_000_000]);
  const isNarrow = random.onceIn(4);
  return {
    rules: {
      instrumentNumber: 1,
      instrumentId: 'X',
      version: 1,
      baseAssetNumber: 1,
      quoteAssetNumber: 2,
      notionalFactor,
      baseFactor: random.pick([1, 2, 2, 100_000_000_000_000]),
      tickUnits: random.pick([1, 1, 2]),
      lotUnits: random.pick([1, 1, 1, 2]),
      minimumQuantityUnits: random.pick([1, 1, 2]),
      maximumQuantityUnits: random.pick([30, 250]),
      maximumPriceUnits: 115,
      minimumNotionalUnits: BigInt(notionalFactor) * random.pick([0n, 0n, 250n]),
      collarPpm: random.pick([20_000, 50_000]),
      maximumOpenOrders: isNarrow ? 4 : 12,
      makerRatePpm: 0,
      takerRatePpm: 0,
      auctionRatePpm: 0,
      referencePriceUnits: random.pick([0, 0, 100]),
      staticBandPpm: hasBands ? random.pick([0, 40_000, 60_000]) : 0,
      farBandPpm: hasBands ? random.pick([0, 60_000]) : 0,
      dynamicBandPpm: hasBands ? random.pick([0, 10_000, 20_000, 40_000]) : 0,
      volatilityAuctionUs: 2_000_000,
      hasSessions: random.pick([true, true, false]),
    },
    state: random.pick(['CONTINUOUS', 'CONTINUOUS', 'CONTINUOUS', 'PRE_OPEN', 'CLOSED']),
    limits: {
      ordersPerBook: isNarrow ? random.between(3, 8) : WIDE,
      waitingPerBook: isNarrow ? random.between(2, 6) : WIDE,
      trailingPerBook: isNarrow ? random.between(1, 3) : WIDE,
      forbids: isNarrow ? 2 : WIDE,
      eventsPerStep: random.pick([1, 2, 3, 5, 4_000]),
    } as Partial<MatchingLimits>,
    selfTradeGroups: random.pick([
      [0, 0, 0, 0],
      [0, 0, 1, 1],
      [1, 1, 2, 2],
    ]),
  };
}
