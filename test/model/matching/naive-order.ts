// An order of the naive book, and what it pays: bigints throughout, one formula a rule.

import type { InstrumentRules, OrderTerms } from '../../../services/matching/domain/rules.ts';

export type NaiveOrder = {
  accountNumber: number;
  placement: number;
  terms: OrderTerms;
  priceUnits: number;
  quantityUnits: number;
  remainingUnits: number;
  unspentUnits: bigint;
  version: number;
  /** Age in the queue: the smaller, the earlier. */
  arrival: number;
  weightedSum: bigint;
};

/** Rounds up a quotient of whole numbers. */
function ceilDivide(numerator: bigint, denominator: bigint): bigint {
  const floor = numerator / denominator - (numerator % denominator < 0n ? 1n : 0n);
  return floor * denominator === numerator ? floor : floor + 1n;
}

/** SET-2: a charge up, a rebate toward zero. */
export function feeOf(weightedSum: bigint): bigint {
  return weightedSum >= 0n ? ceilDivide(weightedSum, 1_000_000n) : weightedSum / 1_000_000n;
}

/** REF-1: exact, in quote's smallest units. */
export function notionalOf(
  rules: InstrumentRules,
  priceUnits: number,
  quantityUnits: number,
): bigint {
  return BigInt(priceUnits) * BigInt(quantityUnits) * BigInt(rules.notionalFactor);
}

/** HLD-1: the most that an order may still cost. */
export function costOf(
  rules: InstrumentRules,
  order: NaiveOrder,
  priceUnits: number,
  quantityUnits: number,
): bigint {
  const { terms } = order;
  if (terms.side === 'SELL') return BigInt(quantityUnits) * BigInt(rules.baseFactor);
  const notional = notionalOf(rules, priceUnits, quantityUnits);
  const rate = BigInt(Math.max(terms.makerRatePpm, terms.takerRatePpm, 0));
  return notional + feeOf(order.weightedSum + notional * rate) - feeOf(order.weightedSum);
}

/** TYP-2: lots that the rest of a budget pays for at a price, one by one. */
export function affordableUnits(
  rules: InstrumentRules,
  order: NaiveOrder,
  priceUnits: number,
): number {
  const rate = BigInt(order.terms.side === 'BUY' ? Math.max(order.terms.takerRatePpm, 0) : 0);
  let lots = 0;
  for (;;) {
    const notional = notionalOf(rules, priceUnits, (lots + 1) * rules.lotUnits);
    const fee = feeOf(order.weightedSum + notional * rate) - feeOf(order.weightedSum);
    if (notional + fee > order.unspentUnits) return lots * rules.lotUnits;
    lots += 1;
  }
}
