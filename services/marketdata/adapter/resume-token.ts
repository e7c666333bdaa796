// Resume tokens: where a stream stands in each of its instruments, as opaque text. A token says
// which kind of stream it belongs to, so that one given to another stream is refused.

import { OperatingError } from '../../lib/platform/errors/operating-error.ts';

/** What a stream is about; a number that makes streams of one kind differ (depth, interval). */
export type StreamKind = { readonly letter: 'b' | 't' | 'c' | 'k'; readonly variant: number };

/** Sequence by instrument number. */
export type Places = ReadonlyMap<number, number>;

const VERSION = 1;
const FIELD_RESUME_TOKEN = 0x0a; // field 1, length-delimited, in every stream's response

export function encodeToken(kind: StreamKind, places: Places): string {
  const bytes: number[] = [VERSION, kind.letter.charCodeAt(0)];
  pushVarint(bytes, kind.variant);
  for (const [instrumentNumber, sequence] of places) {
    pushVarint(bytes, instrumentNumber);
    pushVarint(bytes, sequence);
  }
  return Buffer.from(bytes).toString('base64url');
}

/**
 * Reads a token back.
 *
 * @throws OperatingError RESUME_TOKEN_INVALID when it is none, or of another kind of stream, or of
 * a stream with other instruments.
 */
export function decodeToken(
  token: string,
  kind: StreamKind,
  instruments: readonly number[],
): Places {
  const places = token.length > 100_000 ? undefined : readPlaces(token, kind);
  const same = places?.size === instruments.length && instruments.every((n) => places.has(n));
  if (places === undefined || !same) {
    throw new OperatingError(
      'RESUME_TOKEN_INVALID',
      'The resume token is not of a stream with the same instruments and options.',
      { violations: [{ field: 'resume_token', description: 'not a token of such a stream' }] },
    );
  }
  return places;
}

/**
 * The bytes of a message that holds only the token: put before a message that was encoded once
 * for everybody they give it its token, for fields of a message may come in any order.
 */
export function encodeTokenField(token: string): Uint8Array {
  const text = Buffer.from(token, 'latin1');
  const head: number[] = [FIELD_RESUME_TOKEN];
  pushVarint(head, text.length);
  return Buffer.concat([Buffer.from(head), text]);
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

function readPlaces(token: string, kind: StreamKind): Map<number, number> | undefined {
  const bytes = Buffer.from(token, 'base64url');
  if (bytes[0] !== VERSION || bytes[1] !== kind.letter.charCodeAt(0)) return undefined;
  const numbers: number[] = [];
  let value = 0;
  let factor = 1;
  for (const byte of bytes.subarray(2)) {
    value += (byte & 127) * factor;
    factor *= 128;
    if (!Number.isSafeInteger(value)) return undefined;
    if (byte > 127) continue;
    numbers.push(value);
    value = 0;
    factor = 1;
  }
  if (factor !== 1 || numbers.length % 2 !== 1 || numbers[0] !== kind.variant) return undefined;
  const places = new Map<number, number>();
  for (let i = 1; i < numbers.length; i += 2) {
    places.set(numbers[i] as number, numbers[i + 1] as number);
  }
  return places;
}
