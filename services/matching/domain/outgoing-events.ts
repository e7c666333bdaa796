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
  /** The same bytes. Several are written at once: that is four times as fast. */
  view = new DataView(this.bytes.buffer);
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
    const at = putField(this.view, this.length, EVENTS_TAG, event.length);
    this.bytes.set(event, at);
    this.length = at + event.length;
  }

  #grow(count: number): void {
    const grown = new Uint8Array(Math.max(this.length + count, this.bytes.length * 2));
    grown.set(this.bytes);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

/**
 * Fills in the length of a field whose bytes begin at `from`, behind one byte kept free for it.
 *
 * @returns where the next byte goes: one further when the length needs two bytes
 */
export function closeField(view: DataView, from: number, to: number): number {
  const length = to - from;
  if (length < 128) {
    view.setUint8(from - 1, length);
    return to;
  }
  const bytes = new Uint8Array(view.buffer);
  bytes.copyWithin(from + 1, from, to);
  bytes[from - 1] = (length & 127) | 128;
  bytes[from] = length >>> 7;
  return to + 1;
}

/**
 * Writes a field with a whole number from 0 to 2^53 - 1, also when it is 0; the tag is one byte.
 * Up to three bytes more than it takes may be overwritten.
 *
 * @returns where the next byte goes
 */
export function putField(view: DataView, at: number, tag: number, value: number): number {
  if (value < 0x80) {
    view.setUint16(at, tag | (value << 8), true);
    return at + 2;
  }
  if (value < 0x20_0000) {
    const low = tag | ((value & 0x7f) << 8) | 0x8000;
    if (value < 0x4000) {
      view.setInt32(at, low | ((value >>> 7) << 16), true);
      return at + 3;
    }
    view.setInt32(at, low | ((value & 0x3f80) << 9) | 0x80_0000 | ((value >>> 14) << 24), true);
    return at + 4;
  }
  return putLargeField(view, at, tag, value);
}

function putLargeField(view: DataView, at: number, tag: number, value: number): number {
  view.setUint8(at, tag);
  let place = at + 1;
  let rest = value;
  while (rest >= TWO_TO_32) {
    view.setUint8(place, (rest % 128) | 128);
    place += 1;
    rest = Math.floor(rest / 128);
  }
  rest >>>= 0;
  while (rest > 127) {
    view.setUint8(place, (rest & 127) | 128);
    place += 1;
    rest >>>= 7;
  }
  view.setUint8(place, rest);
  return place + 1;
}

/** As `putField`, but leaves out a 0. */
export function putOptional(view: DataView, at: number, tag: number, value: number): number {
  return value === 0 ? at : putField(view, at, tag, value);
}

/** Writes a signed number within 2^52 of zero, small either side of it; leaves out a 0. */
export function putSigned(view: DataView, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  return putField(view, at, tag, value < 0 ? -2 * value - 1 : 2 * value);
}
