// Writes and reads the compact fields of which snapshots of state machines consist (SNAP-1). Every
// value has exactly one form, and a reader takes no other: so equal states have equal bytes, and
// damage is noticed.

/** Thrown when bytes are not what a writer of this version writes. */
export class StateDamaged extends Error {}

const TWO_TO_32 = 2 ** 32;
const LEAST_BIG = 2n ** 53n;
const MOST_BIG = 2n ** 96n - 1n;
/** Longest text, in UTF-16 code units. */
const LONGEST_TEXT = 1 << 16;

/** Characters that are read at a time. */
const TEXT_STEP = 1 << 10;

/** How an amount is written: sign, and whether it takes more than 53 bits. */
const AMOUNT = { small: 0, smallNegative: 1, big: 2, bigNegative: 3 } as const;

/** A growing buffer of fields. */
export class StateWriter {
  #bytes = new Uint8Array(1 << 12);
  #at = 0;

  /** Bytes that were written. */
  get length(): number {
    return this.#at;
  }

  /** A copy of what was written; the writer is empty afterwards. */
  take(): Uint8Array {
    const copy = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    return copy;
  }

  /** An integer from 0 to 255. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  boolean(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  /** An integer from 0 to 2^53 - 1. */
  whole(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${value} is no whole number`);
    this.#reserve(8);
    let rest = value;
    while (rest >= TWO_TO_32) {
      const next = Math.floor(rest / 128);
      this.#bytes[this.#at++] = (rest - next * 128) | 128;
      rest = next;
    }
    let low = rest >>> 0;
    for (; low > 127; low >>>= 7) this.#bytes[this.#at++] = (low & 127) | 128;
    this.#bytes[this.#at++] = low;
  }

  /** A safe integer of any sign. */
  signed(value: number): void {
    this.boolean(value < 0);
    this.whole(value < 0 ? -value : value);
  }

  /** An amount between -2^96 and 2^96. */
  amount(value: bigint): void {
    const size = value < 0n ? -value : value;
    const sign = value < 0n ? 1 : 0;
    if (size < LEAST_BIG) {
      this.byte(AMOUNT.small + sign);
      this.whole(Number(size));
      return;
    }
    if (size > MOST_BIG) throw new Error(`${value} is beyond 96 bits`);
    this.byte(AMOUNT.big + sign);
    for (let shift = 0n; shift < 96n; shift += 32n) {
      this.whole(Number((size >> shift) & 0xffffffffn));
    }
  }

  text(value: string): void {
    const { length } = value;
    if (length > LONGEST_TEXT) throw new Error('a text is too long for a snapshot');
    let isWide = false;
    for (let index = 0; index < length; index += 1) isWide ||= value.charCodeAt(index) > 127;
    this.whole(length * 2 + (isWide ? 1 : 0));
    this.#reserve(length * 2);
    for (let index = 0; index < length; index += 1) {
      const code = value.charCodeAt(index);
      this.#bytes[this.#at++] = code & 255;
      if (isWide) this.#bytes[this.#at++] = code >>> 8;
    }
  }

  /** One of a list of values. */
  choice<T>(values: readonly T[], value: T): void {
    const index = values.indexOf(value);
    if (index < 0 || index > 255) throw new Error(`${String(value)} is not in a list of values`);
    this.byte(index);
  }

  bytes(value: Uint8Array): void {
    this.whole(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#at + count, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** Reads fields one after the other. Every method throws StateDamaged on what nobody wrote. */
export class StateReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** True when everything has been read. */
  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new StateDamaged('a snapshot ends too early');
    this.#at += 1;
    return value;
  }

  boolean(): boolean {
    const value = this.byte();
    if (value > 1) throw new StateDamaged(`${value} is neither yes nor no`);
    return value === 1;
  }

  whole(): number {
    let value = this.byte();
    if (value < 128) return value;
    value &= 127;
    let scale = 128;
    for (let count = 1; count < 8; count += 1) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      scale *= 128;
      if (byte > 127) continue;
      if (byte === 0 || value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    throw new StateDamaged('a number is longer than it should be');
  }

  signed(): number {
    const isNegative = this.boolean();
    const size = this.whole();
    if (!isNegative) return size;
    if (size === 0) throw new StateDamaged('a zero has a sign');
    return -size;
  }

  amount(): bigint {
    const form = this.byte();
    if (form > AMOUNT.bigNegative) throw new StateDamaged(`${form} is no form of an amount`);
    const isNegative = (form & 1) === 1;
    let size = 0n;
    if (form < AMOUNT.big) size = BigInt(this.whole());
    else for (let shift = 0n; shift < 96n; shift += 32n) size |= BigInt(this.#word()) << shift;
    const isSound = form < AMOUNT.big ? size > 0n || !isNegative : size >= LEAST_BIG;
    if (!isSound) throw new StateDamaged('an amount has the wrong form');
    return isNegative ? -size : size;
  }

  #word(): number {
    const word = this.whole();
    if (word >= TWO_TO_32) throw new StateDamaged('a part of an amount is too great');
    return word;
  }

  text(): string {
    const head = this.whole();
    const isWide = head % 2 === 1;
    const length = Math.floor(head / 2);
    if (length > LONGEST_TEXT) throw new StateDamaged('a text is too long');
    if (!isWide) return this.#narrowText(length);
    let value = '';
    let isNeeded = false;
    for (let index = 0; index < length; index += 1) {
      const code = this.byte() + this.byte() * 256;
      isNeeded ||= code > 127;
      value += String.fromCharCode(code);
    }
    if (!isNeeded) throw new StateDamaged('a text has the wrong form');
    return value;
  }

  #narrowText(length: number): string {
    let value = '';
    for (let left = length; left > 0; ) {
      const count = Math.min(left, TEXT_STEP);
      const codes = this.#bytes.subarray(this.#at, this.#at + count);
      if (codes.length < count) throw new StateDamaged('a snapshot ends too early');
      for (let index = 0; index < count; index += 1) {
        if ((codes[index] as number) > 127) throw new StateDamaged('a text has the wrong form');
      }
      // At once: characters that are added one by one make a chain of small texts.
      value += String.fromCharCode.apply(undefined, codes as unknown as number[]);
      this.#at += count;
      left -= count;
    }
    return value;
  }

  choice<T>(values: readonly T[]): T {
    const index = this.byte();
    if (index >= values.length) throw new StateDamaged(`there is no choice ${index}`);
    return values[index] as T;
  }

  /** A part of what is read, not a copy. */
  bytes(): Uint8Array {
    const length = this.whole();
    const from = this.#at;
    if (from + length > this.#bytes.length) throw new StateDamaged('a snapshot ends too early');
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }
}
