// What an uncross would come to now (STA-2), from market data's own book and by the function that
// the engine executes by, so that both say the same.

import type { InstrumentState } from '../../lib/rules/terms.ts';
import { uncrossPrice } from '../../lib/rules/uncross.ts';
import type { MarketBook } from './market-book.ts';

export type Indicative = { readonly priceUnits: number; readonly volumeUnits: number };

/**
 * Price and volume of an uncross.
 *
 * @returns undefined outside of call phases, and while nothing is executable
 */
export function findIndicative(
  state: InstrumentState,
  { bids, asks }: MarketBook,
  rules: { readonly tickUnits: number; readonly referenceUnits: number },
): Indicative | undefined {
  if (state !== 'PRE_OPEN' && state !== 'AUCTION') return undefined;
  const [bid, ask] = [bids.best, asks.best];
  if (bid === undefined || ask === undefined || bid.priceUnits < ask.priceUnits) return undefined;
  const crossed = { bids: bids.through(ask.priceUnits), asks: asks.through(bid.priceUnits) };
  const found = uncrossPrice(crossed.bids, crossed.asks, rules.tickUnits, rules.referenceUnits);
  return found === undefined
    ? undefined
    : { priceUnits: found.priceUnits, volumeUnits: found.volumeUnits };
}
