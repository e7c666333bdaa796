// Whether two plain values are the same, field by field: `expect(…).toEqual` would take most of
// the time of a run of a million commands.

/**
 * Compares values of events and books: numbers, texts, bigints, lists and records of them.
 *
 * @param but a field that may differ
 */
export function isSame(a: unknown, b: unknown, but?: string): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let index = 0; index < a.length; index += 1) {
      if (!isSame(a[index], b[index], but)) return false;
    }
    return true;
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  let count = 0;
  for (const key in left) {
    if (key !== but && !isSame(left[key], right[key], but)) return false;
    count += 1;
  }
  for (const key in right) if (right[key] !== undefined || key in left) count -= 1;
  return count === 0;
}
