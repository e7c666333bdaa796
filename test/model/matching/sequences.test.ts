// All short sequences of commands, none left out: more than a million.

import { expect, test } from '@jest/globals';
import { compareSequences } from './sequence-run.ts';
import { ALPHABET } from './sequences.ts';

test('MAT TYP TIF STP AMD CXL STA every sequence of up to four commands ends as it must', () => {
  const letters = ALPHABET.length;
  expect(compareSequences(4)).toBe(letters + letters ** 2 + letters ** 3 + letters ** 4);
}, 180_000);
