// The tables under the engine against a Map and a sorted array, with as many entries as it takes
// to grow, split, merge and wrap around.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HolderStore } from '../../../services/matching/domain/holder-store.ts';
import { OrderIndex } from '../../../services/matching/domain/order-index.ts';
import {
  ACCOUNT,
  HOLDER_NEXT,
  OrderStore,
  PLACEMENT,
} from '../../../services/matching/domain/order-store.ts';
import { ChunkStore, PriceLadder } from '../../../services/matching/domain/price-ladder.ts';

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

test('MAT-6 the ladder keeps any number of prices in order, wherever they are', () => {
  const shapes = fc.record({
    seed: fc.integer(),
    // Dense prices, sparse ones, and ones up to the largest.
    range: fc.constantFrom(50, 5_000, 2 ** 53 - 1),
    growth: fc.integer({ min: 3, max: 7 }),
  });
  fc.assert(
    fc.property(shapes, ({ seed, range, growth }) => {
      const random = makeRandom(seed);
      const ladder = new PriceLadder(new ChunkStore());
      const keys: number[] = [];
      for (let step = 0; step < 3_000; step += 1) {
        const isGrowing = step % 1_500 < 900;
        if (random(10) < (isGrowing ? growth : 2)) {
          const key = random(range) - (seed % 2 === 0 ? 0 : range);
          const place = keys.findIndex((other) => other >= key);
          if (keys[place] === key) continue;
          const at = place < 0 ? keys.length : place;
          const better = keys[at];
          keys.splice(at, 0, key);
          const level = levelOf(key);
          assertSame(ladder.add(key, level), better === undefined ? 0 : levelOf(better));
          assertSame(ladder.find(key), level);
        } else if (keys.length > 0) {
          const at = random(keys.length);
          const key = keys[at] as number;
          keys.splice(at, 1);
          ladder.remove(key);
          assertSame(ladder.find(key), 0);
        }
      }
      for (const key of keys) assertSame(ladder.find(key), levelOf(key));
    }),
    { numRuns: 60 },
  );
});

/** Any handle that tells keys apart well enough. */
function levelOf(key: number): number {
  return (Math.abs(key % 1_000_003) | 0) + 1;
}

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
      for (let step = 0; step < 5_000; step += 1) {
        const account = random(200);
        const instrument = 1 + random(5);
        const key = `${account}-${instrument}`;
        const chain = chains.get(key) ?? [];
        const choice = random(step < 3_000 ? 4 : 8);
        if (choice < 3) {
          const order = orders.allocate();
          holders.add(order, account, instrument);
          chains.set(key, [...chain, order]);
        } else if (chain.length > 0) {
          const order = chain[random(chain.length)] as number;
          const others = chain.filter((other) => other !== order);
          if (choice === 3) {
            holders.moveToYoungest(order);
            chains.set(key, [...others, order]);
          } else {
            holders.remove(order);
            orders.release(order);
            chains.set(key, others);
          }
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
