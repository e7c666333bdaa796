// What a process said last, as the sentence that the terminal shows when it does not start.

import { describe, expect, test } from '@jest/globals';
import { lastReason } from '../../../services/launcher/exchange/logs.ts';

describe('the reason that is shown', () => {
  test.each([
    ['a sentence of ours', 'listening\nThe port 1 cannot be opened: it is in use.\n'],
    [
      "a log line's error",
      '{"level":"info","message":"listening"}\n' +
        '{"level":"fatal","error":{"message":"The port 1 cannot be opened: it is in use."},"message":"over"}\n',
    ],
    ["a log line's message", '{"message":"The port 1 cannot be opened: it is in use."}\n'],
  ])('is %s', (_, text) => {
    expect(lastReason(text)).toBe('The port 1 cannot be opened: it is in use.');
  });

  test("is an error's first line, not its stack", () => {
    const text =
      'file:///x.ts:1\n\nTypeError: x is not y\n    at z (file:///x.ts:1:1)\n\nNode.js v24\n';
    expect(lastReason(text)).toBe('TypeError: x is not y');
  });

  test('is what there is, bounded, where nobody said why', () => {
    expect(lastReason('')).toBe('');
    expect(lastReason(`{${'x'.repeat(1_000)}\n`)).toHaveLength(300);
  });
});
