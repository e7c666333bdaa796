// The comparison of the engine with a naive book, a million commands long.

import { test } from '@jest/globals';
import { compareMany } from './many-runs.ts';

test('MAT TYP TIF STP AMD CXL STA BND LOG-17 a million random commands, engine and naive book', () => {
  compareMany(1_000_000);
}, 300_000);
