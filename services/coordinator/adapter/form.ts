// The form of requests: ids, texts, decimals, pages. All faults are reported, the first gives the
// reason.

import { parseDecimal } from '../../lib/base/decimal.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { ErrorReasonName } from '../../lib/platform/errors/reasons.ts';
import { assertForm } from '../../lib/platform/rpc/form-error.ts';
import { FormCheck } from '../../lib/rules/form.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

const DEFAULT_PAGE_SIZE = 100;
const PAGE_SIZE_LIMIT = 1_000;

/** An error about one field, with the field in its metadata and as a violation. */
export function fieldError(
  reason: ErrorReasonName,
  field: string,
  message: string,
  metadata: Readonly<Record<string, string>> = {},
): OperatingError {
  return new OperatingError(reason, message, {
    metadata: { field, ...metadata },
    violations: [{ field, description: message }],
  });
}

/** The checks of form that only reference data and joins need, beside the shared ones. */
export class RequestCheck extends FormCheck {
  /** Decimals that are there; an empty one stands for a default. */
  decimals(texts: Readonly<Record<string, string | undefined>>): void {
    const rule = 'must be digits with an optional fraction, at most 40 characters: no exponent';
    for (const [field, text] of Object.entries(texts)) {
      if (text === undefined || text === '' || parseDecimal(text).ok) continue;
      this.add(field, 'DECIMAL_INVALID', `${rule}, "+", "-0" or superfluous leading zero`);
    }
  }

  text(field: string, text: string, limit: number): void {
    if ([...text].length <= limit && !CONTROL.test(text)) return;
    const rule = `must be at most ${limit} characters without control characters`;
    this.add(field, 'TEXT_INVALID', rule);
  }
}

/** @throws OperatingError FIELD_REQUIRED or ID_INVALID. */
export function checkId(field: string, id: string): void {
  const check = new RequestCheck();
  check.requiredId(field, id);
  assertForm(check);
}

/** @throws OperatingError NUMBER_OUT_OF_RANGE. */
export function pageSizeOf(pageSize: number): number {
  if (pageSize === 0) return DEFAULT_PAGE_SIZE;
  if (pageSize > 0 && pageSize <= PAGE_SIZE_LIMIT) return pageSize;
  const message = `page_size must be from 1 to ${PAGE_SIZE_LIMIT}.`;
  throw fieldError('NUMBER_OUT_OF_RANGE', 'page_size', message);
}

/** A page of rows by falling number; the token names the last number of the page before. */
export function pageOf<Row>(
  kind: string,
  rows: readonly Row[],
  numberOf: (row: Row) => number,
  request: { readonly pageSize: number; readonly pageToken: string },
): { readonly rows: readonly Row[]; readonly nextPageToken: string } {
  const size = pageSizeOf(request.pageSize);
  const before = parsePageToken(kind, request.pageToken);
  const left = rows
    .filter((row) => numberOf(row) < before)
    .sort((one, other) => numberOf(other) - numberOf(one));
  const page = left.slice(0, size);
  const last = page.at(-1);
  const hasMore = left.length > size && last !== undefined;
  return { rows: page, nextPageToken: hasMore ? pageToken(kind, numberOf(last)) : '' };
}

function pageToken(kind: string, before: number): string {
  return Buffer.from(`${kind}.${before}`).toString('base64url');
}

function parsePageToken(kind: string, token: string): number {
  if (token === '') return Number.POSITIVE_INFINITY;
  const text = Buffer.from(token, 'base64url').toString();
  const [tokenKind, before = ''] = text.split('.');
  if (
    tokenKind !== kind ||
    !/^\d{1,10}$/.test(before) ||
    pageToken(kind, Number(before)) !== token
  ) {
    const message = 'page_token was not made by this method.';
    throw fieldError('PAGE_TOKEN_INVALID', 'page_token', message);
  }
  return Number(before);
}
