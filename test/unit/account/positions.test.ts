// Positions at average cost (POS-1) against what can be said of them without knowing how they are
// computed.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Position, type PositionFill } from '../../../services/account/domain/positions.ts';

/** `buy 10 for 100` or `sell 3 for 40, fee 1`. */
function fillOf(text: string): PositionFill {
  const [, side, quantity, notional, fee = '0'] =
    /^(buy|sell) (\d+) for (\d+)(?:, fee (-?\d+))?$/.exec(text) ?? [];
  return {
    side: side === 'buy' ? 'BUY' : 'SELL',
    quantityUnits: Number(quantity),
    notionalUnits: BigInt(notional ?? ''),
    feeUnits: BigInt(fee),
  };
}

function stateAfter(...fills: readonly PositionFill[]): readonly bigint[] {
  const position = new Position();
  for (const fill of fills) position.add(fill);
  const { quantityUnits, costUnits, realisedUnits, feeUnits } = position;
  return [quantityUnits, costUnits, realisedUnits, feeUnits];
}

describe('POS-1 a position', () => {
  test.each<[fills: string[], quantity: bigint, cost: bigint, realised: bigint, fees: bigint]>([
    [['buy 10 for 100, fee 1'], 10n, 100n, 0n, 1n],
    [['buy 10 for 100', 'buy 10 for 200, fee -1'], 20n, 300n, 0n, -1n],
    // Half of it, which has cost 150, brings 180.
    [['buy 10 for 100', 'buy 10 for 200', 'sell 10 for 180'], 10n, 150n, 30n, 0n],
    [['buy 10 for 100', 'sell 10 for 80'], 0n, 0n, -20n, 0n],
    // Sold before it is bought.
    [['sell 10 for 100', 'buy 4 for 36'], -6n, -60n, 4n, 0n],
    // From one side to the other: 5 are closed, 5 are a new position.
    [['buy 5 for 50', 'sell 10 for 120'], -5n, -60n, 10n, 0n],
    // A third of 100 is 33: the unit that rounding leaves stays in the cost.
    [['buy 3 for 100', 'sell 1 for 40'], 2n, 67n, 7n, 0n],
    [['buy 3 for 100', 'sell 1 for 40', 'sell 2 for 80'], 0n, 0n, 20n, 0n],
    [['sell 3 for 100', 'buy 1 for 40'], -2n, -67n, -7n, 0n],
  ])('after %j', (fills, ...expected) => {
    expect(stateAfter(...fills.map(fillOf))).toEqual(expected);
  });

  const fills = fc.array(
    fc.record<PositionFill>({
      side: fc.constantFrom('BUY', 'SELL'),
      quantityUnits: fc.integer({ min: 1, max: 50 }),
      notionalUnits: fc.bigInt({ min: 1n, max: 1_000_000n }),
      feeUnits: fc.bigInt({ min: -100n, max: 100n }),
    }),
    { maxLength: 60 },
  );

  test('loses no unit: the result less the cost is what came in less what went out', () => {
    fc.assert(
      fc.property(fills, (list) => {
        const [quantity, cost = 0n, realised = 0n, fees] = stateAfter(...list);
        let [bought, cash, paid] = [0n, 0n, 0n];
        for (const { side, quantityUnits, notionalUnits, feeUnits } of list) {
          bought += side === 'BUY' ? BigInt(quantityUnits) : -BigInt(quantityUnits);
          cash += side === 'BUY' ? -notionalUnits : notionalUnits;
          paid += feeUnits;
        }
        expect([quantity, realised - cost, fees]).toEqual([bought, cash, paid]);
      }),
    );
  });

  test('without a quantity has no cost, and a cost has the sign of the quantity', () => {
    fc.assert(
      fc.property(fills, (list) => {
        const [quantity = 0n, cost = 0n] = stateAfter(...list);
        if (quantity === 0n) expect(cost).toBe(0n);
        else expect(quantity > 0n ? cost >= 0n : cost <= 0n).toBe(true);
      }),
    );
  });
});
