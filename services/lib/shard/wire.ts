// Writes and reads the few shapes of the protobuf wire format that log entries use. Written by
// hand because every command passes here twice; a test compares it with the generated code.
// Source: https://protobuf.dev/programming-guides/encoding/

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
    const copy = Buffer.allocUnsafeSlow(this.#at);
    this.#bytes.copy(copy, 0, 0, this.#at);
    this.#at = 0;
    return copy;
  }

  /** An unsigned integer below 2^53. */
  varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest >= TWO_TO_32) {
      this.#bytes[this.#at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    let low = rest >>> 0;
    while (low > 127) {
      this.#bytes[this.#at++] = (low & 127) | 128;
      low >>>= 7;
    }
    this.#bytes[this.#at++] = low;
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
    this.varint(field * 8);
    this.varint(value);
  }

  /** A field with text; left out when empty. */
  textField(field: number, value: string): void {
    if (value === '') return;
    const length = Buffer.byteLength(value);
    this.startField(field, length);
    if (length === value.length) this.#bytes.write(value, this.#at, 'latin1');
    else this.#bytes.write(value, this.#at, 'utf8');
    this.#at += length;
  }

  /** A field with bytes, written even when empty. */
  bytesField(field: number, value: Uint8Array): void {
    this.startField(field, value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** A field with what another writer holds, which is empty afterwards; written even when empty. */
  writerField(field: number, other: WireWriter): void {
    this.startField(field, other.#at);
    other.#bytes.copy(this.#bytes, this.#at, 0, other.#at);
    this.#at += other.#at;
    other.#at = 0;
  }

  /** Tag and length of a field of `length` bytes that the caller writes next. */
  startField(field: number, length: number): void {
    this.#reserve(length + 20);
    this.varint(field * 8 + 2);
    this.varint(length);
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Bytes that `varint` takes for a value. */
export function varintLength(value: number): number {
  let length = 1;
  let rest = value;
  while (rest > 127) {
    length += 1;
    rest = Math.floor(rest / 128);
  }
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

/** Thrown when bytes are not what they should be. */
export class MalformedBytes extends Error {}

/** Reads fields one after the other. */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#end = bytes.byteLength;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** Field number of the next field; its wire type must be `varint` or `length-delimited`. */
  field(): number {
    const tag = this.varint();
    const wireType = tag % 8;
    if (wireType !== 0 && wireType !== 2) throw new MalformedBytes(`wire type ${wireType}`);
    return Math.floor(tag / 8);
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count += 1) {
      if (this.#at >= this.#end) throw new MalformedBytes('cut off in a number');
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new MalformedBytes('number beyond 2^53');
  }

  bytes(): Uint8Array {
    const length = this.varint();
    const end = this.#at + length;
    if (end > this.#end) throw new MalformedBytes('cut off in a field');
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  text(): string {
    return (this.bytes() as Buffer).toString('utf8');
  }
}
