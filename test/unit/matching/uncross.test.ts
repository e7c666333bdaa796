// STA-2: the uncross price against a search of every candidate, and the sentences one by one.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type UncrossLevel, uncrossPrice } from '../../../services/lib/rules/uncross.ts';

type Pairs = readonly (readonly [priceUnits: number, quantityUnits: number])[];

function bids(...pairs: Pairs): UncrossLevel[] {
  return levels(pairs).sort((a, b) => b.priceUnits - a.priceUnits);
}

function asks(...pairs: Pairs): UncrossLevel[] {
  return levels(pairs).sort((a, b) => a.priceUnits - b.priceUnits);
}

function levels(pairs: Pairs): UncrossLevel[] {
  return pairs.map(([priceUnits, quantityUnits]) => ({ priceUnits, quantityUnits }));
}

describe('STA-2 the price of an uncross', () => {
  test('nothing is executable while nothing crosses', () => {
    expect(uncrossPrice([], [], 1, 100)).toBeUndefined();
    expect(uncrossPrice(bids([99, 5]), asks([100, 5]), 1, 100)).toBeUndefined();
    expect(uncrossPrice(bids([99, 5]), [], 1, 100)).toBeUndefined();
  });

  test('most volume comes first', () => {
    const found = uncrossPrice(bids([102, 3], [101, 4]), asks([100, 6], [102, 9]), 1, 0);
    expect(found).toEqual({
      priceUnits: 101,
      volumeUnits: 6,
      surplusUnits: 1,
      surplusSide: 'BUY',
    });
  });

  test('then least surplus', () => {
    const found = uncrossPrice(bids([103, 5], [101, 4]), asks([100, 5]), 1, 100);
    expect(found).toMatchObject({ priceUnits: 102, volumeUnits: 5, surplusUnits: 0 });
  });

  test('surplus of buyers at all of them draws the price up, of sellers down', () => {
    const up = uncrossPrice(bids([105, 9]), asks([100, 5]), 1, 101);
    expect(up).toMatchObject({ priceUnits: 105, surplusUnits: 4, surplusSide: 'BUY' });
    const down = uncrossPrice(bids([105, 5]), asks([100, 9]), 1, 104);
    expect(down).toMatchObject({ priceUnits: 100, surplusUnits: 4, surplusSide: 'SELL' });
  });

  test('then the price nearest to the reference price, and of two the higher', () => {
    const even = (reference: number) =>
      uncrossPrice(bids([110, 5]), asks([100, 5]), 4, reference)?.priceUnits;
    expect(even(90)).toBe(100);
    expect(even(105)).toBe(104);
    expect(even(106)).toBe(108);
    expect(even(200)).toBe(108);
    expect(even(0)).toBe(108);
  });

  test('where ticks leave no price between the best limits, the limits are the candidates', () => {
    const found = uncrossPrice(bids([103, 5]), asks([101, 5]), 10, 101);
    expect(found).toMatchObject({ priceUnits: 101, volumeUnits: 5 });
    expect(uncrossPrice(bids([103, 5]), asks([101, 5]), 10, 0)?.priceUnits).toBe(103);
  });

  test('prices near 2^53 are as exact as others', () => {
    const top = Number.MAX_SAFE_INTEGER;
    const found = uncrossPrice(bids([top, 7]), asks([top - 1_000_000, 3]), 1, 1);
    expect(found).toMatchObject({ priceUnits: top, volumeUnits: 3, surplusUnits: 4 });
  });
});

/** The rule read word by word, over every candidate. */
function searched(
  bidLevels: readonly UncrossLevel[],
  askLevels: readonly UncrossLevel[],
  tickUnits: number,
  referenceUnits: number,
): number | undefined {
  const bid = bidLevels[0]?.priceUnits ?? 0;
  const ask = askLevels[0]?.priceUnits ?? Number.POSITIVE_INFINITY;
  if (bid < ask) return undefined;
  let prices: number[] = [];
  for (let price = ask; price <= bid; price += 1) if (price % tickUnits === 0) prices.push(price);
  if (prices.length === 0) {
    const limits = [...bidLevels, ...askLevels].map((level) => level.priceUnits);
    prices = limits.filter((price) => price >= ask && price <= bid);
  }
  const sum = (list: readonly UncrossLevel[]) =>
    list.reduce((total, level) => total + level.quantityUnits, 0);
  const demand = (price: number) => sum(bidLevels.filter((level) => level.priceUnits >= price));
  const supply = (price: number) => sum(askLevels.filter((level) => level.priceUnits <= price));
  const keepLeast = (of: (price: number) => number) => {
    const least = Math.min(...prices.map(of));
    prices = prices.filter((price) => of(price) === least);
  };
  keepLeast((price) => -Math.min(demand(price), supply(price)));
  keepLeast((price) => Math.abs(demand(price) - supply(price)));
  if (prices.every((price) => demand(price) > supply(price))) return Math.max(...prices);
  if (prices.every((price) => demand(price) < supply(price))) return Math.min(...prices);
  if (referenceUnits > 0) keepLeast((price) => Math.abs(price - referenceUnits));
  return Math.max(...prices);
}

test('STA-2 the price is the one that a search of all candidates finds', () => {
  const side = fc.uniqueArray(
    fc.record({
      priceUnits: fc.integer({ min: 90, max: 125 }),
      quantityUnits: fc.integer({ min: 1, max: 6 }),
    }),
    { selector: (level) => level.priceUnits, maxLength: 8 },
  );
  const tick = fc.constantFrom(1, 2, 3, 7, 40);
  const reference = fc.oneof(fc.constant(0), fc.integer({ min: 85, max: 130 }));
  fc.assert(
    fc.property(side, side, tick, reference, (buyers, sellers, tickUnits, referenceUnits) => {
      const bidLevels = [...buyers].sort((a, b) => b.priceUnits - a.priceUnits);
      const askLevels = [...sellers].sort((a, b) => a.priceUnits - b.priceUnits);
      const found = uncrossPrice(bidLevels, askLevels, tickUnits, referenceUnits);
      const wanted = searched(bidLevels, askLevels, tickUnits, referenceUnits);
      expect(found?.priceUnits).toBe(wanted);
    }),
    { numRuns: 3_000 },
  );
});
