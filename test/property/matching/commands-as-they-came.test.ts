// LOG-6: bytes of a command go into the log as they came when they are known to be canonical.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFrequentCommand } from '../../../services/matching/adapter/codec/frequent-decoder.ts';
import { matchingCodec } from '../../../services/matching/adapter/codec/matching-codec.ts';
import { command } from '../matching-arbitraries.ts';

const isKept = (bytes: Uint8Array): boolean => readFrequentCommand(bytes)?.isCanonical === true;

/** One byte or more is cut out, or put in. */
const damage = fc.record({
  at: fc.nat({ max: 400 }),
  removed: fc.nat({ max: 3 }),
  added: fc.uint8Array({ maxLength: 3 }),
});

describe('LOG-6: the bytes of a command that a log may hold as they came', () => {
  test('are those of its canonical encoding, whatever became of them on their way', () => {
    fc.assert(
      fc.property(command, damage, (value, { at, removed, added }) => {
        const sent = matchingCodec.encodeCommand(value);
        const place = at % (sent.length + 1);
        const rest = sent.subarray(place + removed);
        const bytes = Buffer.concat([sent.subarray(0, place), added, rest]);
        const read = readFrequentCommand(bytes);
        if (read?.isCanonical !== true) return;
        expect(bytes).toEqual(Buffer.from(matchingCodec.encodeCommand(read.command)));
      }),
      { numRuns: 3_000 },
    );
  });

  test('are kept as long as nothing in them is 0 or longer than it must be', () => {
    // CancelOrder, as field 2 of Command: instrument 1, account 2, placement 3.
    expect(isKept(Uint8Array.of(0x12, 6, 0x08, 1, 0x10, 2, 0x18, 3))).toBe(true);
    expect(isKept(Uint8Array.of(0x12, 6, 0x08, 1, 0x10, 0, 0x18, 3))).toBe(false);
    expect(isKept(Uint8Array.of(0x12, 7, 0x08, 0x81, 0, 0x10, 2, 0x18, 3))).toBe(false);
    expect(isKept(Uint8Array.of(0x12, 0x86, 0, 0x08, 1, 0x10, 2, 0x18, 3))).toBe(false);
  });

  test('are not kept when a bool is written as another number than 1', () => {
    const terms = Uint8Array.of(0x08, 1, 0x10, 1, 0x18, 1, 0x20, 1, 0x28, 2, 0x48, 1);
    const body = Uint8Array.of(0x08, 5, 0x10, 9, 0x1a, terms.length, ...terms);
    const bytes = Uint8Array.of(0x0a, body.length, ...body);
    expect(isKept(bytes)).toBe(false);
    expect(isKept(bytes.map((byte, at) => (bytes[at - 1] === 0x28 ? 1 : byte)))).toBe(true);
  });
});
