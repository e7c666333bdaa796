// Two instruments of one shard do not touch each other.

import { test } from '@jest/globals';
import fc from 'fast-check';
import { compareTwoBooks } from './two-books.ts';

test('MAT LOG-8 two books of a shard do each what it would do alone', () => {
  const steps = fc.array(fc.integer(), { minLength: 250, maxLength: 250, size: 'max' });
  fc.assert(
    fc.property(fc.integer(), fc.integer(), steps, (first, second, seeds) => {
      compareTwoBooks([first, second], seeds);
    }),
    { numRuns: 60, endOnFailure: true },
  );
}, 60_000);
