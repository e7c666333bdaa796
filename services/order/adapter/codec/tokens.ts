// Page tokens and resume tokens: opaque to clients, and refused when they were made for something
// else than what they come with.

import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';

const LONGEST_TOKEN = 512;
const NUMBER_FORM = /^[0-9]{1,16}$/;
/** Sequences and indexes: far below 2^53. */
const PLACE_FORM = /^[0-9]{1,15}$/;
const SHARD_FORM = /^[A-Za-z0-9._:-]{1,64}$/;
/** 16 bytes as hexadecimal digits; none when nothing was seen. */
const CHECKSUM_FORM = /^([0-9a-f]{32})?$/;

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

/** A committed entry of the shard's log that was seen (LOG-12); index 0 when none was. */
export type SeenPoint = { readonly entryIndex: bigint; readonly chainChecksum: Uint8Array };

const NOTHING_SEEN: SeenPoint = { entryIndex: 0n, chainChecksum: new Uint8Array(0) };

/** What a resume token holds. */
export type ResumePlace = {
  readonly place: StreamPlace;
  readonly seen: SeenPoint;
  /** Account shard whose numbers these are; empty while there are none. */
  readonly shardId: string;
};

export const FROM_THE_BEGINNING: ResumePlace = { place: 'begin', seen: NOTHING_SEEN, shardId: '' };

export function encodeResumeToken(accountId: string, resume: ResumePlace): string {
  const { place, seen, shardId } = resume;
  if (place === 'begin') return encode(['r3', accountId, '0']);
  const checksum = Buffer.from(seen.chainChecksum).toString('hex');
  return encode(['r3', accountId, shardId, `${seen.entryIndex}`, checksum, `${place}`]);
}

/** @throws OperatingError RESUME_TOKEN_INVALID unless it was made for the same account. */
export function decodeResumeToken(accountId: string, token: string): ResumePlace {
  const parts = token.length > LONGEST_TOKEN ? [] : decode(token);
  const [version, ofAccount, ...numbers] = parts;
  if (version === 'r3' && ofAccount === accountId) {
    if (numbers.length === 1 && numbers[0] === '0') return FROM_THE_BEGINNING;
    const [shardId = '', index = '', checksum = '', place = ''] = numbers;
    const isPlace = PLACE_FORM.test(index) && PLACE_FORM.test(place) && SHARD_FORM.test(shardId);
    if (isPlace && CHECKSUM_FORM.test(checksum) && numbers.length === 4) {
      const seen = { entryIndex: BigInt(index), chainChecksum: Buffer.from(checksum, 'hex') };
      return { place: BigInt(place), seen, shardId };
    }
  }
  const message = 'The resume token was not made by this method for this account.';
  const options = { metadata: { field: 'resume_token' } };
  throw new OperatingError('RESUME_TOKEN_INVALID', message, options);
}

function encode(parts: readonly string[]): string {
  // Ids hold no space, so the parts can be told apart.
  return Buffer.from(parts.join(' ')).toString('base64url');
}

function decode(token: string): string[] {
  return Buffer.from(token, 'base64url').toString().split(' ');
}

function placeBehind(prefix: readonly string[], token: string): bigint | undefined {
  if (token.length > LONGEST_TOKEN) return undefined;
  const text = Buffer.from(token, 'base64url').toString();
  const start = `${prefix.join(' ')} `;
  const place = text.slice(start.length);
  return text.startsWith(start) && NUMBER_FORM.test(place) ? BigInt(place) : undefined;
}
