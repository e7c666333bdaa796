// The bytes of a snapshot (SNAP-1): numbers little endian, texts and big integers with their
// length. A reader never goes beyond the end; whatever does not fit is a SnapshotError.

/** A snapshot is cut, changed, of another version, or no snapshot at all. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

const FIRST_BYTES = 1 << 16;

/** Writes a snapshot. */
export class SnapshotWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  word(value: number): void {
    this.#reserve(4);
    this.#view.setInt32(this.#length, value, true);
    this.#length += 4;
  }

  /** A whole number below 2^53. */
  number(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  text(value: string): void {
    this.word(value.length);
    this.#reserve(value.length * 2);
    for (let index = 0; index < value.length; index += 1) {
      this.#view.setUint16(this.#length + index * 2, value.charCodeAt(index), true);
    }
    this.#length += value.length * 2;
  }

  boolean(value: boolean): void {
    this.word(value ? 1 : 0);
  }

  bytes(value: Uint8Array): void {
    this.word(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  get length(): number {
    return this.#length;
  }

  /** What has been written so far. */
  written(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads a snapshot. */
export class SnapshotReader {
  readonly #view: DataView;
  readonly #end: number;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.byteLength;
  }

  word(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** A count of things that take at least `bytesEach` bytes. */
  count(bytesEach: number): number {
    const count = this.word();
    const isPossible = count >= 0 && count * bytesEach <= this.#end - this.#at;
    if (!isPossible) throw new SnapshotError('the snapshot counts more than it holds');
    return count;
  }

  number(): number {
    const value = this.#view.getFloat64(this.#take(8), true);
    if (!Number.isSafeInteger(value)) throw new SnapshotError('the snapshot has a wrong number');
    return value;
  }

  text(): string {
    const length = this.count(2);
    const from = this.#take(length * 2);
    let text = '';
    for (let index = 0; index < length; index += 1) {
      text += String.fromCharCode(this.#view.getUint16(from + index * 2, true));
    }
    return text;
  }

  boolean(): boolean {
    return this.word() !== 0;
  }

  bytes(): Uint8Array {
    const from = this.#take(this.count(1));
    const { buffer, byteOffset } = this.#view;
    return new Uint8Array(buffer, byteOffset + from, this.#at - from);
  }

  /** Whether everything was read. */
  get done(): boolean {
    return this.#at === this.#end;
  }

  /** Nothing may be left. */
  end(): void {
    if (this.#at !== this.#end) throw new SnapshotError('the snapshot holds more than its state');
  }

  #take(length: number): number {
    const from = this.#at;
    if (from + length > this.#end) throw new SnapshotError('the snapshot is cut');
    this.#at += length;
    return from;
  }
}

/** A plain object of texts, numbers, booleans and big integers; its keys in order. */
export function writeFields(writer: SnapshotWriter, fields: object): void {
  const keys = Object.keys(fields).sort((a, b) => (a < b ? -1 : 1));
  writer.word(keys.length);
  for (const key of keys) {
    const value = (fields as Readonly<Record<string, unknown>>)[key];
    writer.text(key);
    writer.text(`${(typeof value)[0]}${typeof value === 'bigint' ? 'n' : ''}${String(value)}`);
  }
}

export function readFields(reader: SnapshotReader): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (let left = reader.count(8); left > 0; left -= 1) {
    const key = reader.text();
    fields[key] = readValue(reader.text());
  }
  return fields;
}

function readValue(text: string): unknown {
  if (text.startsWith('bn')) return BigInt(text.slice(2));
  if (text.startsWith('b')) return text === 'btrue';
  if (text.startsWith('s')) return text.slice(1);
  if (!text.startsWith('n')) throw new SnapshotError('the snapshot has a wrong value');
  return Number(text.slice(1));
}
