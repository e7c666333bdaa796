// How much a book holds when nothing else is configured.

import { expect, test } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../../services/matching/domain/limits.ts';

test('MAT-7 a book has 1,048,576 resting orders and 65,536 waiting stops', () => {
  expect(DEFAULT_LIMITS.ordersPerBook).toBe(1_048_576);
  expect(DEFAULT_LIMITS.waitingPerBook).toBe(65_536);
});
