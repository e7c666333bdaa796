// The memory of what happened lately: bounded for an account and in all, oldest out first.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EventRing } from '../../../services/account/adapter/shard/event-ring.ts';

describe('EventRing', () => {
  test('keeps the newest of an account and says what it forgot', () => {
    const ring = new EventRing(3, 100);
    for (let sequence = 1; sequence <= 5; sequence += 1) ring.push(7, { sequence });
    expect([...ring.newestFirst(7)].map(({ sequence }) => sequence)).toEqual([5, 4, 3]);
    expect(ring.after(7, 4, 10)).toEqual([{ sequence: 5 }]);
    expect(ring.after(7, 2, 2)).toEqual([{ sequence: 3 }, { sequence: 4 }]);
    expect(ring.forgottenSequence(7)).toBe(2);
    expect(ring.forgottenSequence(8)).toBe(0);
  });

  test('keeps as many as it may when they are more than it had room for at first', () => {
    const ring = new EventRing(10_000, 3_000);
    for (let sequence = 1; sequence <= 5_000; sequence += 1) ring.push(sequence % 2, { sequence });
    expect(ring.after(0, 0, 5_000).length + ring.after(1, 0, 5_000).length).toBe(3_000);
    expect(ring.after(1, 0, 1)).toEqual([{ sequence: 2_001 }]);
    expect(ring.forgottenSequence(0)).toBe(2_000);
    expect([...ring.newestFirst(1)][0]).toEqual({ sequence: 4_999 });
  });

  test('equals a list that forgets the oldest of the account, and the oldest of all', () => {
    const accounts = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 300 });
    fc.assert(
      fc.property(accounts, (pushes) => {
        const ring = new EventRing(5, 12);
        const arrivals: { account: number; sequence: number }[] = [];
        pushes.forEach((account, index) => {
          ring.push(account, { sequence: index + 1 });
          arrivals.push({ account, sequence: index + 1 });
          for (const each of [1, 2, 3, 4]) {
            const expected = arrivals
              .slice(-12)
              .filter((one) => one.account === each)
              .slice(-5)
              .map(({ sequence }) => sequence);
            expect(ring.after(each, 0, 12).map(({ sequence }) => sequence)).toEqual(expected);
          }
        });
      }),
    );
  });
});
