// Rates of fees as clients write them, in basis points, and as they are counted, in millionths.

import { type Parsed, parseAmount } from '../base/decimal.ts';

/** A basis point has this many decimal places, so that the smallest rate is a millionth. */
const BPS_SCALE = 2;

/**
 * Reads a rate in basis points.
 *
 * @param highestPpm greatest rate, and greatest rebate, in millionths
 * @returns millionths; negative is a rebate
 */
export function parseRate(bps: string, highestPpm: number): Parsed<number> {
  const limit = BigInt(highestPpm);
  const rate = parseAmount(bps, BPS_SCALE, { minimumUnits: -limit, maximumUnits: limit });
  return rate.ok ? { ok: true, value: Number(rate.value) } : rate;
}
