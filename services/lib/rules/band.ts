// Price bands (BND-1): the static one for limit prices and the dynamic one for trade prices, in
// exact integers. The edge and the engine compute them here.
import { safeProduct } from '../base/product.ts';
import type { InstrumentRules, Side } from './terms.ts';

/** Prices from `lowest` to `highest`, both inside. */
export type PriceBand = { readonly lowest: number; readonly highest: number };

/** Where no band is set: every price is inside. */
export const NO_BAND: PriceBand = { lowest: 0, highest: Number.MAX_SAFE_INTEGER };

const MILLION = 1_000_000;

/**
 * Limit prices that an order of this side may have (BND-1): on the side where it would pay too
 * much by the static band, on the other by the far one.
 *
 * @param referenceUnits static reference price in price units; 0: there is none
 */
export function staticBand(
  rules: Pick<InstrumentRules, 'staticBandPpm' | 'farBandPpm'>,
  side: Side,
  referenceUnits: number,
): PriceBand {
  if (referenceUnits === 0) return NO_BAND;
  const { staticBandPpm, farBandPpm } = rules;
  const above = side === 'BUY' ? staticBandPpm : farBandPpm;
  const below = side === 'BUY' ? farBandPpm : staticBandPpm;
  return {
    lowest: below === 0 ? NO_BAND.lowest : referenceUnits - distanceOf(referenceUnits, below),
    highest: above === 0 ? NO_BAND.highest : upTo(referenceUnits, above),
  };
}

/**
 * Prices at which orders may trade without a volatility auction (BND-1).
 *
 * @param lastUnits price of the last trade before the order arrived, in price units; 0: none
 */
export function dynamicBand(
  rules: Pick<InstrumentRules, 'dynamicBandPpm'>,
  lastUnits: number,
): PriceBand {
  const ppm = rules.dynamicBandPpm;
  if (ppm === 0 || lastUnits === 0) return NO_BAND;
  return { lowest: lastUnits - distanceOf(lastUnits, ppm), highest: upTo(lastUnits, ppm) };
}

function upTo(referenceUnits: number, ppm: number): number {
  return Math.min(referenceUnits + distanceOf(referenceUnits, ppm), NO_BAND.highest);
}

/** Rounded toward the reference price: no price beyond the exact bound is inside. */
function distanceOf(referenceUnits: number, ppm: number): number {
  const exact = safeProduct(referenceUnits, ppm);
  if (!Number.isNaN(exact)) return Math.floor(exact / MILLION);
  return Number((BigInt(referenceUnits) * BigInt(ppm)) / BigInt(MILLION));
}
