// The comparison of the engine with a naive book, a million commands long.

import { expect, test } from '@jest/globals';
import { runModel } from './run-model.ts';

test('MAT TYP TIF STP AMD CXL STA BND LOG-17 a million commands: engine and naive book', async () => {
  expect(await runModel('--commands', '1000000')).toBe('1000000 commands, all the same\n');
}, 300_000);
