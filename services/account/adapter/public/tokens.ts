// Page tokens and resume tokens: opaque to clients, so that what they hold may change. A token
// names what it was made for, and a checksum tells one that was typed or cut off.
import { crc32 } from '../../../lib/base/crc32.ts';

/** Encodes whole numbers under a name, such as `holds`. */
export function formatToken(name: string, numbers: readonly number[]): string {
  const body = [name, ...numbers].join(',');
  return Buffer.from(`${body},${crc32(body)}`).toString('base64url');
}

/** The numbers of a token of that name with that many of them; undefined when it is none. */
export function parseToken(
  name: string,
  count: number,
  token: string,
): readonly number[] | undefined {
  if (token.length > 200 || !/^[A-Za-z0-9_-]+$/.test(token)) return undefined;
  const parts = Buffer.from(token, 'base64url').toString('latin1').split(',');
  const checksum = parts.pop();
  const body = parts.join(',');
  if (parts[0] !== name || parts.length !== count + 1 || checksum !== `${crc32(body)}`) {
    return undefined;
  }
  const numbers = parts.slice(1).map(Number);
  return numbers.every((number) => Number.isSafeInteger(number) && number >= 0)
    ? numbers
    : undefined;
}
