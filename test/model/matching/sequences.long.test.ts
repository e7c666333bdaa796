// All sequences of up to four commands, none left out: about a million.

import { expect, test } from '@jest/globals';
import { compareSequences } from './sequence-run.ts';
import { ALPHABET } from './sequences.ts';

test('MAT TIF STP AMD CXL STA every sequence of up to four commands ends as the naive book says', () => {
  const letters = ALPHABET.length;
  expect(compareSequences(4)).toBe(letters + letters ** 2 + letters ** 3 + letters ** 4);
}, 240_000);
