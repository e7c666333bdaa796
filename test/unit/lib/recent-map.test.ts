// What is kept of what was put in lately.

import { expect, test } from '@jest/globals';
import { RecentMap } from '../../../services/lib/base/recent-map.ts';

test('at least half of the limit is kept, and never more than the limit', () => {
  const limit = 100;
  const map = new RecentMap<number, number>(limit);
  for (let key = 0; key < 1_000; key += 1) {
    map.set(key, -key);
    const kept = Array.from({ length: key + 1 }, (_, at) => at).filter((at) => map.has(at));
    expect(kept.length).toBeLessThanOrEqual(limit);
    expect(kept.length).toBeGreaterThanOrEqual(Math.min(key + 1, limit / 2));
    expect(kept.at(-1)).toBe(key);
    expect(kept.at(0)).toBe(key + 1 - kept.length);
  }
});

test('what is put in again is young again, with its new value', () => {
  const map = new RecentMap<string, number>(4);
  map.set('one', 1);
  map.set('two', 2);
  map.set('one', 3);
  map.set('three', 4);
  expect(map.get('one')).toBe(3);
  expect(map.has('two')).toBe(false);
});
