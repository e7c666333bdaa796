// Exact products without bigint where they stay below 2^53. A double holds every integer below
// 2^53, and a product that is not below rounds to at least 2^53, so one comparison decides.

const LIMIT = 2 ** 53;

/** a × b when that is below 2^53, else NaN. Both are whole and not negative. */
export function safeProduct(a: number, b: number): number {
  const product = a * b;
  return product < LIMIT ? product : Number.NaN;
}

/** a × b × c when that is below 2^53, else NaN. All are whole and not negative. */
export function safeProductOfThree(a: number, b: number, c: number): number {
  const product = a * b * c;
  // A product with zero is exact too; one below the limit has only exact factors below it.
  return product < LIMIT && a * b < LIMIT ? product : Number.NaN;
}
