// The chain checksums of the latest entries: exact as far as they reach, silent beyond.
import { describe, expect, test } from '@jest/globals';
import { RecentPoints } from '../../../services/lib/shard/recent-points.ts';

const checksumOf = (entryIndex: number): string => entryIndex.toString(16).padStart(32, '0');

function pushed(...entryIndexes: number[]): RecentPoints {
  const points = new RecentPoints();
  for (const entryIndex of entryIndexes) {
    points.push({ entryIndex, chainChecksum: checksumOf(entryIndex) });
  }
  return points;
}

describe('LOG-12 recent points', () => {
  test('are known from the first that was taken in to the last', () => {
    const points = pushed(7, 8, 9);
    expect([6, 7, 9, 10].map((index) => points.find(index))).toEqual([
      undefined,
      checksumOf(7),
      checksumOf(9),
      undefined,
    ]);
    expect(new RecentPoints().find(0)).toBeUndefined();
  });

  test('forget the oldest, and everything before a gap', () => {
    const count = 1 << 16;
    const points = pushed(...Array.from({ length: count + 10 }, (_, index) => index + 1));
    expect(points.find(10)).toBeUndefined();
    expect(points.find(11)).toBe(checksumOf(11));
    expect(points.find(count + 10)).toBe(checksumOf(count + 10));
    points.push({ entryIndex: count + 20, chainChecksum: checksumOf(count + 20) });
    expect(points.find(count + 10)).toBeUndefined();
    expect(points.find(count + 20)).toBe(checksumOf(count + 20));
  });
});
