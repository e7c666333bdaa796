// The memory of identities, against a plain map.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StateDamaged } from '../../../services/lib/base/state-bytes.ts';
import { IdentityTable } from '../../../services/lib/shard/identity-table.ts';

const SECOND_US = 1_000_000;
const key = Uint8Array.from({ length: 16 }, (_, index) => index * 7);

describe('the memory of identities', () => {
  test('LOG-11: knows an identity until 60 s of log time after its valid_until', () => {
    const table = new IdentityTable({ key, limit: 10 });
    table.add('one', { entryIndex: 7, record: 3 }, 1000 * SECOND_US);
    table.forgetBefore(1060 * SECOND_US);
    expect(table.find('one')).toEqual({ entryIndex: 7, record: 3 });
    table.forgetBefore(1062 * SECOND_US);
    expect(table.find('one')).toBeUndefined();
    expect(table.count).toBe(0);
  });

  test('LOG-11: is full at its limit and forgets nothing to make room', () => {
    const table = new IdentityTable({ key, limit: 3 });
    for (const name of ['a', 'b', 'c']) table.add(name, { entryIndex: 1, record: 0 }, SECOND_US);
    expect(table.full).toBe(true);
    for (const name of ['a', 'b', 'c']) expect(table.find(name)).toBeDefined();
  });

  test('LOG-11: agrees with a map, whatever is added and forgotten', () => {
    const step = fc.record({ name: fc.integer({ min: 0, max: 2000 }), aheadS: fc.nat(59) });
    const steps = fc.array(step, { minLength: 1500, maxLength: 1500, size: 'max' });
    const property = fc.property(steps, (taken) => {
      const table = new IdentityTable({ key, limit: 10_000 });
      const model = new Map<string, { entryIndex: number; record: number; endS: number }>();
      let nowS = 1000;
      taken.forEach(({ name, aheadS }, index) => {
        if (index % 10 === 9) nowS += aheadS % 7;
        table.forgetBefore(nowS * SECOND_US);
        for (const [known, { endS }] of model) if (endS < nowS) model.delete(known);
        const identity = `identity ${name}`;
        const found = table.find(identity);
        const expected = model.get(identity);
        expect(found).toEqual(
          expected && { entryIndex: expected.entryIndex, record: expected.record },
        );
        if (found !== undefined) return;
        const position = { entryIndex: index + 1, record: index % 4096 };
        table.add(identity, position, (nowS + aheadS) * SECOND_US);
        model.set(identity, { ...position, endS: nowS + aheadS + 60 });
      });
      // Forgotten at once, freed little by little.
      expect(table.count).toBeGreaterThanOrEqual(model.size);
      for (let call = 0; call < 100; call += 1) table.forgetBefore(nowS * SECOND_US);
      for (const [known, { endS }] of model) if (endS < nowS) model.delete(known);
      expect(table.count).toBe(model.size);
    });
    fc.assert(property, { numRuns: 10 });
  });
});

describe('the memory of identities in a snapshot', () => {
  test('SNAP-1, LOG-11: what is restored knows the same, and forgets at the same time', () => {
    const step = fc.record({ name: fc.integer({ min: 0, max: 100 }), aheadS: fc.nat(59) });
    const property = fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (taken) => {
      const table = new IdentityTable({ key, limit: 10_000 });
      let nowS = 1000;
      taken.forEach(({ name, aheadS }, index) => {
        if (index % 10 === 9) nowS += aheadS % 7;
        table.forgetBefore(nowS * SECOND_US);
        const position = { entryIndex: index + 1, record: index % 4096 };
        const identity = `identity ${name}`;
        if (table.find(identity) === undefined) {
          table.add(identity, position, (nowS + aheadS) * SECOND_US);
        }
      });
      const pieces = [...table.snapshot()];
      const restored = restore(pieces);
      expect([...restored.snapshot()]).toEqual(pieces);
      for (let passedS = 0; passedS < 130; passedS += 10) {
        for (const one of [table, restored]) one.forgetBefore((nowS + passedS) * SECOND_US);
        for (let name = 0; name <= 100; name += 1) {
          const identity = `identity ${name}`;
          expect(restored.find(identity)).toEqual(table.find(identity));
        }
      }
      expect([...restored.snapshot()]).toEqual([...table.snapshot()]);
    });
    fc.assert(property, { numRuns: 8 });
  });

  test('SNAP-1: an identity that comes twice, or a cut piece, is refused', () => {
    const table = new IdentityTable({ key, limit: 10 });
    table.add('one', { entryIndex: 7, record: 3 }, 1000 * SECOND_US);
    const [piece] = [...table.snapshot()] as [Uint8Array];
    expect(restore([piece]).find('one')).toEqual({ entryIndex: 7, record: 3 });
    expect(() => restore([Buffer.concat([piece, piece.subarray(1)])])).toThrow(StateDamaged);
    expect(() => restore([piece.subarray(0, piece.length - 1)])).toThrow(StateDamaged);
  });
});

function restore(pieces: readonly Uint8Array[]): IdentityTable {
  const table = new IdentityTable({ key, limit: 10_000 });
  const taking = table.restore();
  taking.next();
  for (const piece of pieces) taking.next(piece);
  return table;
}
