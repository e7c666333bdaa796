// Where a shard's events go as bytes: one buffer, each event as a field of an outcome record of the
// log (bourse.log.v1.OutcomeRecord.events), so that nobody has to encode or to copy it again.

/** Bytes of a buffer; a full entry of the log holds as many (LOG-3). */
const BUFFER_BYTES = 1 << 20;
/** Tag of OutcomeRecord.events. */
const EVENTS_TAG = 0x0a;
const TWO_TO_32 = 2 ** 32;
/** Longest number below 2^53, and the longest of 64 bits. */
const LONGEST_NUMBER = 10;

/** Events in their wire form. */
export class OutgoingEvents {
  /** Where the next event goes. Buffers that are full are left to whoever reads them. */
  bytes = new Uint8Array(BUFFER_BYTES);
  /** Bytes of `bytes` that are written. */
  length = 0;

  /** Makes room for a number of bytes; what stands in an older buffer stays there. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    this.bytes = new Uint8Array(Math.max(BUFFER_BYTES, count));
    this.length = 0;
  }

  /** Adds an event that somebody else has encoded. */
  append(event: Uint8Array): void {
    this.reserve(event.length + 1 + LONGEST_NUMBER);
    this.bytes[this.length] = EVENTS_TAG;
    const at = putNumber(this.bytes, this.length + 1, event.length);
    this.bytes.set(event, at);
    this.length = at + event.length;
  }
}

/** Begins an event; its length is filled in by `closeField`. @returns where its bytes go */
export function openEvent(bytes: Uint8Array, at: number): number {
  bytes[at] = EVENTS_TAG;
  return at + 2;
}

/**
 * Fills in the length of a field whose bytes begin at `from`, behind one byte kept free for it.
 *
 * @returns where the next byte goes: one further when the length needs two bytes
 */
export function closeField(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  if (length < 128) {
    bytes[from - 1] = length;
    return to;
  }
  bytes.copyWithin(from + 1, from, to);
  bytes[from - 1] = (length & 127) | 128;
  bytes[from] = length >>> 7;
  return to + 1;
}

/** Writes a whole number from 0 to 2^53 - 1. @returns where the next byte goes */
export function putNumber(bytes: Uint8Array, at: number, value: number): number {
  let place = at;
  let low = value;
  if (value >= TWO_TO_32) {
    let rest = value;
    while (rest >= TWO_TO_32) {
      bytes[place] = (rest % 128) | 128;
      place += 1;
      rest = Math.floor(rest / 128);
    }
    low = rest;
  }
  low >>>= 0;
  while (low > 127) {
    bytes[place] = low | 128;
    place += 1;
    low >>>= 7;
  }
  bytes[place] = low;
  return place + 1;
}

/** Writes a field with a whole number, left out when 0. The tag is one byte. */
export function putField(bytes: Uint8Array, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  bytes[at] = tag;
  return putNumber(bytes, at + 1, value);
}

/** Writes a field with a signed number within 2^52 of zero, small either side of it. */
export function putSigned(bytes: Uint8Array, at: number, tag: number, value: number): number {
  return putField(bytes, at, tag, value < 0 ? -2 * value - 1 : 2 * value);
}
