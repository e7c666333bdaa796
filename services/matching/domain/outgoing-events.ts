// Where a shard's events go as bytes: one buffer, each event as a field of an outcome record of the
// log (bourse.log.v1.OutcomeRecord.events), so that nobody has to encode them again. Whoever runs
// the machine takes the bytes after a step and empties the buffer.

/** Bytes that the buffer has at first: what stays in a processor's cache. */
const FIRST_BYTES = 1 << 16;
/** Tag of OutcomeRecord.events. */
const EVENTS_TAG = 0x0a;
const TWO_TO_32 = 2 ** 32;
/** Tag and the longest number of 64 bits. */
const LONGEST_FIELD = 11;

/** Events in their wire form. */
export class OutgoingEvents {
  bytes = new Uint8Array(FIRST_BYTES);
  /** Bytes that are written. */
  length = 0;

  /** Forgets what was written: somebody has taken it. */
  clear(): void {
    this.length = 0;
  }

  /** Makes room for a number of bytes more. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(count);
  }

  /** Adds an event that somebody else has encoded. */
  append(event: Uint8Array): void {
    this.reserve(event.length + LONGEST_FIELD);
    const at = putField(this.bytes, this.length, EVENTS_TAG, event.length);
    this.bytes.set(event, at);
    this.length = at + event.length;
  }

  #grow(count: number): void {
    const grown = new Uint8Array(Math.max(this.length + count, this.bytes.length * 2));
    grown.set(this.bytes);
    this.bytes = grown;
  }
}

/**
 * Fills in the length of a field whose bytes begin at `from`, behind one byte kept free for it.
 *
 * @returns where the next byte goes: one further when the length needs two bytes
 */
export function closeField(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  bytes[from - 1] = length;
  return length < 128 ? to : widenLength(bytes, from, to);
}

function widenLength(bytes: Uint8Array, from: number, to: number): number {
  bytes.copyWithin(from + 1, from, to);
  bytes[from - 1] = (to - from) | 128;
  bytes[from] = (to - from) >>> 7;
  return to + 1;
}

/**
 * Writes a whole number from 0 to 2^53 - 1. Short ones are written without a loop.
 *
 * @returns where the next byte goes
 */
export function putNumber(bytes: Uint8Array, at: number, value: number): number {
  if (value < 0x80) {
    bytes[at] = value;
    return at + 1;
  }
  if (value < 0x20_0000) {
    bytes[at] = value | 128;
    if (value < 0x4000) {
      bytes[at + 1] = value >>> 7;
      return at + 2;
    }
    bytes[at + 1] = (value >>> 7) | 128;
    bytes[at + 2] = value >>> 14;
    return at + 3;
  }
  return putLargeNumber(bytes, at, value);
}

function putLargeNumber(bytes: Uint8Array, at: number, value: number): number {
  let place = at;
  let rest = value;
  while (rest >= TWO_TO_32) {
    bytes[place] = (rest % 128) | 128;
    place += 1;
    rest = Math.floor(rest / 128);
  }
  rest >>>= 0;
  while (rest > 127) {
    bytes[place] = rest | 128;
    place += 1;
    rest >>>= 7;
  }
  bytes[place] = rest;
  return place + 1;
}

/** Writes a field with a whole number, also when it is 0; the tag is one byte. */
export function putField(bytes: Uint8Array, at: number, tag: number, value: number): number {
  bytes[at] = tag;
  return putNumber(bytes, at + 1, value);
}

/** As `putField`, but leaves out a 0. */
export function putOptional(bytes: Uint8Array, at: number, tag: number, value: number): number {
  return value === 0 ? at : putField(bytes, at, tag, value);
}

/** Writes a signed number within 2^52 of zero, small either side of it; leaves out a 0. */
export function putSigned(bytes: Uint8Array, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  return putField(bytes, at, tag, value < 0 ? -2 * value - 1 : 2 * value);
}
