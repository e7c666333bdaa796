// All short sequences of commands, none left out.

import { expect, test } from '@jest/globals';
import { compareSequences } from './sequence-run.ts';
import { ALPHABET } from './sequences.ts';

test('MAT TIF STP AMD CXL STA every sequence of up to three commands ends as the naive book says', () => {
  const letters = ALPHABET.length;
  expect(compareSequences(3)).toBe(letters + letters ** 2 + letters ** 3);
}, 60_000);
