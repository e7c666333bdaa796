// A few histories of accounts whose slots move, with one that once found a fault.
import { test } from '@jest/globals';
import { testSlotMoves } from './slot-move-properties.ts';

test('MOV-3, MOV-5, MOV-7, LED-4, LED-5: accounts that move between shards do what they do on one', () => {
  testSlotMoves(18);
}, 120_000);

test('MOV-7: a slot moves on from a shard that has settled nothing of a book yet', () => {
  testSlotMoves(1, { seed: -1_259_933_638, path: '12' });
}, 120_000);
