// Writes the few shapes of the protobuf wire format that log entries use, and has the reader of
// them. By hand because every command passes here twice; a test compares it with generated code.
// Source: https://protobuf.dev/programming-guides/encoding/

export { MalformedBytes, WireReader } from './wire-reader.ts';

const TWO_TO_28 = 2 ** 28;
const TWO_TO_32 = 2 ** 32;
const MAXIMUM_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** A growing buffer with a place to write at. */
export class WireWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(initialBytes: number) {
    this.#bytes = Buffer.allocUnsafe(initialBytes);
  }

  get length(): number {
    return this.#at;
  }

  /** Forgets what was written after `length`. */
  truncate(length: number): void {
    this.#at = length;
  }

  /** A copy of what was written; the writer is empty afterwards. */
  take(): Uint8Array {
    const length = this.#at;
    // Small ones share memory: making each its own costs more than writing it.
    const copy = Buffer.allocUnsafe(length);
    copyBytes(this.#bytes, 0, copy, 0, length);
    this.#at = 0;
    return copy;
  }

  /** What was written, until something else is written. */
  peek(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** An unsigned integer below 2^53. */
  varint(value: number): void {
    this.#reserve(10);
    this.#at = putVarint(this.#bytes, this.#at, value);
  }

  /** An unsigned integer below 2^64. */
  bigVarint(value: bigint): void {
    if (value <= MAXIMUM_SAFE) {
      this.varint(Number(value));
      return;
    }
    this.#reserve(10);
    let rest = value;
    for (; rest > 127n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 127n) | 128;
    this.#bytes[this.#at++] = Number(rest);
  }

  /** A field with an unsigned integer; left out when 0. */
  numberField(field: number, value: number): void {
    if (value === 0) return;
    this.#reserve(20);
    const bytes = this.#bytes;
    this.#at = putVarint(bytes, putVarint(bytes, this.#at, field * 8), value);
  }

  /** A field with eight bytes; left out when 0. */
  fixed64Field(field: number, value: bigint): void {
    if (value === 0n) return;
    this.varint(field * 8 + 1);
    this.#reserve(8);
    this.#at = this.#bytes.writeBigUInt64LE(value, this.#at);
  }

  /** A field with text; left out when empty. */
  textField(field: number, value: string): void {
    if (value === '') return;
    if (value.length <= SHORT && this.#shortTextField(field, value)) return;
    const length = Buffer.byteLength(value);
    this.startField(field, length);
    if (length === value.length) this.#bytes.write(value, this.#at, 'latin1');
    else this.#bytes.write(value, this.#at, 'utf8');
    this.#at += length;
  }

  /** @returns false when the text is not ASCII; nothing is written then */
  #shortTextField(field: number, value: string): boolean {
    const before = this.#at;
    const { length } = value;
    this.startField(field, length);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < length; index += 1) {
      const code = value.charCodeAt(index);
      if (code > 127) {
        this.#at = before;
        return false;
      }
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  /** A field with bytes, given as hexadecimal digits; left out when empty. */
  hexField(field: number, hex: string): void {
    if (hex === '') return;
    const length = hex.length >>> 1;
    this.startField(field, length);
    if (hex.length <= SHORT && this.#shortHex(hex)) return;
    const written = this.#bytes.write(hex, this.#at, length, 'hex');
    if (written * 2 !== hex.length) throw new Error(`${hex} is not hexadecimal`);
    this.#at += written;
  }

  /** @returns false when it has other digits than these; nothing is written then */
  #shortHex(hex: string): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < hex.length; index += 2) {
      const high = HEX_DIGITS[hex.charCodeAt(index)] ?? -1;
      const low = HEX_DIGITS[hex.charCodeAt(index + 1)] ?? -1;
      if (high < 0 || low < 0) return false;
      bytes[at++] = high * 16 + low;
    }
    this.#at = at;
    return true;
  }

  /** A field with bytes, written even when empty. */
  bytesField(field: number, value: Uint8Array): void {
    const { length } = value;
    this.startField(field, length);
    copyBytes(value, 0, this.#bytes, this.#at, length);
    this.#at += length;
  }

  /** A field with what another writer holds, which is empty afterwards; written even when empty. */
  writerField(field: number, other: WireWriter): void {
    const length = other.#at;
    this.startField(field, length);
    copyBytes(other.#bytes, 0, this.#bytes, this.#at, length);
    this.#at += length;
    other.#at = 0;
  }

  /** Bytes as they are, from one place to before another. */
  raw(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from;
    this.#reserve(length);
    copyBytes(bytes, from, this.#bytes, this.#at, length);
    this.#at += length;
  }

  /** What another writer holds, which is empty afterwards. */
  append(other: WireWriter): void {
    const length = other.#at;
    this.#reserve(length);
    copyBytes(other.#bytes, 0, this.#bytes, this.#at, length);
    this.#at += length;
    other.#at = 0;
  }

  /** Tag and length of a field of `length` bytes that the caller writes next. */
  startField(field: number, length: number): void {
    this.#reserve(length + 20);
    const bytes = this.#bytes;
    this.#at = putVarint(bytes, putVarint(bytes, this.#at, field * 8 + 2), length);
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Writes an unsigned integer below 2^53; there must be room. @returns the place behind it */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let place = at;
  let rest = value;
  if (value >= TWO_TO_32) {
    // Four digits at once: dividing is what takes time, and times have eight.
    const high = Math.floor(value / TWO_TO_28);
    const low = value - high * TWO_TO_28;
    bytes[place++] = (low & 127) | 128;
    bytes[place++] = ((low >>> 7) & 127) | 128;
    bytes[place++] = ((low >>> 14) & 127) | 128;
    bytes[place++] = (low >>> 21) | 128;
    rest = high;
  }
  let low = rest >>> 0;
  while (low > 127) {
    bytes[place++] = (low & 127) | 128;
    low >>>= 7;
  }
  bytes[place++] = low;
  return place;
}

/** Values of the small hexadecimal digits by their codes; -1 for every other character. */
const HEX_DIGITS = Int8Array.from({ length: 128 }, (_, code) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(code)),
);

/** Up to this many bytes a loop is faster than a call into native code. */
const SHORT = 48;

/** Copies bytes; the target has room. */
function copyBytes(
  from: Uint8Array,
  fromAt: number,
  to: Buffer,
  toAt: number,
  length: number,
): void {
  if (length > SHORT) {
    Buffer.prototype.copy.call(from as Buffer, to, toAt, fromAt, fromAt + length);
    return;
  }
  for (let index = 0; index < length; index += 1) {
    to[toAt + index] = from[fromAt + index] as number;
  }
}

/** Bytes that `varint` takes for a value. */
export function varintLength(value: number): number {
  let length = 1;
  for (let limit = 128; value >= limit; limit *= 128) length += 1;
  return length;
}

/** Bytes of a field below number 16 that holds `length` bytes. */
export function fieldLength(length: number): number {
  return 1 + varintLength(length) + length;
}

/** Bytes of a text field below number 16; 0 when the text is empty. */
export function textFieldLength(value: string): number {
  return value === '' ? 0 : fieldLength(Buffer.byteLength(value));
}

/** Bytes of a number field below number 16; 0 when the number is 0. */
export function numberFieldLength(value: number): number {
  return value === 0 ? 0 : 1 + varintLength(value);
}
