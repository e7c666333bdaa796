// What the rest of a budget buys, or sells for (TYP-2), exactly.
import { feeOfSum, RATE_SCALE } from '../../lib/base/fee.ts';
import { notionalOf } from '../../lib/rules/cost.ts';
import type { InstrumentRules, Side } from './rules.ts';

/** What decides how much a budget buys. */
export type Budget = {
  readonly side: Side;
  readonly unspentUnits: bigint;
  readonly takerRatePpm: number;
  /** Σ notional × rate over the order's fills so far (SET-2). */
  readonly weightedSum: bigint;
};

/** Whole lots, in quantity units, that the rest of a budget buys (or sells) at a price. */
export function affordableUnits(
  rules: InstrumentRules,
  budget: Budget,
  priceUnits: number,
): number {
  const lotNotional = notionalOf(rules, priceUnits, rules.lotUnits);
  let lots = budget.unspentUnits / lotNotional;
  if (budget.side === 'BUY' && budget.takerRatePpm > 0) {
    // The largest n with n·L + ⌈(S + n·L·r) / 10^6⌉ - ⌈S / 10^6⌉ at most the rest; a whole number
    // is not below ⌈x⌉ exactly when it is not below x, so the bound solves without rounding.
    const sum = budget.weightedSum;
    const room = (budget.unspentUnits + feeOfSum(sum)) * RATE_SCALE - sum;
    lots = room / (lotNotional * (RATE_SCALE + BigInt(budget.takerRatePpm)));
  }
  const most = BigInt(Math.floor(Number.MAX_SAFE_INTEGER / rules.lotUnits));
  return Number(lots < most ? lots : most) * rules.lotUnits;
}
