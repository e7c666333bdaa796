// Page tokens and resume tokens.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatToken, parseToken } from '../../../services/account/adapter/public/tokens.ts';

describe('tokens', () => {
  test('a token gives back its numbers, under its own name only', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat(), { maxLength: 5 }), (numbers) => {
        const token = formatToken('holds', numbers);
        expect(parseToken('holds', numbers.length, token)).toEqual(numbers);
        expect(parseToken('postings', numbers.length, token)).toBeUndefined();
        expect(parseToken('holds', numbers.length + 1, token)).toBeUndefined();
      }),
    );
  });

  test('what was typed, cut off or changed is no token', () => {
    const token = formatToken('holds', [1, 2, 3]);
    fc.assert(
      fc.property(fc.nat({ max: token.length - 1 }), fc.string({ maxLength: 40 }), (at, typed) => {
        expect(parseToken('holds', 3, token.slice(0, at))).toBeUndefined();
        expect(parseToken('holds', 3, typed)).toBeUndefined();
      }),
    );
  });
});
