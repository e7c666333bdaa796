// Reads what `wire.ts` writes.

const TWO_TO_28 = 2 ** 28;
const MAXIMUM_64_BITS = 2n ** 64n - 1n;

/** Thrown when bytes are not what they should be. */
export class MalformedBytes extends Error {}

/** Reads fields one after the other. */
export class WireReader {
  readonly #bytes: Buffer;
  #end: number;
  #at: number;
  /** False once a number was 0 or longer than it must be: canonical bytes leave both out. */
  isTerse = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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

  /** Field number and wire type of the next field, as they are written: number * 8 + type. */
  tag(): number {
    return this.varint();
  }

  /** An unsigned integer below 2^53. */
  varint(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    if (at >= this.#end) throw new MalformedBytes('cut off in a number');
    const first = bytes[at++] as number;
    if (first < 128) {
      if (first === 0) this.isTerse = false;
      this.#at = at;
      return first;
    }
    // The first four digits and the next four, each within an integer of 32 bits.
    let low = first & 127;
    let high = 0;
    for (let count = 1; count < 8; count += 1) {
      if (at >= this.#end) throw new MalformedBytes('cut off in a number');
      const byte = bytes[at++] as number;
      if (count < 4) low |= (byte & 127) << (count * 7);
      else high |= (byte & 127) << (count * 7 - 28);
      if (byte > 127) continue;
      const value = high * TWO_TO_28 + low;
      if (value > Number.MAX_SAFE_INTEGER) break;
      if (byte === 0) this.isTerse = false;
      this.#at = at;
      return value;
    }
    throw new MalformedBytes('number beyond 2^53');
  }

  /** An unsigned integer below 2^64. */
  bigVarint(): bigint {
    const start = this.#at;
    // Nearly all have so few digits that a number holds them.
    const shortEnd = Math.min(this.#end, start + 7);
    for (let at = start; at < shortEnd; at += 1) {
      if ((this.#bytes[at] as number) < 128) return BigInt(this.varint());
    }
    let scale = 0n;
    let value = 0n;
    for (let at = start; at < this.#end && at < start + 10; at += 1, scale += 7n) {
      const byte = this.#bytes[at] as number;
      value |= BigInt(byte & 127) << scale;
      if (byte >= 128) continue;
      this.#at = at + 1;
      if (byte === 0) this.isTerse = false;
      if (value > MAXIMUM_64_BITS) break;
      return value;
    }
    throw new MalformedBytes('number cut off or beyond 2^64');
  }

  /** Passes over what stands behind a tag: a number of any size, or what has a length. */
  skip(tag: number): void {
    if ((tag & 7) === 0) {
      while ((this.#bytes[this.#at] as number) > 127) this.#at += 1;
      this.#skip(1);
    } else if ((tag & 7) === 2) {
      this.#skip(this.varint());
    } else {
      throw new MalformedBytes(`tag ${tag}`);
    }
  }

  bytes(): Uint8Array {
    const length = this.varint();
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  text(): string {
    const length = this.varint();
    const at = this.#skip(length);
    return this.#bytes.toString('utf8', at, at + length);
  }

  /** Bytes as hexadecimal digits. */
  hex(): string {
    const length = this.varint();
    const at = this.#skip(length);
    return this.#bytes.toString('hex', at, at + length);
  }

  /**
   * Goes into a field that holds fields, as if there were nothing behind it.
   *
   * @returns what `close` needs to come out again
   */
  open(): number {
    const length = this.varint();
    const outside = this.#end;
    if (this.#at + length > outside) throw new MalformedBytes('cut off in a field');
    this.#end = this.#at + length;
    return outside;
  }

  /** Comes out of a field that was opened and read to its end. */
  close(outside: number): void {
    if (this.#at !== this.#end) throw new MalformedBytes('a field was not read to its end');
    this.#end = outside;
  }

  /** Where the reader stands, for `goBack`. */
  get place(): number {
    return this.#at;
  }

  /** Goes back to a place, and out of what was opened there. */
  goBack(place: number, outside: number): void {
    this.#at = place;
    this.#end = outside;
  }

  /** @returns where the skipped bytes begin */
  #skip(length: number): number {
    const at = this.#at;
    if (at + length > this.#end) throw new MalformedBytes('cut off in a field');
    this.#at = at + length;
    return at;
  }
}
