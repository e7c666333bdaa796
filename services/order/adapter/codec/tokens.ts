// Page tokens and resume tokens: opaque to clients, and refused when they were made for something
// else than what they come with.

import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';

const LONGEST_TOKEN = 512;
const NUMBER_FORM = /^[0-9]{1,16}$/;

/** Packs the filters of a list and the place behind its page. */
export function encodePageToken(filters: readonly string[], place: bigint): string {
  return encode(['p1', ...filters, place.toString()]);
}

/**
 * The place that a page token gives; 0 for the first page.
 *
 * @throws OperatingError PAGE_TOKEN_INVALID unless it was made for the same filters.
 */
export function decodePageToken(filters: readonly string[], token: string): bigint {
  if (token === '') return 0n;
  const place = placeBehind(['p1', ...filters], token);
  if (place !== undefined && place > 0n) return place;
  const message = 'The page token was not made by this method for the same filters.';
  throw new OperatingError('PAGE_TOKEN_INVALID', message, { metadata: { field: 'page_token' } });
}

/** Where a stream of an account's reports stands; `begin`: nowhere yet, it begins anew. */
export type StreamPlace = bigint | 'begin';

export function encodeResumeToken(accountId: string, place: StreamPlace): string {
  return encode(['r1', accountId, place === 'begin' ? '0' : place.toString()]);
}

/** @throws OperatingError RESUME_TOKEN_INVALID unless it was made for the same account. */
export function decodeResumeToken(accountId: string, token: string): StreamPlace {
  const place = placeBehind(['r1', accountId], token);
  if (place !== undefined) return place === 0n ? 'begin' : place;
  const message = 'The resume token was not made by this method for this account.';
  const options = { metadata: { field: 'resume_token' } };
  throw new OperatingError('RESUME_TOKEN_INVALID', message, options);
}

function encode(parts: readonly string[]): string {
  // Ids hold no space, so the parts can be told apart.
  return Buffer.from(parts.join(' ')).toString('base64url');
}

function placeBehind(prefix: readonly string[], token: string): bigint | undefined {
  if (token.length > LONGEST_TOKEN) return undefined;
  const text = Buffer.from(token, 'base64url').toString();
  const start = `${prefix.join(' ')} `;
  const place = text.slice(start.length);
  return text.startsWith(start) && NUMBER_FORM.test(place) ? BigInt(place) : undefined;
}
