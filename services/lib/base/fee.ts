// Fees without drift (SET-2): what an order has paid so far is always the exact sum of notional
// times rate over its fills, a charge rounded up and a rebate toward zero. Each fill carries the
// difference to what was paid before, so many small fills never cost more than one large one.

/** Rates count millionths of the notional. */
export const RATE_SCALE = 1_000_000n;

/**
 * Fee of an order so far, in quote's smallest units; negative is a rebate.
 *
 * @param weightedSum Σ notional × rate over the order's fills, in millionths of a smallest unit
 */
export function feeOfSum(weightedSum: bigint): bigint {
  // Rounding a charge up and a rebate toward zero are both rounding toward plus infinity.
  const truncated = weightedSum / RATE_SCALE;
  return weightedSum > 0n && weightedSum % RATE_SCALE !== 0n ? truncated + 1n : truncated;
}

/** One more fill of an order: what it pays, and the order's sum after it. */
export type FillFee = { readonly feeUnits: bigint; readonly weightedSum: bigint };

/**
 * Fee of one fill: the difference between what the order owes after and before it.
 *
 * @param weightedSum the order's Σ notional × rate before the fill
 * @param notionalUnits the fill's notional, in quote's smallest units
 * @param ratePpm the fill's rate, in millionths of the notional; negative is a rebate
 */
export function feeOfFill(weightedSum: bigint, notionalUnits: bigint, ratePpm: number): FillFee {
  const after = weightedSum + notionalUnits * BigInt(ratePpm);
  return { feeUnits: feeOfSum(after) - feeOfSum(weightedSum), weightedSum: after };
}
