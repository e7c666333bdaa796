// All short sequences of commands, none left out: more than a million.

import { expect, test } from '@jest/globals';
import { runModel } from './run-model.ts';
import { ALPHABET } from './sequences.ts';

test('MAT TYP TIF STP AMD CXL STA every sequence of up to four commands ends as it must', async () => {
  const letters = ALPHABET.length;
  const all = letters + letters ** 2 + letters ** 3 + letters ** 4;
  expect(await runModel('--sequences', '4')).toBe(`${all} sequences, all the same\n`);
}, 240_000);
