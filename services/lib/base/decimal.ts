// Decimal strings of the public contracts to and from exact integers. Nothing is ever rounded:
// what does not fit is a problem with a name (REF-1, contracts: money and prices).

/** Longest decimal that is read, in characters. */
export const MAXIMUM_DECIMAL_LENGTH = 40;

/** Largest amount that the exchange counts, in smallest units (REF-2). */
export const MAXIMUM_AMOUNT_UNITS = 2n ** 62n - 1n;

/** Largest price or quantity, in price units or quantity units. */
export const MAXIMUM_SAFE_UNITS = 2n ** 53n - 1n;

/** The exact number `coefficient` / 10^`scale`, in lowest form: no trailing zero in a fraction. */
export type Decimal = { readonly coefficient: bigint; readonly scale: number };

/**
 * Why a text is not a usable number:
 * - `DECIMAL_INVALID`: it is not an optional `-`, digits without superfluous leading zeros and an
 *   optional fraction, or is longer than 40 characters; `-0` in any spelling is none either.
 * - `SCALE_EXCEEDED`: more digits after the point than the scale allows.
 * - `NOT_MULTIPLE_OF_UNIT`: no whole number of units.
 * - `DECIMAL_OUT_OF_RANGE`: below the minimum or above the maximum.
 */
export type DecimalProblem =
  | 'DECIMAL_INVALID'
  | 'SCALE_EXCEEDED'
  | 'NOT_MULTIPLE_OF_UNIT'
  | 'DECIMAL_OUT_OF_RANGE';

/** A parsed value or the reason why there is none. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: DecimalProblem };

/** Smallest and largest number of units that are allowed, both included. */
export type UnitBounds = { readonly minimumUnits: bigint; readonly maximumUnits: bigint };

const FORM = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;

function failed(problem: DecimalProblem): { readonly ok: false; readonly problem: DecimalProblem } {
  return { ok: false, problem };
}

/** Reads a decimal exactly. Trailing zeros of the fraction are dropped: `1.50` is 15 / 10^1. */
export function parseDecimal(text: string): Parsed<Decimal> {
  if (text.length > MAXIMUM_DECIMAL_LENGTH || !FORM.test(text)) return failed('DECIMAL_INVALID');
  const point = text.indexOf('.');
  const whole = point < 0 ? text : text.slice(0, point);
  const fraction = point < 0 ? '' : text.slice(point + 1).replace(/0+$/, '');
  const coefficient = BigInt(whole + fraction);
  if (coefficient === 0n && text.startsWith('-')) return failed('DECIMAL_INVALID');
  return { ok: true, value: { coefficient, scale: fraction.length } };
}

/** Most digits of a number below 2^53 that may be anything. */
const SAFE_DIGITS = 15;
const POWERS_OF_TEN = Array.from({ length: SAFE_DIGITS + 1 }, (_, exponent) => 10 ** exponent);
const HIGHEST_SAFE = Number.MAX_SAFE_INTEGER;

/** What `scanDecimal` found: the number is `scanned` / 10^`scannedScale`, in lowest form. */
let scanned = 0;
let scannedScale = 0;

/**
 * Reads what nearly every decimal is, digits with a fraction or without, few enough for a number;
 * says false, too, of what only `parseDecimal` can tell.
 */
function scanDecimal(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > SAFE_DIGITS + 1) return false;
  let value = 0;
  let digits = 0;
  let point = -1;
  // Zeros at the end of a fraction are only counted in when a digit comes behind them.
  let zeros = 0;
  let scale = 0;
  for (let index = 0; index < length; index += 1) {
    const code = text.charCodeAt(index) - 48;
    if (code >= 0 && code <= 9) {
      digits += 1;
      if (point >= 0 && code === 0) {
        zeros += 1;
      } else if (point >= 0) {
        value = value * (POWERS_OF_TEN[zeros + 1] as number) + code;
        scale += zeros + 1;
        zeros = 0;
      } else {
        if (digits === 2 && value === 0) return false;
        value = value * 10 + code;
      }
    } else if (code === -2 && point < 0 && index > 0 && index < length - 1) {
      point = index;
    } else {
      return false;
    }
  }
  if (digits > SAFE_DIGITS) return false;
  scanned = value;
  scannedScale = scale;
  return true;
}

/** Whether the text is a decimal above zero; false, too, of what only `parseDecimal` can tell. */
export function isPlainlyPositive(text: string): boolean {
  return scanDecimal(text) && scanned > 0;
}

/** Writes units of 10^-`scale` as a decimal: no exponent, no `+`, no trailing zeros, no `-0`. */
export function formatDecimal(units: bigint, scale: number): string {
  if (units <= HIGHEST_SAFE && units >= -HIGHEST_SAFE) return formatSafe(Number(units), scale);
  if (scale === 0) return units.toString();
  const negative = units < 0n;
  const digits = (negative ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, -scale);
  const fraction = digits.slice(-scale).replace(/0+$/, '');
  const text = fraction === '' ? whole : `${whole}.${fraction}`;
  return negative ? `-${text}` : text;
}

/** As `formatDecimal`, of a safe integer. */
function formatSafe(units: number, scale: number): string {
  let rest = Math.abs(units);
  let places = scale;
  for (; places > 0 && rest % 10 === 0; places -= 1) rest /= 10;
  const sign = units < 0 ? '-' : '';
  if (places === 0 || rest === 0) return `${sign}${rest}`;
  const digits = String(rest);
  const point = digits.length - places;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/**
 * Reads an amount of an asset in its smallest units.
 *
 * @param scale decimal places of the smallest unit, 0 to 9
 * @returns `SCALE_EXCEEDED` when the text has more decimal places, trailing zeros not counted
 */
export function parseAmount(text: string, scale: number, bounds: UnitBounds): Parsed<bigint> {
  const decimal = parseDecimal(text);
  if (!decimal.ok) return decimal;
  if (decimal.value.scale > scale) return failed('SCALE_EXCEEDED');
  return withinBounds(rescale(decimal.value, scale), bounds);
}

/**
 * Reads a price or quantity as a whole number of units of any size, such as 0.01 or 0.25.
 *
 * @returns `NOT_MULTIPLE_OF_UNIT` when it lies between two units
 */
export function parseUnits(text: string, unit: Decimal, bounds: UnitBounds): Parsed<bigint> {
  const decimal = parseDecimal(text);
  if (!decimal.ok) return decimal;
  const scale = Math.max(decimal.value.scale, unit.scale);
  const numerator = rescale(decimal.value, scale);
  const denominator = rescale(unit, scale);
  if (numerator % denominator !== 0n) return failed('NOT_MULTIPLE_OF_UNIT');
  return withinBounds(numerator / denominator, bounds);
}

/** As `parseUnits`, for prices and quantities: a safe integer from `minimum` to 2^53 - 1. */
export function parseSafeUnits(text: string, unit: Decimal, minimum: number): Parsed<number> {
  const plain = findPlainUnits(text, unit);
  if (plain >= 0 && plain >= minimum) return { ok: true, value: plain };
  const bounds = { minimumUnits: BigInt(minimum), maximumUnits: MAXIMUM_SAFE_UNITS };
  const units = parseUnits(text, unit, bounds);
  return units.ok ? { ok: true, value: Number(units.value) } : units;
}

/** How many units the text is, found with numbers alone; -1 where that does not decide. */
function findPlainUnits(text: string, unit: Decimal): number {
  if (!scanDecimal(text)) return -1;
  const exponent = unit.scale - scannedScale;
  if (exponent < 0 || exponent > SAFE_DIGITS || unit.coefficient > HIGHEST_SAFE) return -1;
  const smallest = scanned * (POWERS_OF_TEN[exponent] as number);
  const step = Number(unit.coefficient);
  return smallest <= HIGHEST_SAFE && smallest % step === 0 ? smallest / step : -1;
}

/** Writes a whole number of units of any size as a decimal. */
export function formatUnits(units: bigint | number, unit: Decimal): string {
  if (typeof units === 'number' && unit.coefficient <= HIGHEST_SAFE) {
    const smallest = units * Number(unit.coefficient);
    if (Number.isSafeInteger(smallest)) return formatSafe(smallest, unit.scale);
  }
  return formatDecimal(BigInt(units) * unit.coefficient, unit.scale);
}

/** How often the unit fits into the decimal; undefined when not a whole number of times. */
export function ratioOf(decimal: Decimal, unit: Decimal): bigint | undefined {
  const scale = Math.max(decimal.scale, unit.scale);
  const numerator = rescale(decimal, scale);
  const denominator = rescale(unit, scale);
  return numerator % denominator === 0n ? numerator / denominator : undefined;
}

/** The coefficient at a scale that is not below the decimal's own. */
function rescale(decimal: Decimal, scale: number): bigint {
  return decimal.coefficient * 10n ** BigInt(scale - decimal.scale);
}

function withinBounds(units: bigint, bounds: UnitBounds): Parsed<bigint> {
  if (units < bounds.minimumUnits || units > bounds.maximumUnits) {
    return failed('DECIMAL_OUT_OF_RANGE');
  }
  return { ok: true, value: units };
}
