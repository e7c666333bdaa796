// What an order can cost at most: the amount of its hold (HLD-1), what an amend may need more
// (HLD-6), and the worst price of a market order (TYP-2). The edge, the account shard and the
// engine compute it here, so that they always agree.
import { feeOfSum } from '../base/fee.ts';
import { safeProductOfThree } from '../base/product.ts';
import type { InstrumentRules, OrderTerms, Side } from './terms.ts';

type Factors = Pick<InstrumentRules, 'notionalFactor' | 'baseFactor'>;

/** What matters of an order for what it may still cost. */
export type CostTerms = {
  readonly side: Side;
  /** Limit price, or worst price of a market order, in price units. */
  readonly priceUnits: number;
  /** What is still open, in quantity units. */
  readonly remainingUnits: number;
  readonly makerRatePpm: number;
  readonly takerRatePpm: number;
  readonly auctionRatePpm: number;
  /** Σ notional × rate over the order's fills so far (SET-2). */
  readonly weightedSum: bigint;
};

/** Highest rate at which an order may be charged; a rebate is not counted (HLD-1). */
export function highestRatePpm(
  rates: Pick<CostTerms, 'makerRatePpm' | 'takerRatePpm' | 'auctionRatePpm'>,
): number {
  return Math.max(rates.makerRatePpm, rates.takerRatePpm, rates.auctionRatePpm, 0);
}

/** Notional in quote's smallest units, exact. */
export function notionalOf(
  rules: Pick<Factors, 'notionalFactor'>,
  priceUnits: number,
  quantityUnits: number,
): bigint {
  // Nearly always it is a safe integer, which takes one bigint instead of five.
  const notional = safeProductOfThree(priceUnits, quantityUnits, rules.notionalFactor);
  if (notional >= 0) return BigInt(notional);
  return BigInt(priceUnits) * BigInt(quantityUnits) * BigInt(rules.notionalFactor);
}

/**
 * The most that an order may still cost, in smallest units of the asset it holds: quote and fees
 * for a buy, base for a sell. It never grows by a fill, whatever the fill's price and rate.
 */
export function worstCost(rules: Factors, order: CostTerms): bigint {
  if (order.side === 'SELL') return BigInt(order.remainingUnits) * BigInt(rules.baseFactor);
  const notional = notionalOf(rules, order.priceUnits, order.remainingUnits);
  const worstSum = order.weightedSum + notional * BigInt(highestRatePpm(order));
  return notional + feeOfSum(worstSum) - feeOfSum(order.weightedSum);
}

/** What matters of a placement for what it may cost. */
export type PlacementCostTerms = Pick<
  OrderTerms,
  | 'side'
  | 'priceUnits'
  | 'quantityUnits'
  | 'quoteBudgetUnits'
  | 'makerRatePpm'
  | 'takerRatePpm'
  | 'auctionRatePpm'
>;

/**
 * Amount of the hold that a placement needs, in smallest units of quote (buy) or base (sell). A
 * buy's budget includes the fee; a sell's budget needs what it sells at the worst price, rounded
 * up to a lot (TYP-2).
 *
 * @param terms as they are proposed: a market order has its worst price, above 0
 */
export function placementCost(
  rules: Factors & Pick<InstrumentRules, 'lotUnits'>,
  terms: PlacementCostTerms,
): bigint {
  if (terms.quoteBudgetUnits > 0n) {
    if (terms.side === 'BUY') return terms.quoteBudgetUnits;
    const lot = BigInt(rules.lotUnits);
    const lotNotional = notionalOf(rules, terms.priceUnits, rules.lotUnits);
    const lots = (terms.quoteBudgetUnits + lotNotional - 1n) / lotNotional;
    return lots * lot * BigInt(rules.baseFactor);
  }
  const { side, priceUnits, quantityUnits: remainingUnits } = terms;
  const { makerRatePpm, takerRatePpm, auctionRatePpm } = terms;
  const rates = { makerRatePpm, takerRatePpm, auctionRatePpm };
  return worstCost(rules, { side, priceUnits, remainingUnits, ...rates, weightedSum: 0n });
}

/**
 * Worst price of a market order: the best opposite price, or the stop price of one that waits
 * (TYP-2), moved by the collar, rounded towards that price; at least 1 and at most the
 * instrument's highest price.
 */
export function worstPrice(
  rules: Pick<InstrumentRules, 'collarPpm' | 'maximumPriceUnits'>,
  side: Side,
  fromUnits: number,
): number {
  const distance = Number((BigInt(fromUnits) * BigInt(rules.collarPpm)) / 1_000_000n);
  const moved = side === 'SELL' ? fromUnits - distance : fromUnits + distance;
  return Math.min(Math.max(moved, 1), rules.maximumPriceUnits);
}
