// What an order has paid so far (SET-2), in the order's record: the fast path and the wide one
// against the exact formula.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { feeOfFill } from '../../../services/lib/base/fee.ts';
import {
  chargeFill,
  chargeWideFill,
  weightedSumOf,
} from '../../../services/matching/domain/order-fees.ts';
import { FEE_WHOLE, FLAGS, OrderStore } from '../../../services/matching/domain/order-store.ts';

function newOrder(orders: OrderStore): number {
  const order = orders.allocate();
  orders.words[order + FLAGS] = 0;
  orders.floats[(order >>> 1) + FEE_WHOLE] = 0;
  return order;
}

const notional = fc.oneof(
  fc.integer({ min: 1, max: 2_000_000 }),
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc.integer({ min: 1, max: 9_007_199_254 }).map((millions) => millions * 1_000_000 - 1),
);
const rate = fc.oneof(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.constantFrom(0, 1, -1));

test('SET-2 every fill charges exactly what the formula says, however large the sums become', () => {
  const fills = fc.array(fc.tuple(notional, rate), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(fills, (charged) => {
      const orders = new OrderStore();
      const order = newOrder(orders);
      let weightedSum = 0n;
      for (const [units, ratePpm] of charged) {
        const exact = feeOfFill(weightedSum, BigInt(units), ratePpm);
        weightedSum = exact.weightedSum;
        expect(BigInt(chargeFill(orders, order, units, ratePpm))).toBe(exact.feeUnits);
        expect(weightedSumOf(orders, order)).toBe(weightedSum);
      }
    }),
  );
});

test('SET-2 notionals beyond 2^53 are charged exactly too', () => {
  const fills = fc.array(fc.tuple(fc.bigInt({ min: 1n, max: 2n ** 62n }), rate), { maxLength: 5 });
  fc.assert(
    fc.property(fills, (charged) => {
      const orders = new OrderStore();
      const order = newOrder(orders);
      let weightedSum = 0n;
      for (const [units, ratePpm] of charged) {
        const exact = feeOfFill(weightedSum, units, ratePpm);
        if (exact.weightedSum / 1_000_000n >= 2n ** 63n) return;
        if (exact.weightedSum / 1_000_000n < -(2n ** 63n) + 1n) return;
        weightedSum = exact.weightedSum;
        expect(chargeWideFill(orders, order, units, ratePpm)).toBe(exact.feeUnits);
        expect(weightedSumOf(orders, order)).toBe(weightedSum);
      }
    }),
  );
});
