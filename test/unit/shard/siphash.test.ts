// The keyed hash against the vectors of its reference code.

import { describe, expect, test } from '@jest/globals';
import { sipHash128, sipHashKey } from '../../../services/lib/base/siphash.ts';

/** Of the reference code's vectors for SipHash-2-4-128, input 00 01 02 …, by input length. */
const VECTORS: readonly (readonly [number, string])[] = [
  [0, 'a3817f04ba25a8e66df67214c7550293'],
  [1, 'da87c1d86b99af44347659119b22fc45'],
  [2, '8177228da4a45dc7fca38bdef60affe4'],
  [15, '5493e99933b0a8117e08ec0f97cfc3d9'],
];

describe('the keyed hash of identities (LOG-11)', () => {
  test.each(VECTORS)('agrees with the reference code on %i bytes', (length, expected) => {
    const key = sipHashKey(Uint8Array.from({ length: 16 }, (_, index) => index));
    const output = new Int32Array(4);
    const input = Uint8Array.from({ length: 64 }, (_, index) => index);
    sipHash128(key, input, length, output);
    expect(Buffer.from(output.buffer).toString('hex')).toBe(expected);
  });
});
