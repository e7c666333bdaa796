// Writes messages several times as fast as the generated schemas' own encoder: for each type of
// message a function is made once, from its descriptor, that writes the fields one after the
// other, from the last to the first, so that the length of what is inside is known when it is due.
// What is unusual in a type or in a value is left to `toBinary`, which has the last word; a test
// holds the bytes of both equal.

import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { putVarint, varintLength } from '../../shard/wire.ts';
import {
  compileTypes,
  MessageUnusual,
  scalarName,
  tagOf,
  wireTypeOf,
  zeroSource,
} from './message-types.ts';

const FIRST_BYTES = 64 << 10;
const MAXIMUM_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
/** Up to this many characters a loop is faster than a call into native code. */
const SHORT = 48;

/** A buffer that is filled from its end. */
class BackWriter {
  bytes = Buffer.allocUnsafe(FIRST_BYTES);
  /** Where what was written begins. */
  at = FIRST_BYTES;

  /** A copy of what was written; the writer is empty afterwards. */
  take(): Uint8Array {
    const taken = Buffer.allocUnsafe(this.bytes.length - this.at);
    this.bytes.copy(taken, 0, this.at);
    this.at = this.bytes.length;
    return taken;
  }

  reserve(count: number): void {
    if (count <= this.at) return;
    const written = this.bytes.length - this.at;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, written + count));
    const at = larger.length - written;
    this.bytes.copy(larger, at, this.at);
    this.bytes = larger;
    this.at = at;
  }

  /** An unsigned integer below 2^53. */
  varint(value: number): void {
    this.reserve(8);
    const { bytes } = this;
    if (value < 128) {
      bytes[--this.at] = value;
      return;
    }
    this.at -= varintLength(value);
    putVarint(bytes, this.at, value);
  }

  /** The length of what was written since there were `before` bytes. */
  lengthSince(before: number): void {
    this.varint(this.written - before);
  }

  get written(): number {
    return this.bytes.length - this.at;
  }

  string(value: string): void {
    const { length } = value;
    this.reserve(length * 3 + 8);
    const { bytes } = this;
    if (length <= SHORT) {
      const start = this.at - length;
      let index = 0;
      for (; index < length; index += 1) {
        const code = value.charCodeAt(index);
        if (code > 127) break;
        bytes[start + index] = code;
      }
      if (index === length) {
        this.at = start;
        this.varint(length);
        return;
      }
    }
    if (!value.isWellFormed()) throw new MessageUnusual();
    const count = Buffer.byteLength(value);
    this.at -= count;
    bytes.write(value, this.at, 'utf8');
    this.varint(count);
  }

  bytesValue(value: Uint8Array): void {
    if (!(value instanceof Uint8Array)) throw new MessageUnusual();
    this.reserve(value.length + 8);
    this.at -= value.length;
    this.bytes.set(value, this.at);
    this.varint(value.length);
  }

  bool(value: boolean): void {
    if (typeof value !== 'boolean') throw new MessageUnusual();
    this.varint(value ? 1 : 0);
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) throw new MessageUnusual();
    this.varint(value);
  }

  /** Negative ones are rare, and take ten bytes. */
  int32(value: number): void {
    if (value >>> 0 !== value || value > 0x7fffffff) throw new MessageUnusual();
    this.varint(value);
  }

  sint32(value: number): void {
    if ((value | 0) !== value) throw new MessageUnusual();
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  uint64(value: bigint): void {
    if (typeof value !== 'bigint' || value < 0n || value > MAXIMUM_SAFE) throw new MessageUnusual();
    this.varint(Number(value));
  }

  sint64(value: bigint): void {
    if (typeof value !== 'bigint') throw new MessageUnusual();
    this.uint64(value < 0n ? -2n * value - 1n : 2n * value);
  }

  fixed64(value: bigint): void {
    if (typeof value !== 'bigint' || value < 0n) throw new MessageUnusual();
    this.reserve(8);
    this.at -= 8;
    this.bytes.writeBigUInt64LE(value, this.at);
  }
}

type Write = (writer: BackWriter, message: unknown) => void;

const writer = new BackWriter();
const compiled = new Map<DescMessage, Write | undefined>();

/**
 * The canonical bytes of a message, given as such or as the shape that makes one; a message within
 * may be given as its bytes.
 */
export function writeMessage(schema: DescMessage, message: object): Uint8Array {
  let write = compiled.get(schema);
  if (write === undefined && !compiled.has(schema)) {
    write = compileTypes<Write>(schema, sourceOf);
    compiled.set(schema, write);
  }
  if (write !== undefined) {
    try {
      write(writer, message);
      return writer.take();
    } catch (error) {
      writer.at = writer.bytes.length;
      if (!(error instanceof MessageUnusual)) throw error;
    }
  }
  return toBinary(schema, create(schema, withoutBytes(schema, message) as never));
}

/** The same message without others within that are given as their bytes. */
function withoutBytes(schema: DescMessage, message: object): object {
  const made: Record<string, unknown> = { ...message };
  const read = (type: DescMessage, value: unknown): unknown => {
    if (value instanceof Uint8Array) return fromBinary(type, value);
    return typeof value === 'object' && value !== null ? withoutBytes(type, value) : value;
  };
  for (const field of schema.fields) {
    const { message: type, localName, fieldKind } = field;
    if (type === undefined || fieldKind === 'map') continue;
    const value = made[localName];
    if (fieldKind === 'list') {
      if (Array.isArray(value)) made[localName] = value.map((item) => read(type, item));
    } else if (field.oneof === undefined) {
      if (value !== undefined) made[localName] = read(type, value);
    } else {
      const held = made[field.oneof.localName] as { case?: string; value?: unknown } | undefined;
      if (held?.case !== localName) continue;
      made[field.oneof.localName] = { case: held.case, value: read(type, held.value) };
    }
  }
  return made;
}

/** The function that writes the fields of a message of one type. */
function sourceOf(message: DescMessage, nameOf: (inner: DescMessage) => string): string {
  const sorted = [...message.fields].sort((one, other) => other.number - one.number);
  const lines = sorted.map((field) => fieldSource(field, nameOf));
  const oneofs = message.oneofs.map(
    ({ localName }) => `const ${caseOf(localName)} = m.${localName}?.case;`,
  );
  return `function ${nameOf(message)}(w, m) {
    if (m.$unknown !== undefined && m.$unknown.length > 0) throw new Unusual();
    ${oneofs.join('\n')}
    ${lines.join('\n')}
  }`;
}

const caseOf = (oneof: string): string => `case_${oneof}`;

function fieldSource(field: DescField, nameOf: (inner: DescMessage) => string): string {
  const name = field.localName;
  switch (field.fieldKind) {
    case 'list':
      return `const v_${name} = m.${name};
        if (v_${name} !== undefined && v_${name} !== null) ${listSource(field, nameOf)}`;
    case 'map': {
      const key = `w.string(key); w.varint(${tagOf(1, 2)});`;
      const value = valueSource(field, 'v', nameOf, 2);
      return `if (m.${name} !== undefined && m.${name} !== null) {
        const keys = Object.keys(m.${name});
        for (let i = keys.length - 1; i >= 0; i -= 1) {
          const before = w.written; const key = keys[i]; const v = m.${name}[key];
          ${value} ${key} w.lengthSince(before); w.varint(${tagOf(field.number, 2)});
        }
      }`;
    }
    default: {
      if (field.oneof !== undefined) {
        const oneof = field.oneof.localName;
        const write = valueSource(field, 'v', nameOf, field.number);
        return `if (${caseOf(oneof)} === '${name}') { const v = m.${oneof}.value; ${write} }`;
      }
      const isImplicit = field.fieldKind !== 'message' && field.presence === 2;
      const unlessZero = isImplicit ? ` && ${isPresent(field, 'v')}` : '';
      const write = valueSource(field, 'v', nameOf, field.number);
      return `{ const v = m.${name};
        if (v !== undefined && v !== null${unlessZero}) { ${write} } }`;
    }
  }
}

function isPresent(field: DescField, value: string): string {
  if (scalarName(field) === 'bytesValue') return `${value}.length !== 0`;
  return `${value} !== ${zeroSource(field)}`;
}

function listSource(
  field: Extract<DescField, { fieldKind: 'list' }>,
  nameOf: (inner: DescMessage) => string,
): string {
  const list = `v_${field.localName}`;
  const loop = (body: string) => `for (let i = ${list}.length - 1; i >= 0; i -= 1) { ${body} }`;
  if (!field.packed) {
    return loop(`const v = ${list}[i]; ${valueSource(field, 'v', nameOf, field.number)}`);
  }
  const write = `w.${scalarName(field)}(${list}[i]);`;
  return `if (${list}.length > 0) {
    const before = w.written; ${loop(write)}
    w.lengthSince(before); w.varint(${tagOf(field.number, 2)});
  }`;
}

/** Writes a value with its tag, whatever it is. */
function valueSource(
  field: DescField,
  value: string,
  nameOf: (inner: DescMessage) => string,
  number: number,
): string {
  if (field.message !== undefined) {
    return `if (${value} instanceof Uint8Array) w.bytesValue(${value});
      else {
        const start = w.written; ${nameOf(field.message)}(w, ${value}); w.lengthSince(start);
      }
      w.varint(${tagOf(number, 2)});`;
  }
  const tag = tagOf(number, wireTypeOf(field));
  return `w.${scalarName(field)}(${value}); w.varint(${tag});`;
}
