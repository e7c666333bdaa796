// The comparison of the engine with a naive book, many times over.

import { test } from '@jest/globals';
import { compareWithNaiveBook, compareWithOtherSteps } from './comparison.ts';

test('MAT-1 to MAT-7 in thousands of runs the engine does what a naive book does', () => {
  compareWithNaiveBook(500);
}, 300_000);

test('LOG-17 SNAP-3 in thousands of runs steps of any length make no difference', () => {
  compareWithOtherSteps(500);
}, 300_000);
