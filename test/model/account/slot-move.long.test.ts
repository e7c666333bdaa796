// Many histories of accounts whose slots move; a few run on every test run.
import { test } from '@jest/globals';
import { testSlotMoves } from './slot-move-properties.ts';

test('MOV-3, MOV-5, MOV-7, LED-4, LED-5: accounts that move between shards do what they do on one', () => {
  testSlotMoves(100);
}, 600_000);
