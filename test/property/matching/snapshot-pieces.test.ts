// A matching machine's snapshot in the pieces in which the host stores it.

import { describe, expect, test } from '@jest/globals';
import { MOST_PIECE_BYTES } from '../../../services/lib/shard/state-machine.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import { SnapshotError } from '../../../services/matching/domain/snapshot-bytes.ts';
import { openBook, PLAIN_TERMS, submit } from '../../support/matching/one-book.ts';

function restore(pieces: Iterable<Uint8Array>): MatchingMachine {
  const machine = new MatchingMachine();
  const restorer = machine.beginRestore();
  for (const piece of pieces) {
    const own = piece.slice();
    restorer.take(own);
    own.fill(0); // the host uses its buffers again
  }
  restorer.end();
  return machine;
}

describe('pieces of a matching machine', () => {
  const machine = openBook();
  for (let placement = 1; placement <= 5_000; placement += 1) {
    const terms = { ...PLAIN_TERMS, priceUnits: 1 + (placement % 97) };
    submit(machine, { kind: 'placeOrder', accountNumber: 1 + (placement % 11), placement, terms });
  }
  const pieces = [...machine.snapshotPieces()];

  test('SNAP-1: go back to the machine that they were cut from', () => {
    expect(pieces.length).toBeGreaterThan(2);
    const longest = Math.max(...pieces.map(({ length }) => length));
    expect(longest).toBeGreaterThan(MOST_PIECE_BYTES / 2);
    expect(longest).toBeLessThanOrEqual(MOST_PIECE_BYTES);
    const restored = restore(machine.snapshotPieces());
    expect(restored.stateChecksum()).toBe(machine.stateChecksum());
    expect(restored.openOrders(1)).toEqual(machine.openOrders(1));
  });

  test('SNAP-3: are refused when one is missing or out of its place', () => {
    for (const wrong of [[], pieces.slice(1), pieces.slice(0, -1), pieces.toReversed()]) {
      expect(() => restore(wrong)).toThrow(SnapshotError);
    }
  });
});
