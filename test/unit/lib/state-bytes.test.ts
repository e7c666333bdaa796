// The fields of which snapshots consist.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StateReader, StateWriter } from '../../../services/lib/base/state-bytes.ts';

const field = fc.oneof(
  fc.record({ kind: fc.constant('whole' as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('signed' as const), value: fc.maxSafeInteger() }),
  fc.record({
    kind: fc.constant('amount' as const),
    value: fc.bigInt({ min: -(2n ** 96n) + 1n, max: 2n ** 96n - 1n }),
  }),
  fc.record({ kind: fc.constant('amount' as const), value: fc.maxSafeInteger().map(BigInt) }),
  fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'binary' }) }),
  fc.record({ kind: fc.constant('boolean' as const), value: fc.boolean() }),
);
type Field = typeof field extends fc.Arbitrary<infer T> ? T : never;

function write(fields: readonly Field[]): Uint8Array {
  const writer = new StateWriter();
  for (const { kind, value } of fields) (writer[kind] as (value: unknown) => void)(value);
  return writer.take();
}

function read(bytes: Uint8Array, fields: readonly Field[]): unknown[] {
  const reader = new StateReader(bytes);
  const values = fields.map(({ kind }) => reader[kind]());
  if (!reader.done) throw new Error('something is left');
  return values;
}

describe('the bytes of a state', () => {
  test('SNAP-1: what was written is read', () => {
    const property = fc.property(fc.array(field, { maxLength: 20 }), (fields) => {
      expect(read(write(fields), fields)).toEqual(fields.map(({ value }) => value));
    });
    fc.assert(property, { numRuns: 500 });
  });

  test('SNAP-1: a value has one form; whatever is read is what would be written', () => {
    const property = fc.property(field, fc.uint8Array({ maxLength: 16 }), (kind, bytes) => {
      let values: unknown[];
      try {
        values = read(bytes, [kind]);
      } catch {
        return;
      }
      expect(write([{ ...kind, value: values[0] } as Field])).toEqual(bytes);
    });
    fc.assert(property, { numRuns: 5_000 });
  });

  test('SNAP-1: what ends too early is refused', () => {
    const property = fc.property(fc.array(field, { minLength: 1 }), fc.nat(), (fields, cut) => {
      const bytes = write(fields);
      expect(() => read(bytes.subarray(0, cut % bytes.length), fields)).toThrow();
    });
    fc.assert(property, { numRuns: 500 });
  });
});
