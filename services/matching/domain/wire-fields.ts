// Fields of protobuf messages, written straight into a buffer. Numbers below 2^21, which nearly all
// are, go with their tag in one store of four bytes: the bytes behind a short one are written too,
// and written over by what follows. Whoever reserves room reserves some more.

const TWO_TO_32 = 2 ** 32;

/**
 * Writes a field with a whole number from 0 to 2^53 - 1, also when it is 0; the tag is one byte.
 *
 * @returns where the next byte goes
 */
export function putField(view: DataView, at: number, tag: number, value: number): number {
  if (value >= 0x20_0000) return putLargeField(view, at, tag, value);
  const word = value | 0;
  if (word < 0x80) {
    view.setInt16(at, tag | (word << 8), true);
    return at + 2;
  }
  const low = tag | 0x8000 | ((word & 0x7f) << 8) | ((word & 0x3f80) << 9);
  if (word < 0x4000) {
    view.setInt32(at, low, true);
    return at + 3;
  }
  view.setInt32(at, low | 0x80_0000 | ((word >>> 14) << 24), true);
  return at + 4;
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
    view.setUint8(place, rest | 128);
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

/**
 * Fills in the tag and the length of a field whose bytes begin at `from`, behind two bytes that
 * are kept free for them.
 *
 * @returns where the next byte goes: one further when the length needs two bytes
 */
export function closeField(view: DataView, tag: number, from: number, to: number): number {
  const length = to - from;
  view.setInt16(from - 2, tag | (length << 8), true);
  return length < 128 ? to : widenLength(view, from, to);
}

function widenLength(view: DataView, from: number, to: number): number {
  new Uint8Array(view.buffer).copyWithin(from + 1, from, to);
  view.setUint8(from - 1, (to - from) | 128);
  view.setUint8(from, (to - from) >>> 7);
  return to + 1;
}
