// Fees by the cumulative rule (SET-2), and the exact products under the fast paths.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { feeOfFill, feeOfSum } from '../../../services/lib/base/fee.ts';
import { safeProduct, safeProductOfThree } from '../../../services/lib/base/product.ts';

test('SET-2 a charge is rounded up and a rebate toward zero', () => {
  expect(feeOfSum(0n)).toBe(0n);
  expect(feeOfSum(1n)).toBe(1n);
  expect(feeOfSum(1_000_000n)).toBe(1n);
  expect(feeOfSum(1_000_001n)).toBe(2n);
  expect(feeOfSum(-1n)).toBe(0n);
  expect(feeOfSum(-1_000_000n)).toBe(-1n);
  expect(feeOfSum(-1_999_999n)).toBe(-1n);
});

test('SET-2 many small fills cost exactly what one large one costs', () => {
  const notionals = fc.array(fc.bigInt({ min: 1n, max: 10n ** 12n }), { minLength: 1 });
  fc.assert(
    fc.property(notionals, fc.integer({ min: -5_000, max: 50_000 }), (fills, ratePpm) => {
      let weightedSum = 0n;
      let paid = 0n;
      for (const notional of fills) {
        const fee = feeOfFill(weightedSum, notional, ratePpm);
        paid += fee.feeUnits;
        weightedSum = fee.weightedSum;
      }
      const whole = fills.reduce((sum, notional) => sum + notional, 0n);
      expect(paid).toBe(feeOfFill(0n, whole, ratePpm).feeUnits);
    }),
  );
});

test('a product is exact below 2^53 and absent from there on', () => {
  expect(safeProduct(2 ** 26, 2 ** 26)).toBe(2 ** 52);
  expect(safeProduct(2 ** 27, 2 ** 26)).toBeNaN();
  expect(safeProductOfThree(3, 5, 7)).toBe(105);
  expect(safeProductOfThree(2 ** 30, 2 ** 30, 0)).toBeNaN();
  const factor = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(factor, factor, (a, b) => {
      const exact = BigInt(a) * BigInt(b);
      const product = safeProduct(a, b);
      if (exact < 2n ** 53n) expect(BigInt(product)).toBe(exact);
      else expect(product).toBeNaN();
    }),
  );
});
