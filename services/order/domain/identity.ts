// Identities of the commands that this service proposes to matching shards (LOG-11). They come
// back as the cause of execution reports, so the client's id can be read from them. `/` is not
// allowed in ids and separates.

import type { OrderKey } from './book-event.ts';
import { formatGroupId, formatOrderId, parseGroupId } from './order-id.ts';

/** Of a placement: its order id, equal for every attempt by whichever order service. */
export function placementIdentity(key: OrderKey): string {
  return formatOrderId(key);
}

/** Of a group's placement: its group id, equal for every attempt. */
export function groupIdentity(first: OrderKey): string {
  return formatGroupId(first);
}

/** Of a cancel or amend, by the account's request id. Further attempts of an amend count. */
export function requestIdentity(
  accountNumber: number,
  clientRequestId: string,
  attempt = 1,
): string {
  const first = `r/${accountNumber}/${clientRequestId}`;
  return attempt === 1 ? first : `${first}/${attempt}`;
}

/** Of one instrument's part of a mass cancel. */
export function massCancelIdentity(
  accountNumber: number,
  clientRequestId: string,
  instrumentNumber: number,
): string {
  return `r/${accountNumber}/${clientRequestId}/m${instrumentNumber}`;
}

/** Of a forbid; several may be tried. */
export function forbidIdentity(key: OrderKey, random: string): string {
  return `f/${formatOrderId(key)}/${random}`;
}

/** What caused an execution report. */
export type Cause =
  | { readonly kind: 'placement'; readonly orderId: string }
  | { readonly kind: 'group'; readonly first: OrderKey }
  | { readonly kind: 'request'; readonly accountNumber: number; readonly clientRequestId: string }
  /** A command of the exchange, or work that was due by itself. */
  | { readonly kind: 'other' };

const REQUEST_FORM = /^r\/([0-9]+)\/([^/]+)(?:\/|$)/;
const ORDER_FORM = /^[0-9]+-[0-9]+$/;

/** Reads the identity of a command of this service. */
export function parseCause(identity: string): Cause {
  const request = REQUEST_FORM.exec(identity);
  if (request !== null) {
    const [, accountNumber, clientRequestId = ''] = request;
    return { kind: 'request', accountNumber: Number(accountNumber), clientRequestId };
  }
  if (ORDER_FORM.test(identity)) return { kind: 'placement', orderId: identity };
  const first = parseGroupId(identity);
  if (first !== undefined) return { kind: 'group', first };
  return { kind: 'other' };
}
