// Decimals: exact in both directions, every bad form refused with its reason.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  formatDecimal,
  formatUnits,
  isPlainlyPositive,
  MAXIMUM_AMOUNT_UNITS,
  MAXIMUM_SAFE_UNITS,
  parseAmount,
  parseDecimal,
  parseSafeUnits,
  parseUnits,
  ratioOf,
} from '../../../services/lib/base/decimal.ts';

const positive = { minimumUnits: 1n, maximumUnits: MAXIMUM_AMOUNT_UNITS };
const cent = { coefficient: 1n, scale: 2 };
const quarter = { coefficient: 25n, scale: 2 };

describe('reading decimals', () => {
  test.each([
    ['0', 0n, 0],
    ['7', 7n, 0],
    ['-7.5', -75n, 1],
    ['1.50', 15n, 1],
    ['0.000', 0n, 0],
    ['100', 100n, 0],
  ])('%s is read exactly', (text, coefficient, scale) => {
    expect(parseDecimal(text)).toEqual({ ok: true, value: { coefficient, scale } });
  });

  test.each([
    '',
    ' ',
    '1e5',
    'NaN',
    'Infinity',
    '-0',
    '-0.00',
    '00.1',
    '01',
    '+1',
    '.5',
    '1.',
    '1.2.3',
    '0x10',
    '1_000',
    '1,5',
    '١',
    ' 1',
    '1 ',
    '1\n',
    '--1',
    '9'.repeat(41),
  ])('%j is no decimal', (text) => {
    expect(parseDecimal(text)).toEqual({ ok: false, problem: 'DECIMAL_INVALID' });
  });

  test('an amount with more digits than the scale is refused, trailing zeros are not digits', () => {
    expect(parseAmount('1.005', 2, positive)).toEqual({ ok: false, problem: 'SCALE_EXCEEDED' });
    expect(parseAmount('1.0000', 2, positive)).toEqual({ ok: true, value: 100n });
  });

  test('the bounds belong to the range, what is beyond does not', () => {
    const problem = { ok: false, problem: 'DECIMAL_OUT_OF_RANGE' };
    expect(parseAmount('0', 2, positive)).toEqual(problem);
    expect(parseAmount('-1', 2, positive)).toEqual(problem);
    expect(parseAmount('0.01', 2, positive)).toEqual({ ok: true, value: 1n });
    expect(parseAmount(formatDecimal(MAXIMUM_AMOUNT_UNITS, 9), 9, positive)).toEqual({
      ok: true,
      value: MAXIMUM_AMOUNT_UNITS,
    });
    expect(parseAmount(formatDecimal(MAXIMUM_AMOUNT_UNITS + 1n, 9), 9, positive)).toEqual(problem);
  });

  test('units may be any decimal, and nothing between two of them is rounded', () => {
    expect(parseUnits('1.75', quarter, positive)).toEqual({ ok: true, value: 7n });
    expect(parseUnits('1.80', quarter, positive)).toEqual({
      ok: false,
      problem: 'NOT_MULTIPLE_OF_UNIT',
    });
    expect(parseSafeUnits('12.34', cent, 1)).toEqual({ ok: true, value: 1234 });
    const beyond = formatUnits(MAXIMUM_SAFE_UNITS + 1n, cent);
    expect(parseSafeUnits(beyond, cent, 1)).toEqual({ ok: false, problem: 'DECIMAL_OUT_OF_RANGE' });
  });
});

describe('writing decimals', () => {
  test.each([
    [0n, 8, '0'],
    [1n, 8, '0.00000001'],
    [-150n, 2, '-1.5'],
    [100n, 2, '1'],
    [1234n, 0, '1234'],
  ])('%s at scale %s is %s', (units, scale, text) => {
    expect(formatDecimal(units, scale)).toBe(text);
  });

  test('what is written is read back as the same number', () => {
    const amounts = fc.bigInt({ min: 1n, max: MAXIMUM_AMOUNT_UNITS });
    fc.assert(
      fc.property(amounts, fc.nat(9), (units, scale) => {
        expect(parseAmount(formatDecimal(units, scale), scale, positive)).toEqual({
          ok: true,
          value: units,
        });
      }),
    );
  });

  test('a ratio of two decimals is whole or there is none', () => {
    expect(ratioOf({ coefficient: 5n, scale: 0 }, quarter)).toBe(20n);
    expect(ratioOf({ coefficient: 3n, scale: 1 }, quarter)).toBeUndefined();
  });
});

describe('numbers that are short', () => {
  const decimals = ['0', '0.5', '1', '1.50', '12.005', '100', '100.10', '999999999999999', '0.000'];
  const bad = ['', '.5', '5.', '01', '1..2', '-1', '1e3', '+1', ' 1', '00', '0x1', '1.2.3'];

  test('REF-1 are read as the long ones are', () => {
    const units = [
      { coefficient: 1n, scale: 2 },
      { coefficient: 25n, scale: 2 },
      { coefficient: 5n, scale: 0 },
      { coefficient: 1n, scale: 9 },
    ];
    for (const text of [...decimals, ...bad]) {
      for (const unit of units) {
        const bounds = { minimumUnits: 1n, maximumUnits: MAXIMUM_SAFE_UNITS };
        const exact = parseUnits(text, unit, bounds);
        const expected = exact.ok ? { ok: true, value: Number(exact.value) } : exact;
        expect([text, unit, parseSafeUnits(text, unit, 1)]).toEqual([text, unit, expected]);
      }
    }
  });

  test('REF-1 are above zero only when they are decimals above zero', () => {
    for (const text of [...decimals, ...bad]) {
      const parsed = parseDecimal(text);
      expect([text, isPlainlyPositive(text)]).toEqual([
        text,
        parsed.ok && parsed.value.coefficient > 0n,
      ]);
    }
  });

  test.each([
    [0, 4, '0'],
    [5, 4, '0.0005'],
    [-5, 4, '-0.0005'],
    [-1_050, 2, '-10.5'],
    [120_000, 4, '12'],
    [120_000, 0, '120000'],
    [2 ** 53 - 1, 9, '9007199.254740991'],
  ])('REF-1 %p units of scale %p are written %p', (units, scale, text) => {
    expect(formatDecimal(BigInt(units), scale)).toBe(text);
    expect(formatUnits(units, { coefficient: 1n, scale })).toBe(text);
  });
});
