// Where the stop price of a trailing stop is (TYP-4), in exact integers.
import { safeProduct } from '../base/product.ts';
import type { OrderTerms, Side } from './terms.ts';

/** Basis points in the whole. */
const BASIS_POINTS = 10_000;

/** How a trailing stop follows: a distance in price units, or in basis points of the best price. */
export type Trail = Pick<OrderTerms, 'side' | 'trailingOffsetUnits' | 'trailingOffsetBps'>;

/**
 * Stop price that belongs to the best last price since acceptance. The caller keeps the better of
 * it and the stop price so far, because it only moves in the order's favor.
 *
 * @returns in price units, at least 1
 */
export function trailingStopPrice(trail: Trail, bestUnits: number, tickUnits: number): number {
  const distance = distanceOf(trail, bestUnits, tickUnits);
  if (trail.side === 'SELL') return Math.max(bestUnits - distance, 1);
  return Math.min(bestUnits + distance, Number.MAX_SAFE_INTEGER);
}

/** A distance in basis points is rounded down to ticks, and at least one. */
function distanceOf(trail: Trail, bestUnits: number, tickUnits: number): number {
  if (trail.trailingOffsetUnits > 0) return trail.trailingOffsetUnits;
  const exact = safeProduct(bestUnits, trail.trailingOffsetBps);
  const units = Number.isNaN(exact)
    ? Number((BigInt(bestUnits) * BigInt(trail.trailingOffsetBps)) / BigInt(BASIS_POINTS))
    : Math.floor(exact / BASIS_POINTS);
  return Math.max(units - (units % tickUnits), tickUnits);
}

/** The better of two prices for the side that pays or gets it: lower for a buy. */
export function betterPrice(side: Side, one: number, other: number): number {
  return side === 'BUY' ? Math.min(one, other) : Math.max(one, other);
}
