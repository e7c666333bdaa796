// The canonical text of a placement: equal for requests that ask for the same, however their
// decimals are written, so that its hash tells a repeat from another body (HLD-2).

import { sipHash128 } from '../../lib/base/siphash.ts';
import type { PlacementForm } from './placement.ts';

/** Bytes of a hash. */
const HASH_BYTES = 16;
/** No secret: bodies are compared only with those of the same account and client order id. */
const KEY = Int32Array.of(0x626f7572, 0x7365206f, 0x72646572, 0x20626f64);
const words = new Int32Array(HASH_BYTES / 4);
const bytesOfWords = new Uint8Array(words.buffer);

/** The text that is being made, as its ASCII characters: no part of it is kept by itself. */
let characters = new Uint8Array(1 << 10);
let length = 0;

function append(part: string): void {
  const end = length + part.length;
  if (end > characters.length) {
    const longer = new Uint8Array(2 * end);
    longer.set(characters.subarray(0, length));
    characters = longer;
  }
  for (let index = 0; index < part.length; index += 1) {
    characters[length + index] = part.charCodeAt(index);
  }
  length = end;
}

/** One line of the text; the last one has no end. */
function appendLine(part: string): void {
  if (length > 0) append('\n');
  append(part);
}

function appendBody(form: PlacementForm): void {
  appendLine(form.instrumentId);
  appendLine(form.side);
  appendLine(form.type);
  appendLine(canonicalDecimal(form.quantity));
  appendLine(canonicalDecimal(form.quoteQuantity));
  appendLine(canonicalDecimal(form.price));
  appendLine(form.timeInForce);
  appendLine(form.postOnly ? 'post-only' : '');
  appendLine(form.selfTradePrevention);
  appendLine(canonicalTime(form.acceptBefore));
  // What most orders do not say is left out of their text.
  if (!saysRareThings(form)) return;
  appendLine(canonicalDecimal(form.stopPrice));
  appendLine(canonicalTrailing(form.trailing));
  appendLine(canonicalTime(form.expireTime));
  appendLine(canonicalDecimal(form.displayQuantity));
  appendLine(canonicalDecimal(form.minimumQuantity));
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

/** All that makes the body but the account and the client order id, which key it. */
export function canonicalText(form: PlacementForm): string {
  length = 0;
  appendBody(form);
  return String.fromCharCode(...characters.subarray(0, length));
}

/**
 * Stands for a body in the account shard's record: the hash of its canonical text. A collision
 * would only make an account's own request look like a repeat of another one with the same client
 * order id.
 *
 * @returns bytes that are overwritten when the next body is hashed
 */
export function hashBody(form: PlacementForm): Uint8Array {
  length = 0;
  appendBody(form);
  return hashCharacters();
}

/** As of one order: of all orders of a group, and how they hang together. */
export function hashGroup(groupType: string, legs: readonly PlacementForm[]): Uint8Array {
  length = 0;
  append(canonicalGroupText(groupType, legs));
  return hashCharacters().slice();
}

function hashCharacters(): Uint8Array {
  sipHash128(KEY, characters, length, words);
  return bytesOfWords;
}

function canonicalTrailing(trailing: PlacementForm['trailing']): string {
  if (trailing === undefined) return '';
  return trailing.kind === 'bps' ? `bps ${trailing.value}` : canonicalDecimal(trailing.value);
}

/** As of one order: of all orders of a group, and how they hang together. */
function canonicalGroupText(groupType: string, legs: readonly PlacementForm[]): string {
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
