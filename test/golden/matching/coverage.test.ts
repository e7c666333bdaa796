// Every rule of the book, every reason to reject and every reason to cancel has a golden file.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { CancelReason, RejectReason } from '../../../gen/bourse/type/v1/order_pb.ts';

const files = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.txt'))
  .map((name) => {
    const text = readFileSync(join(import.meta.dirname, name), 'utf8');
    return { title: text.split(/^[^#]/m)[0] ?? '', text };
  });

/** The rules of the book, by chapter and how many there are of it. */
const CHAPTERS = { MAT: 7, TYP: 8, TIF: 6, STP: 2, AMD: 3, CXL: 2, STA: 2, BND: 2 } as const;

/** Reasons that only the account's shard gives, before an order reaches the book. */
const GIVEN_ELSEWHERE: readonly string[] = [
  'INSUFFICIENT_FUNDS',
  'CANCELED_BEFORE_ARRIVAL',
  // The book forgets what is final (MAT-4); the account's shard remembers it.
  'ORDER_NOT_OPEN',
  'ACCOUNT_LIMIT',
];

/** Names of an enum's values, without the one that says nothing. */
function namesOf(values: Record<string, string | number>): string[] {
  return Object.keys(values).filter((name) => /^[A-Z_]+$/.test(name) && name !== 'UNSPECIFIED');
}

test('every rule of the book is named by a golden', () => {
  const ids = Object.entries(CHAPTERS).flatMap(([chapter, count]) =>
    Array.from({ length: count }, (_, index) => `${chapter}-${index + 1}`),
  );
  const named = (id: string) => files.some(({ title }) => new RegExp(`\\b${id}\\b`).test(title));
  expect(ids.filter((id) => !named(id))).toEqual([]);
});

test('every reason to reject that the book can give is given in a golden', () => {
  const given = (reason: string) =>
    files.some(({ text }) => new RegExp(`^  #\\d+ .* rejected.*: ${reason}$`, 'm').test(text));
  const missing = namesOf(RejectReason).filter((reason) => !given(reason));
  expect(missing).toEqual(GIVEN_ELSEWHERE);
});

test('every reason to cancel is given in a golden', () => {
  const given = (reason: string) =>
    files.some(({ text }) => new RegExp(`^  #\\d+ .* canceled: ${reason},`, 'm').test(text));
  expect(namesOf(CancelReason).filter((reason) => !given(reason))).toEqual([]);
});
