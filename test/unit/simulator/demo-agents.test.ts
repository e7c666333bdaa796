// The demo's agents: the same seed is the same market, and what they send can be traded.

import { describe, expect, test } from '@jest/globals';
import { Chance } from '../../../services/simulator/domain/chance.ts';
import { Maker, Taker } from '../../../services/simulator/domain/demo-agents.ts';
import { FairPrice } from '../../../services/simulator/domain/fair-price.ts';

const LADDER = { spacingTicks: 100, stepLots: 1_000 };
const START_TICKS = 5_000_000;

function playedBy(seed: number, steps: number) {
  const fair = new FairPrice(START_TICKS);
  const chance = new Chance(seed, 0);
  const maker = new Maker(new Chance(seed, 1), LADDER);
  const taker = new Taker(new Chance(seed, 2), LADDER);
  return Array.from({ length: steps }, () => {
    fair.step(chance);
    const best = { bidTicks: fair.ticks - 100, askTicks: fair.ticks + 100 };
    return { fair: fair.ticks, quotes: maker.step(fair.ticks), take: taker.step(best) };
  });
}

describe('a seed', () => {
  test('is the same market each time', () => {
    expect(playedBy(7, 200)).toEqual(playedBy(7, 200));
  });

  test('differs from the next one', () => {
    expect(playedBy(7, 20)).not.toEqual(playedBy(8, 20));
  });

  test('gives numbers over the whole range, both ends included', () => {
    const chance = new Chance(1, 1);
    const numbers = Array.from({ length: 2_000 }, () => chance.between(-3, 3));
    expect(new Set(numbers)).toEqual(new Set([-3, -2, -1, 0, 1, 2, 3]));
  });
});

describe('a maker', () => {
  test('quotes both sides of the fair price and never across it', () => {
    for (const { fair, quotes } of playedBy(3, 100)) {
      for (const { side, priceTicks, quantityLots } of quotes) {
        if (side === 'buy') expect(priceTicks).toBeLessThan(fair);
        else expect(priceTicks).toBeGreaterThan(fair);
        expect(quantityLots % LADDER.stepLots).toBe(0);
        expect(quantityLots).toBeGreaterThan(0);
      }
    }
  });

  test('fills its whole ladder first and renews only some of it later', () => {
    const [first, ...later] = playedBy(3, 100);
    const slots = new Set(first?.quotes.map(({ slot }) => slot));
    expect(slots.size).toBe(first?.quotes.length);
    const renewed = later.reduce((sum, { quotes }) => sum + quotes.length, 0);
    expect(renewed).toBeLessThan((later.length * slots.size) / 2);
  });
});

describe('a taker', () => {
  test('takes both sides, at limits and at the market', () => {
    const takes = playedBy(5, 500).flatMap(({ take }) => take ?? []);
    expect(new Set(takes.map(({ side }) => side))).toEqual(new Set(['buy', 'sell']));
    expect(takes.some(({ limitTicks }) => limitTicks === undefined)).toBe(true);
    expect(takes.some(({ limitTicks }) => limitTicks !== undefined)).toBe(true);
  });

  test('waits while there is nobody on the other side', () => {
    const taker = new Taker(new Chance(1, 1), LADDER);
    for (let i = 0; i < 50; i += 1) expect(taker.step({})).toBeUndefined();
  });
});

describe('a fair price', () => {
  test('wanders and comes back, and stays a price', () => {
    for (const start of [1, 20, START_TICKS]) {
      const fair = new FairPrice(start);
      const chance = new Chance(11, 0);
      const ticks = Array.from({ length: 5_000 }, () => {
        fair.step(chance);
        return fair.ticks;
      });
      expect(Math.min(...ticks)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...ticks)).toBeLessThan(start * 2 + 1_000);
    }
  });
});
