// What is remembered of places in logs that nodes have seen.

import { describe, expect, test } from '@jest/globals';
import { SeenPoints } from '../../../services/coordinator/domain/seen-points.ts';

const checksum = (digit: string): string => digit.repeat(32);

function point(entryIndex: number, digit: string, seenBy = 'a test') {
  return { entryIndex, chainChecksum: checksum(digit), seenBy };
}

describe('LOG-12: what was seen of a log', () => {
  test('is kept by node, the furthest place of each', () => {
    const seen = new SeenPoints();
    seen.note('matching-1', 'marketdata', point(4, 'a'));
    seen.note('matching-1', 'marketdata', point(7, 'b'));
    seen.note('matching-1', 'marketdata', point(5, 'c'));
    seen.note('matching-1', 'account-1', point(9, 'd'));
    expect(seen.of('matching-1')).toEqual([point(9, 'd'), point(7, 'b')]);
    expect(seen.of('matching-2')).toEqual([]);
  });

  test('is what was seen first where one node has seen two things', () => {
    const seen = new SeenPoints();
    seen.note('matching-1', 'marketdata', point(4, 'a'));
    seen.note('matching-1', 'marketdata', point(4, 'b'));
    expect(seen.of('matching-1')).toEqual([point(4, 'a')]);
  });

  test('names a place once, and every place where two nodes have seen different things', () => {
    const seen = new SeenPoints();
    seen.note('matching-1', 'matching-1', point(4, 'a', 'the leader'));
    seen.note('matching-1', 'marketdata', point(4, 'a', 'marketdata'));
    seen.note('matching-1', 'account-1', point(4, 'b', 'account-1'));
    expect(seen.of('matching-1')).toEqual([
      point(4, 'a', 'the leader'),
      point(4, 'b', 'account-1'),
    ]);
  });

  test('holds no place of an empty log and no checksum that is none', () => {
    const seen = new SeenPoints();
    seen.note('matching-1', 'marketdata', point(0, 'a'));
    seen.note('matching-1', 'marketdata', { ...point(3, 'a'), chainChecksum: '' });
    expect(seen.of('matching-1')).toEqual([]);
  });
});
