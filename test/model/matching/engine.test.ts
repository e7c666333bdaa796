// The engine and a naive book do the same, whatever happens (comparison.ts says how).

import { test } from '@jest/globals';
import { compareWithNaiveBook, compareWithOtherSteps } from './comparison.ts';

test('MAT-1 to MAT-7 the engine does what a book does that sorts an array each time', () => {
  compareWithNaiveBook(60);
});

test('LOG-17 SNAP-3 steps of any length lead to the same events and checksums', () => {
  compareWithOtherSteps(60);
});
