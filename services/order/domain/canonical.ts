// The canonical text of a placement: equal for requests that ask for the same, however their
// decimals are written, so that its hash tells a repeat from another body (HLD-2).

import { sipHash128 } from '../../lib/base/siphash.ts';
import type { PlacementForm } from './placement.ts';

/** All that makes the body but the account and the client order id, which key it. */
export function canonicalText(form: PlacementForm): string {
  const { quantity, quoteQuantity, price, acceptBefore } = form;
  const numbers =
    `${canonicalDecimal(quantity)}\n${canonicalDecimal(quoteQuantity)}\n` +
    `${canonicalDecimal(price)}`;
  const common =
    `${form.instrumentId}\n${form.side}\n${form.type}\n${numbers}\n${form.timeInForce}\n` +
    `${form.postOnly ? 'post-only' : ''}\n${form.selfTradePrevention}\n` +
    canonicalTime(acceptBefore);
  // What most orders do not say is left out of their text.
  return saysRareThings(form) ? `${common}\n${rareText(form)}` : common;
}

function saysRareThings(form: PlacementForm): boolean {
  return (
    form.stopPrice !== undefined ||
    form.trailing !== undefined ||
    form.expireTime !== undefined ||
    form.displayQuantity !== undefined ||
    form.minimumQuantity !== undefined
  );
}

function rareText(form: PlacementForm): string {
  return [
    canonicalDecimal(form.stopPrice),
    canonicalTrailing(form.trailing),
    canonicalTime(form.expireTime),
    canonicalDecimal(form.displayQuantity),
    canonicalDecimal(form.minimumQuantity),
  ].join('\n');
}

/** Bytes of a hash. */
const HASH_BYTES = 16;
/** No secret: bodies are compared only with those of the same account and client order id. */
const KEY = Int32Array.of(0x626f7572, 0x7365206f, 0x72646572, 0x20626f64);
const FIRST_LENGTH = 512;
let characters = new Uint8Array(FIRST_LENGTH);
const words = new Int32Array(HASH_BYTES / 4);
const bytesOfWords = new Uint8Array(words.buffer);

/**
 * Stands for a body in the account shard's record. A collision would only make an account's own
 * request look like a repeat of another one with the same client order id.
 *
 * @param text canonical, of ASCII characters
 */
export function hashBody(text: string): Uint8Array {
  return hashBodyInPlace(text).slice();
}

/** The same bytes, until the next body is hashed. */
export function hashBodyInPlace(text: string): Uint8Array {
  const { length } = text;
  if (length > characters.length) characters = new Uint8Array(2 * length);
  for (let index = 0; index < length; index += 1) characters[index] = text.charCodeAt(index);
  sipHash128(KEY, characters, length, words);
  return bytesOfWords;
}

function canonicalTrailing(trailing: PlacementForm['trailing']): string {
  if (trailing === undefined) return '';
  return trailing.kind === 'bps' ? `bps ${trailing.value}` : canonicalDecimal(trailing.value);
}

/** As of one order: of all orders of a group, and how they hang together. */
export function canonicalGroupText(groupType: string, legs: readonly PlacementForm[]): string {
  const texts = legs.map((leg) => `${leg.clientOrderId}\n${canonicalText(leg)}`);
  return [groupType, ...texts].join('\n\n');
}

function canonicalTime(time: PlacementForm['expireTime']): string {
  return time === undefined ? '' : `${time.seconds}.${time.nanos}`;
}

/** A decimal of good form without trailing zeros of its fraction; empty when absent. */
function canonicalDecimal(text: string | undefined): string {
  if (text === undefined) return '';
  if (!text.includes('.')) return text;
  return text.endsWith('0') ? text.replace(/\.?0+$/, '') : text;
}
