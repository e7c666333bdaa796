// What an order has paid so far (SET-2), in its record: Σ notional × rate over its fills as a
// whole number of smallest units and a rest in millionths. Doubles carry it exactly below 2^53;
// beyond, the whole part is kept as a 64-bit integer. The rule itself stands in lib/base/fee.ts.
import { feeOfSum, RATE_SCALE } from '../../lib/base/fee.ts';
import type { OrderStore } from './order-store.ts';
import * as orderFields from './order-store.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { FEE_WHOLE, FLAGS, WIDE_FEE } = orderFields;

const MILLION = 1_000_000;
const SAFE = 2 ** 53;

/** Σ notional × rate over the order's fills, in millionths of a smallest unit. */
export function weightedSumOf(orders: OrderStore, order: number): bigint {
  const part = BigInt(orders.feePart(order));
  return wholeOf(orders, order) * RATE_SCALE + part;
}

function wholeOf(orders: OrderStore, order: number): bigint {
  const at = (order >>> 1) + FEE_WHOLE;
  const isWide = ((orders.words[order + FLAGS] as number) & WIDE_FEE) !== 0;
  return isWide ? (orders.wide[at] as bigint) : BigInt(orders.floats[at] as number);
}

/**
 * Charges one fill to an order.
 *
 * @param notionalUnits below 2^53
 * @param ratePpm millionths of the notional; negative is a rebate
 * @returns the fill's fee in quote's smallest units; negative is a rebate
 */
export function chargeFill(
  orders: OrderStore,
  order: number,
  notionalUnits: number,
  ratePpm: number,
): number | bigint {
  if (ratePpm === 0) return 0;
  const { words, floats } = orders;
  const at = (order >>> 1) + FEE_WHOLE;
  let millions = Math.floor(notionalUnits / MILLION);
  let units = notionalUnits - millions * MILLION;
  // The division rounds; one step sets it right.
  if (units < 0) {
    millions -= 1;
    units += MILLION;
  }
  const partBefore = orders.feePart(order);
  const part = partBefore + units * ratePpm;
  const carry = Math.floor(part / MILLION);
  const partAfter = part - carry * MILLION;
  const change = millions * ratePpm + carry;
  const wholeBefore = floats[at] as number;
  const wholeAfter = wholeBefore + change;
  const isWide = ((words[order + FLAGS] as number) & WIDE_FEE) !== 0;
  if (isWide || !(Math.abs(change) < SAFE / 2 && Math.abs(wholeAfter) < SAFE / 2)) {
    return chargeWideFill(orders, order, BigInt(notionalUnits), ratePpm);
  }
  floats[at] = wholeAfter;
  orders.setFeePart(order, partAfter);
  // A charge is rounded up and a rebate toward zero: both upward.
  return change + (partAfter > 0 ? 1 : 0) - (partBefore > 0 ? 1 : 0);
}

/** As `chargeFill`, for any notional. */
export function chargeWideFill(
  orders: OrderStore,
  order: number,
  notionalUnits: bigint,
  ratePpm: number,
): bigint {
  const before = weightedSumOf(orders, order);
  const after = before + notionalUnits * BigInt(ratePpm);
  let whole = after / RATE_SCALE;
  let part = after - whole * RATE_SCALE;
  if (part < 0n) {
    whole -= 1n;
    part += RATE_SCALE;
  }
  orders.setFeePart(order, Number(part));
  orders.words[order + FLAGS] = (orders.words[order + FLAGS] as number) | WIDE_FEE;
  orders.wide[(order >>> 1) + FEE_WHOLE] = whole;
  return feeOfSum(after) - feeOfSum(before);
}
