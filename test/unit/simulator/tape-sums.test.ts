// Sums of a recording, against amounts worked out by hand.
import { expect, test } from '@jest/globals';
import { TapeSums } from '../../../services/simulator/domain/tape-sums.ts';

const RATES = { makerRatePpm: -30n, takerRatePpm: 150n };

test('SET-2 a fee is rounded once for an order, not for each of its fills', () => {
  // One recorded unit of price is one smallest unit of the quote asset.
  const sums = new TapeSums(RATES, { base: 0, quote: 4 });
  sums.addTake('buy', [
    { makerId: 'one', price: 1_001, quantity: 3 },
    { makerId: 'two', price: 1_003, quantity: 10 },
  ]);
  sums.addTake('sell', [{ makerId: 'two', price: 1_003, quantity: 7 }]);
  expect(sums.trades).toBe(3);
  expect(sums.taker.baseUnits).toBe(6n);
  expect(sums.maker.baseUnits).toBe(-6n);
  // 3,003 + 10,030 = 13,033 at 150 millionths: 1.95495; 7,021: 1.05315; each rounded up.
  expect(sums.taker.quoteUnits).toBe(-13_033n + 7_021n - 2n - 2n);
  // Rebates of 0.09009 and of 17,051 at 30 millionths, 0.51153, are nothing when rounded.
  expect(sums.maker.quoteUnits).toBe(13_033n - 7_021n);
});
