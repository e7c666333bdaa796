// Reads messages several times as fast as the generated schemas' own decoder: for each type of
// message a function is made once, from its descriptor. Bytes with an unknown field, a field that
// comes twice or anything else that a good writer does not write are left to `fromBinary`, which
// has the last word; a test holds the messages of both equal.

import type { DescField, DescMessage, MessageShape } from '@bufbuild/protobuf';
import { fromBinary } from '@bufbuild/protobuf';
import { MESSAGE_DEPTH_LIMIT } from '../rpc/limits.ts';
import { malformed } from './malformed.ts';
import {
  compileTypes,
  MessageUnusual,
  scalarName,
  tagOf,
  wireTypeOf,
  zeroSource,
} from './message-types.ts';

const TWO_TO_28 = 2 ** 28;
const OPTIONS = { recursionLimit: MESSAGE_DEPTH_LIMIT };
/** Below this length a text's characters are looked at one by one. */
const SHORT = 64;

class Reader {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;

  /** An unsigned integer below 2^53. */
  varint(): number {
    const { bytes } = this;
    let at = this.at;
    const first = bytes[at++] as number;
    if (first < 128) {
      this.at = at;
      return first;
    }
    let low = first & 127;
    let high = 0;
    for (let count = 1; count < 8; count += 1) {
      const byte = bytes[at++];
      if (byte === undefined) throw new MessageUnusual();
      if (count < 4) low |= (byte & 127) << (count * 7);
      else high |= (byte & 127) << (count * 7 - 28);
      if (byte > 127) continue;
      const value = high * TWO_TO_28 + low;
      if (value > Number.MAX_SAFE_INTEGER) break;
      this.at = at;
      return value;
    }
    throw new MessageUnusual();
  }

  /** End of a field with a length, which must lie within what holds it. */
  end(outer: number): number {
    const length = this.varint();
    const end = this.at + length;
    if (!(end <= outer)) throw new MessageUnusual();
    return end;
  }

  string(outer: number): string {
    const end = this.end(outer);
    const { bytes, at } = this;
    this.at = end;
    if (end - at < SHORT) {
      let all = 0;
      for (let index = at; index < end; index += 1) all |= bytes[index] as number;
      if (all < 128) return bytes.toString('latin1', at, end);
    }
    const text = bytes.toString('utf8', at, end);
    // What stands for bytes that are no text, and a mark that others leave out.
    if (text.includes('\ufffd') || text.startsWith('\ufeff')) throw new MessageUnusual();
    return text;
  }

  bytesValue(outer: number): Uint8Array {
    const end = this.end(outer);
    const { bytes, at } = this;
    this.at = end;
    return new Uint8Array(bytes.buffer, bytes.byteOffset + at, end - at);
  }

  bool(): boolean {
    const value = this.varint();
    if (value > 1) throw new MessageUnusual();
    return value === 1;
  }

  uint32(): number {
    const value = this.varint();
    if (value > 0xffffffff) throw new MessageUnusual();
    return value;
  }

  int32(): number {
    const value = this.varint();
    if (value > 0x7fffffff) throw new MessageUnusual();
    return value;
  }

  sint32(): number {
    const value = this.uint32();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  uint64(): bigint {
    return BigInt(this.varint());
  }

  sint64(): bigint {
    const value = this.varint();
    return BigInt(value % 2 === 0 ? value / 2 : -(value + 1) / 2);
  }

  fixed64(): bigint {
    const value = this.bytes.readBigUInt64LE(this.at);
    this.at += 8;
    return value;
  }
}

type Read = (reader: Reader, end: number) => unknown;

/**
 * Fields that hold messages and are left as their bytes, for a reader that has its own way with
 * them: `package.Message.localName`. Where bytes are unusual they are messages all the same.
 */
export type RawFields = ReadonlySet<string>;

const NONE: RawFields = new Set();
const compiled = new Map<RawFields, Map<DescMessage, Read | undefined>>();
const reader = new Reader();

/**
 * The message that the bytes hold.
 *
 * @throws Error when they hold none
 */
export function readMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  raw = NONE,
): MessageShape<Desc> {
  return readUsual(schema, bytes, raw) ?? fromBinary(schema, bytes, OPTIONS);
}

/**
 * As `readMessage`, of bytes that a caller sent.
 *
 * @throws OperatingError MESSAGE_MALFORMED
 */
export function readSent<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> {
  try {
    return readMessage(schema, bytes);
  } catch {
    throw malformed(`these bytes are no ${schema.name}`);
  }
}

/** As `readMessage`; undefined when something is unusual, such as a field that is not known. */
export function readUsual<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  raw = NONE,
): MessageShape<Desc> | undefined {
  const read = readOf(schema, raw);
  if (read === undefined) return undefined;
  try {
    reader.bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    reader.at = 0;
    return read(reader, bytes.byteLength) as MessageShape<Desc>;
  } catch (error) {
    if (error instanceof MessageUnusual || error instanceof RangeError) return undefined;
    throw error;
  }
}

function readOf(schema: DescMessage, raw: RawFields): Read | undefined {
  let known = compiled.get(raw);
  if (known === undefined) {
    known = new Map();
    compiled.set(raw, known);
  }
  if (!known.has(schema)) {
    const read = compileTypes<Read>(schema, (type, nameOf) => sourceOf(type, { nameOf, raw }));
    known.set(schema, read);
  }
  return known.get(schema);
}

type Sources = { readonly nameOf: (inner: DescMessage) => string; readonly raw: RawFields };

/** The function that reads the fields of a message of one type, up to a place. */
function sourceOf(message: DescMessage, sources: Sources): string {
  const { nameOf } = sources;
  const lets: string[] = [];
  const members: string[] = [];
  for (const member of message.members) {
    const name = member.localName;
    members.push(`${name}: ${memberSource(member)}`);
    if (member.kind === 'oneof') lets.push(`${local(name)} = undefined`);
    else lets.push(`${local(name)} = ${firstSource(member)}`);
  }
  const cases = message.fields.map((field) => caseSource(field, sources));
  return `function ${nameOf(message)}(r, end) {
    let ${['tag = 0', ...lets].join(', ')};
    while (r.at < end) {
      tag = r.varint();
      switch (tag) {
        ${cases.join('\n')}
        default: throw new Unusual();
      }
    }
    if (r.at !== end) throw new Unusual();
    return { $typeName: '${message.typeName}', ${members.join(', ')} };
  }`;
}

const local = (name: string): string => `v_${name}`;

function memberSource(member: DescMessage['members'][number]): string {
  const name = local(member.localName);
  if (member.kind === 'oneof') return `${name} === undefined ? { case: undefined } : ${name}`;
  if (member.fieldKind === 'list') return `${name} === undefined ? [] : ${name}`;
  if (member.fieldKind === 'map') return `${name} === undefined ? {} : ${name}`;
  return name;
}

/** What a field is before it was read. */
function firstSource(field: DescField): string {
  const isPlain = field.fieldKind === 'scalar' || field.fieldKind === 'enum';
  return isPlain && field.presence === 2 ? zeroSource(field) : 'undefined';
}

function caseSource(field: DescField, sources: Sources): string {
  const { number, localName } = field;
  const name = local(localName);
  const value = valueSource(field, sources);
  const wire = wireTypeOf(field);
  switch (field.fieldKind) {
    case 'list': {
      if (!field.packed) {
        return `case ${tagOf(number, wire)}: {
          const value = ${value};
          if (${name} === undefined) ${name} = [value]; else ${name}.push(value);
          break; }`;
      }
      return `case ${tagOf(number, 2)}: {
        const inner = r.end(end); if (${name} === undefined) ${name} = [];
        { const end = inner; while (r.at < end) ${name}.push(${value}); }
        if (r.at !== inner) throw new Unusual();
        break; }`;
    }
    case 'map':
      return mapSource(field, sources);
    default: {
      const oneof = field.oneof?.localName;
      if (oneof === undefined) {
        const once = field.message && `if (${name} !== undefined) throw new Unusual();`;
        return `case ${tagOf(number, wire)}: ${once ?? ''} ${name} = ${value}; break;`;
      }
      // A message that comes twice would have to be merged.
      return `case ${tagOf(number, wire)}:
        if (${local(oneof)} !== undefined) throw new Unusual();
        ${local(oneof)} = { case: '${localName}', value: ${value} }; break;`;
    }
  }
}

function mapSource(field: Extract<DescField, { fieldKind: 'map' }>, sources: Sources): string {
  const name = local(field.localName);
  // A key or a value that is left out is unusual enough.
  return `case ${tagOf(field.number, 2)}: {
    const inner = r.end(end); if (${name} === undefined) ${name} = {};
    { const end = inner;
      if (r.varint() !== ${tagOf(1, 2)}) throw new Unusual();
      const key = r.string(end);
      if (key === '__proto__' || !(r.at < end)) throw new Unusual();
      if (r.varint() !== ${tagOf(2, wireTypeOf(field))}) throw new Unusual();
      ${name}[key] = ${valueSource(field, sources)}; }
    if (r.at !== inner) throw new Unusual();
    break; }`;
}

function valueSource(field: DescField, { nameOf, raw }: Sources): string {
  if (field.message !== undefined) {
    const isRaw = raw.has(`${field.parent.typeName}.${field.localName}`);
    return isRaw ? 'r.bytesValue(end)' : `${nameOf(field.message)}(r, r.end(end))`;
  }
  const scalar = scalarName(field);
  return `r.${scalar}(${scalar === 'string' || scalar === 'bytesValue' ? 'end' : ''})`;
}
