// The memory of what happened lately: bounded for an account and in all, oldest out first.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EventRing, type RingItem } from '../../../services/account/adapter/shard/event-ring.ts';

function itemOf(sequence: number, byteCount = 3): RingItem {
  const bytes = new Uint8Array(byteCount).fill(sequence);
  return { sequence, logTimeUs: sequence * 10, traceContext: '', bytes };
}

function plain({ sequence, logTimeUs, traceContext, bytes }: RingItem) {
  return { sequence, logTimeUs, traceContext, bytes: Buffer.from(bytes).toString('hex') };
}

function sequencesOf(items: Iterable<{ readonly sequence: number }>): readonly number[] {
  return [...items].map(({ sequence }) => sequence);
}

describe('EventRing', () => {
  test('keeps the newest of an account and says what it forgot', () => {
    const ring = new EventRing(3, 100);
    for (let sequence = 1; sequence <= 5; sequence += 1) ring.push(7, itemOf(sequence));
    expect(sequencesOf(ring.newestFirst(7))).toEqual([5, 4, 3]);
    expect(sequencesOf(ring.after(7, 4, 10))).toEqual([5]);
    expect(sequencesOf(ring.after(7, 2, 2))).toEqual([3, 4]);
    expect(ring.forgottenSequence(7)).toBe(2);
    expect(ring.forgottenSequence(8)).toBe(0);
  });

  test('keeps as many as it may when they are more than it had room for at first', () => {
    const ring = new EventRing(10_000, 3_000);
    for (let sequence = 1; sequence <= 5_000; sequence += 1)
      ring.push(sequence % 2, itemOf(sequence));
    expect(ring.after(0, 0, 5_000).length + ring.after(1, 0, 5_000).length).toBe(3_000);
    expect(sequencesOf(ring.after(1, 0, 1))).toEqual([2_001]);
    expect(ring.forgottenSequence(0)).toBe(2_000);
    expect(sequencesOf(ring.newestFirst(1))[0]).toBe(4_999);
  });

  test('gives events back as they were, whatever their sizes', () => {
    const pushed = fc.record({
      logTimeUs: fc.maxSafeNat(),
      traceContext: fc.oneof(fc.constant(''), fc.string({ maxLength: 60 })),
      bytes: fc.oneof(
        fc.uint8Array({ maxLength: 400 }),
        fc.integer({ min: 1, max: 60_000 }).map((count) => new Uint8Array(count).fill(7)),
      ),
    });
    fc.assert(
      fc.property(fc.array(pushed, { maxLength: 60 }), fc.nat(60), (pushes, after) => {
        const ring = new EventRing(100, 100);
        const items = pushes.map((item, index) => ({ ...item, sequence: index + 1 }));
        for (const item of items) ring.push(5, item);
        const found = ring.after(5, after, 50).map(plain);
        expect(found).toEqual(items.slice(after, after + 50).map(plain));
        expect([...ring.newestFirst(5)].map(plain)).toEqual(items.toReversed().map(plain));
      }),
    );
  });

  test('equals a list that forgets the oldest of the account, and the oldest of all', () => {
    const accounts = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 300 });
    fc.assert(
      fc.property(accounts, (pushes) => {
        const ring = new EventRing(5, 12);
        const arrivals: { account: number; sequence: number }[] = [];
        pushes.forEach((account, index) => {
          ring.push(account, itemOf(index + 1));
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
