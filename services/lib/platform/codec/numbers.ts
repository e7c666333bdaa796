// 64-bit integers of messages to and from what domains count with: numbers below 2^53, bigint for
// amounts.

import { MAXIMUM_AMOUNT_UNITS } from '../../base/decimal.ts';
import { malformed } from './malformed.ts';

const MAXIMUM_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * A 64-bit integer as a number.
 *
 * @throws OperatingError MESSAGE_MALFORMED when it is not between -(2^53 - 1) and 2^53 - 1.
 */
export function safeNumber(value: bigint): number {
  if (value > MAXIMUM_SAFE || value < -MAXIMUM_SAFE) {
    throw malformed(`${value} is beyond 2^53`);
  }
  return Number(value);
}

/**
 * An amount in smallest units.
 *
 * @throws OperatingError MESSAGE_MALFORMED when its absolute value is 2^62 or more.
 */
export function amountUnitsOf(value: bigint): bigint {
  if (value > MAXIMUM_AMOUNT_UNITS || value < -MAXIMUM_AMOUNT_UNITS) {
    throw malformed(`${value} is beyond the amounts that are counted`);
  }
  return value;
}
