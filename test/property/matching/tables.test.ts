// The tables under the engine against a Map and a sorted array, with as many entries as it takes
// to grow, to make room and to wrap around.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HolderStore } from '../../../services/matching/domain/holder-store.ts';
import { LevelStore } from '../../../services/matching/domain/level-store.ts';
import { OrderIndex } from '../../../services/matching/domain/order-index.ts';
import {
  ACCOUNT,
  HOLDER_NEXT,
  OrderStore,
  PLACEMENT,
} from '../../../services/matching/domain/order-store.ts';
import { PriceBits } from '../../../services/matching/domain/price-bits.ts';
import { PricePages } from '../../../services/matching/domain/price-pages.ts';

/** A small generator of its own, so that long runs need no long lists. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}

/** As `expect(…).toBe`, which would take most of the time of these runs. */
function assertSame(actual: number, expected: number): void {
  if (actual !== expected) expect(actual).toBe(expected);
}

test.each([PriceBits, PricePages])(
  'MAT-6 any number of prices is kept in order, wherever they are: %p',
  (Prices) => {
    const shapes = fc.record({
      seed: fc.integer(),
      // Dense prices, sparse ones, and ones up to the largest.
      range: fc.constantFrom(50, 5_000, 10_000_000, 2 ** 53 - 2),
      growth: fc.integer({ min: 3, max: 7 }),
    });
    fc.assert(
      fc.property(shapes, ({ seed, range, growth }) => {
        const random = makeRandom(seed);
        const bits = new Prices();
        const side = seed & 1023;
        const prices: number[] = [];
        // Another side has prices of its own, which change nothing here.
        for (const price of [1, 32, 1_024, 2 ** 40]) bits.add(side + 1, price, 1);
        for (let step = 0; step < 3_000; step += 1) {
          const isGrowing = step % 1_500 < 900;
          const price = 1 + random(range);
          const place = prices.findIndex((other) => other >= price);
          const at = place < 0 ? prices.length : place;
          const isThere = prices[at] === price;
          assertSame(bits.below(side, price), prices[at - 1] ?? 0);
          assertSame(bits.above(side, price), prices[isThere ? at + 1 : at] ?? 0);
          if (random(10) < (isGrowing ? growth : 2)) {
            if (isThere) continue;
            prices.splice(at, 0, price);
            bits.add(side, price, step);
          } else if (prices.length > 0) {
            const [gone] = prices.splice(random(prices.length), 1);
            bits.remove(side, gone as number);
          }
        }
        const seen: number[] = [];
        for (let price = bits.above(side, 0); price !== 0; price = bits.above(side, price)) {
          seen.push(price);
        }
        expect(seen).toEqual(prices);
      }),
      { numRuns: 60 },
    );
  },
);

test('MAT-6 a market that moves on leaves nothing behind, whether anybody looks or not', () => {
  for (const step of [1, 33, 2 ** 30]) {
    const pages = new PricePages();
    for (let count = 1; count <= 30_000; count += 1) {
      pages.add(7, count * step, 1);
      if (count > 5) pages.remove(7, (count - 5) * step);
    }
    expect(pages.byteLength).toBeLessThan(20_000);
    expect(pages.above(7, 0)).toBe(29_996 * step);
  }
});

test('MAT-5 a level is found by its side and price as long as it is there', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(100, 2 ** 53 - 2), (seed, range) => {
      const random = makeRandom(seed);
      const levels = new LevelStore(new OrderStore(16));
      const pages = new PricePages();
      const held = new Map<string, { level: number; side: number; price: number }>();
      for (let step = 0; step < 5_000; step += 1) {
        const side = random(4);
        const price = 1 + random(range);
        const key = `${side}-${price}`;
        const known = held.get(key);
        assertSame(pages.find(side, price), known?.level ?? 0);
        if (known === undefined && random(10) < (step < 3_000 ? 8 : 3)) {
          const level = levels.allocate(side, price);
          pages.add(side, price, level);
          held.set(key, { level, side, price });
        } else if (held.size > 0) {
          const [gone, found] = pick(held, random);
          pages.remove(found.side, found.price);
          levels.release(found.level);
          held.delete(gone);
        }
      }
      for (const { level, side, price } of held.values()) {
        assertSame(pages.find(side, price), level);
      }
    }),
    { numRuns: 10 },
  );
});

test('MAT-4 the index finds exactly the orders that were added and not removed', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(1, 3, 2_000), (seed, accounts) => {
      const random = makeRandom(seed);
      const orders = new OrderStore(16);
      const index = new OrderIndex(orders);
      const held = new Map<string, { order: number; account: number; placement: number }>();
      for (let step = 0; step < 8_000; step += 1) {
        const account = 2 ** 32 - 1 - random(accounts);
        const placement = random(2) === 0 ? step : 2 ** 52 + random(10_000);
        const key = `${account}-${placement}`;
        const known = held.get(key);
        assertSame(index.find(account, placement), known?.order ?? 0);
        if (known === undefined && random(10) < (step < 5_000 ? 8 : 3)) {
          const order = orders.allocate();
          orders.words[order + ACCOUNT] = account;
          orders.floats[(order >>> 1) + PLACEMENT] = placement;
          index.add(order);
          held.set(key, { order, account, placement });
        } else if (held.size > 0) {
          const [gone, found] = pick(held, random);
          index.remove(found.order);
          orders.release(found.order);
          held.delete(gone);
        }
      }
      expect(index.count).toBe(held.size);
      for (const { order, account, placement } of held.values()) {
        assertSame(index.find(account, placement), order);
      }
    }),
    { numRuns: 10 },
  );
});

function pick<T>(held: Map<string, T>, random: (below: number) => number): [string, T] {
  // One of the first few: a Map has no other cheap way to an entry.
  const skip = random(Math.min(held.size, 20));
  let at = 0;
  for (const entry of held) {
    if (at === skip) return entry;
    at += 1;
  }
  throw new Error('a map with entries has one');
}

test('CXL-1 MAT-7 holders chain and count the orders of each account and instrument', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = makeRandom(seed);
      const orders = new OrderStore(16);
      const holders = new HolderStore(orders);
      const chains = new Map<string, number[]>();
      const young: { key: string; order: number }[] = [];
      for (let step = 0; step < 5_000; step += 1) {
        const choice = random(16);
        if (choice < (step < 3_000 ? 9 : 7)) {
          const account = random(200);
          const instrument = 1 + random(5);
          const key = `${account}-${instrument}`;
          const chain = chains.get(key) ?? [];
          if (random(20) === 0) expect(holders.openCount(account, instrument)).toBe(chain.length);
          const order = orders.allocate();
          orders.words[order + ACCOUNT] = account;
          if (random(50) === 0) holders.add(order, instrument);
          else holders.addLater(order, instrument);
          chains.set(key, [...chain, order]);
          young.push({ key, order });
          continue;
        }
        // Mostly one of the youngest, which may not be chained yet.
        const at = random(8) === 0 ? random(young.length) : young.length - 1 - random(12);
        const picked = young[at];
        if (picked === undefined) continue;
        const { key, order } = picked;
        const others = (chains.get(key) ?? []).filter((other) => other !== order);
        if (choice === 15) {
          holders.moveToYoungest(order);
          chains.set(key, [...others, order]);
        } else {
          holders.remove(order);
          orders.release(order);
          chains.set(key, others);
          young.splice(at, 1);
        }
      }
      for (const [key, chain] of chains) {
        const [account, instrument] = key.split('-').map(Number) as [number, number];
        expect(holders.openCount(account, instrument)).toBe(chain.length);
        const seen: number[] = [];
        let order = holders.oldest(account, instrument);
        for (; order !== 0; order = orders.words[order + HOLDER_NEXT] as number) seen.push(order);
        expect(seen).toEqual(chain);
      }
    }),
    { numRuns: 10 },
  );
});
