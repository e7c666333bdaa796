// Stops the process on a broken invariant: the third kind of failure, never caught by business
// code. A rejection is a value; an operating error is thrown in adapters.

/** A broken invariant. Whoever catches it at the top of a process ends the process. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Throws InvariantError with `message` unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Ends a switch over a discriminated union; the compiler proves that it is never reached. */
export function assertNever(value: never): never {
  throw new InvariantError(`unexpected value ${JSON.stringify(value)}`);
}

/** The value, which must be there. */
export function assertDefined<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new InvariantError(message);
  return value;
}
