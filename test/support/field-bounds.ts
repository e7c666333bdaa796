// What lies beyond the bound of each field, by the kind of field: read off the descriptors and
// their comments, so that a field which arrives with a feature is held to its bound at once.

import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { clone, create, isFieldSet, ScalarType } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { SLOT_COUNT } from '../../services/lib/routing/slot.ts';
import { loadElements } from './contracts.ts';

/** A request with one field beyond its bound. */
export type Fault = {
  /** Full name of the field, such as `bourse.order.v1.PlaceOrderRequest.price`. */
  readonly field: string;
  /** What is wrong, for a person. */
  readonly what: string;
  /** Reasons that are right; the method's comment must name the one that comes. */
  readonly reasons: readonly string[];
  readonly request: Message;
};

type Beyond = { readonly what: string; readonly value: unknown; readonly reasons: string[] };

const LONG = 'x'.repeat(65);
const MOST_ITEMS = 1_000;
const UINT64_MAX = 2n ** 64n - 1n;

/** Not decimals at all, each in a way of its own. */
const NO_DECIMALS = [
  ...['1e5', 'NaN', '-0', '00.1', '+1', '.5', '1.', ' 1', '1,5', '0x10', 'Infinity', '١'],
  '1'.repeat(41),
];
const TOO_FINE = `0.${'0'.repeat(20)}1`;
const OFF_GRID = ['SCALE_EXCEEDED', 'PRICE_OFF_TICK', 'QUANTITY_OFF_LOT', 'NOT_MULTIPLE_OF_UNIT'];

const DECIMAL =
  /^(quantity|quote_quantity|price|amount|\w+_(unit|size|quantity|price|notional|bps|offset|withdrawal))$/;
const TEXT = /^(display_name|comment)$/;
/** What a comment says of a field that every request must have. */
const REQUIRED = /\brequired\b(?! for)|unspecified fails with FIELD_REQUIRED/;

const comments = new Map(loadElements().map(({ name, comment }) => [name, comment]));

/** The comment of a method, field or message by its full name. */
export function commentOf(name: string): string {
  return comments.get(name) ?? '';
}

/** Full name of a field. */
export function nameOf(field: DescField): string {
  return `${field.parent.typeName}.${field.name}`;
}

/** Every field of a request and of what it holds, by full name. */
export function fieldsWithin(
  message: DescMessage,
  found: Set<string> = new Set(),
): ReadonlySet<string> {
  for (const field of message.fields) {
    const name = nameOf(field);
    if (found.has(name)) continue;
    found.add(name);
    const inner = innerMessage(field);
    if (inner !== undefined) fieldsWithin(inner, found);
  }
  return found;
}

/** Every field that a request sets, by full name. */
export function fieldsSetIn(schema: DescMessage, request: Message): ReadonlySet<string> {
  const found = new Set<string>();
  const walk = (at: ReflectMessage): void => {
    for (const field of at.fields) {
      if (isFieldSet(at.message, field)) found.add(nameOf(field));
      const next = innerMessage(field) && stepInto(at, field);
      if (next !== undefined) walk(next);
    }
  };
  walk(reflect(schema, request));
  return found;
}

/**
 * Every fault that a good request can be given, and the fields that it was tried on: those without
 * a rule here are not among them. What another good request sets and this one does not is left to
 * that one: here it would be a fault of its own, such as a stop price of a limit order.
 */
export function faultsOf(schema: DescMessage, good: Message, setByAny: ReadonlySet<string>) {
  const faults: Fault[] = [];
  const tried = new Set<string>();
  const walk = (path: readonly DescField[], at: ReflectMessage): void => {
    for (const field of at.fields) {
      const beyond = beyondOf(field);
      const isChoice = field.oneof !== undefined || setByAny.has(nameOf(field));
      if (beyond === undefined || (isChoice && !isFieldSet(at.message, field))) continue;
      tried.add(nameOf(field));
      for (const { what, value, reasons } of beyond) {
        const request = clone(schema, good);
        put(reach(schema, request, path), field, value);
        faults.push({ field: nameOf(field), what, reasons, request });
      }
      const inner = innerMessage(field);
      const next = inner && stepInto(at, field);
      if (next !== undefined) walk([...path, field], next);
    }
  };
  walk([], reflect(schema, good));
  return { faults, tried };
}

/** Bytes in which a field comes as another type than its own. */
export function wrongTypes(message: DescMessage): { field: string; bytes: Uint8Array }[] {
  return message.fields.map((field) => {
    // Numbers in a list come packed: as a fixed one they are no number at all.
    const isPacked = field.fieldKind === 'list' && isScalar(field) && !isText(field);
    const fixed = [...varint((field.number << 3) | 1), ...Array.from({ length: 8 }, () => 0xff)];
    if (isPacked) return { field: nameOf(field), bytes: new Uint8Array(fixed) };
    const isNumber = field.fieldKind === 'enum' || (isScalar(field) && !isText(field));
    // A number as bytes that are no message, or a text as a number that no length is.
    const bytes = isNumber
      ? [...varint((field.number << 3) | 2), 4, 0, 0, 0, 0]
      : [...varint(field.number << 3), ...varint(2 ** 28)];
    return { field: nameOf(field), bytes: new Uint8Array(bytes) };
  });
}

/** Bytes in which a text is no UTF-8. */
export function brokenTexts(message: DescMessage): { field: string; bytes: Uint8Array }[] {
  return message.fields.filter(isText).map((field) => ({
    field: nameOf(field),
    bytes: new Uint8Array([...varint((field.number << 3) | 2), 2, 0xc3, 0x28]),
  }));
}

function isScalar(field: DescField): boolean {
  return field.scalar !== undefined;
}

function isText(field: DescField): boolean {
  return field.scalar === ScalarType.STRING;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

/** The message of a field of ours; well-known ones are values. */
function innerMessage(field: DescField): DescMessage | undefined {
  const isOwn = field.message?.typeName.startsWith('bourse.') === true;
  return isOwn ? field.message : undefined;
}

function beyondOf(field: DescField): Beyond[] | undefined {
  const beyond = field.fieldKind === 'list' ? beyondList(field) : beyondSingle(field);
  if (beyond === undefined) return undefined;
  const isRequired = REQUIRED.test(commentOf(nameOf(field)));
  // In a oneof leaving it out is leaving out the choice.
  if (isRequired && field.oneof === undefined) {
    beyond.push({ what: 'left out', value: undefined, reasons: ['FIELD_REQUIRED'] });
  }
  return beyond;
}

function beyondList(field: DescField): Beyond[] | undefined {
  const tooMany = { what: 'too many', reasons: ['TOO_MANY_ITEMS'] };
  if (innerMessage(field) !== undefined) return [{ ...tooMany, value: 'one too many' }];
  if (field.enum !== undefined) {
    return [99, 0].map((one) => {
      const reasons = one === 0 ? ['FIELD_REQUIRED', 'ENUM_VALUE_UNKNOWN'] : ['ENUM_VALUE_UNKNOWN'];
      return { what: `${one} in the list`, value: [one], reasons };
    });
  }
  if (field.name === 'slots') {
    const many = Array.from({ length: SLOT_COUNT + 1 }, (_, i) => i % SLOT_COUNT);
    const reasons = ['NUMBER_OUT_OF_RANGE'];
    return [
      { ...tooMany, value: many },
      { what: `slot ${SLOT_COUNT}`, value: [SLOT_COUNT], reasons },
    ];
  }
  if (!/_ids$/.test(field.name)) return undefined;
  const ids = Array.from({ length: MOST_ITEMS + 1 }, (_, i) => `id-${i}`);
  return [
    { ...tooMany, value: ids },
    { what: 'an empty id', value: [''], reasons: ['FIELD_REQUIRED'] },
    ...noIds().map((one) => ({ ...one, value: [one.value] })),
  ];
}

function beyondSingle(field: DescField): Beyond[] | undefined {
  if (field.message?.typeName === 'google.protobuf.Timestamp') return noTimes();
  if (field.message?.typeName === 'google.protobuf.Duration') return noDurations();
  if (innerMessage(field) !== undefined) return [];
  if (field.enum !== undefined) {
    const reasons = ['ENUM_VALUE_UNKNOWN'];
    return [99, -1].map((value) => ({ what: `${value}`, value, reasons }));
  }
  if (field.scalar === ScalarType.BOOL) return []; // both values are good
  return isText(field) ? beyondText(field) : beyondNumber(field);
}

function beyondText({ name }: DescField): Beyond[] | undefined {
  if (name.endsWith('_id')) return noIds();
  if (name.endsWith('_token')) {
    const reasons = [`${name.toUpperCase()}_INVALID`];
    const texts = ['x', '!', 'AAAA', 'x'.repeat(5_000)];
    return texts.map((value) => ({ what: value.slice(0, 9), value, reasons }));
  }
  if (DECIMAL.test(name)) return noDecimals(name);
  if (name === 'date') {
    const dates = ['x', '2026-02-30', '2026-13-01', '26-01-01', '2026-1-1', '2026-01-01T00:00'];
    return dates.map((value) => ({
      what: value,
      value,
      reasons: ['TIME_INVALID', 'TEXT_INVALID'],
    }));
  }
  if (!TEXT.test(name)) return undefined;
  return [`${'x'.repeat(257)}`, 'a\nb', 'a\u0000'].map((value) => {
    return { what: JSON.stringify(value).slice(0, 9), value, reasons: ['TEXT_INVALID'] };
  });
}

function beyondNumber({ name, scalar }: DescField): Beyond[] | undefined {
  const numbers = (reasons: string[], ...values: (number | bigint)[]): Beyond[] =>
    values.map((value) => ({ what: String(value), value, reasons }));
  const isOut = ['NUMBER_OUT_OF_RANGE'];
  if (name === 'page_size') return numbers(isOut, -1, MOST_ITEMS + 1, 2 ** 31 - 1);
  if (name === 'minimum_sequence') return numbers(['SEQUENCE_NOT_REACHED'], UINT64_MAX);
  if (name === 'expected_version') {
    return [...numbers(isOut, 0n), ...numbers(['VERSION_MISMATCH'], UINT64_MAX)];
  }
  if (scalar === ScalarType.INT32) return numbers(isOut, -1, 2 ** 31 - 1);
  return scalar === ScalarType.UINT32 ? numbers(isOut, 2 ** 32 - 1) : undefined;
}

function noIds(): Beyond[] {
  return [LONG, 'a b', 'a/b', 'ä', 'a\u0000', 'a\n'].map((value) => {
    return { what: JSON.stringify(value).slice(0, 9), value, reasons: ['ID_INVALID'] };
  });
}

function noTimes(): Beyond[] {
  const times = [
    { seconds: -1n, nanos: 0 },
    { seconds: 253_402_300_800n, nanos: 0 },
    { seconds: 1_800_000_000n, nanos: 1_000_000_000 },
    { seconds: 1_800_000_000n, nanos: -1 },
  ];
  return times.map((value) => {
    return { what: `${value.seconds} s ${value.nanos} ns`, value, reasons: ['TIME_INVALID'] };
  });
}

function noDurations(): Beyond[] {
  const durations = [
    { seconds: -1n, nanos: 0 },
    { seconds: 315_576_000_000n, nanos: 0 },
    { seconds: 60n, nanos: 1_000_000_000 },
    { seconds: 60n, nanos: -1 },
  ];
  const reasons = ['NUMBER_OUT_OF_RANGE', 'TIME_INVALID'];
  return durations.map((value) => ({
    what: `${value.seconds} s ${value.nanos} ns`,
    value,
    reasons,
  }));
}

function noDecimals(name: string): Beyond[] {
  const isFee = name.endsWith('_bps');
  const out = isFee ? ['1000.01', '-1000.01'] : ['-1', '9'.repeat(40)];
  // A unit has no bound but what it makes of the largest order.
  const isOut = ['DECIMAL_OUT_OF_RANGE', ...(name.endsWith('_unit') ? ['AMOUNT_TOO_LARGE'] : [])];
  return [
    ...NO_DECIMALS.map((value) => ({ what: value, value, reasons: ['DECIMAL_INVALID'] })),
    ...out.map((value) => ({ what: value, value, reasons: isOut })),
    { what: TOO_FINE, value: TOO_FINE, reasons: OFF_GRID },
  ];
}

/** The message inside a field, when the good request has it. */
function stepInto(at: ReflectMessage, field: DescField): ReflectMessage | undefined {
  if (field.fieldKind === 'list') return at.get(field).get(0) as ReflectMessage | undefined;
  if (field.fieldKind !== 'message' || !isFieldSet(at.message, field)) return undefined;
  return at.get(field);
}

function reach(schema: DescMessage, request: Message, path: readonly DescField[]): ReflectMessage {
  let at = reflect(schema, request);
  for (const field of path) at = stepInto(at, field) as ReflectMessage;
  return at;
}

function put(at: ReflectMessage, field: DescField, value: unknown): void {
  if (value === undefined) at.clear(field);
  else if (field.fieldKind === 'list') {
    const list = at.get(field);
    const items =
      value === 'one too many' ? Array(MOST_ITEMS + 1).fill(list.get(0)) : (value as unknown[]);
    list.clear();
    for (const item of items) list.add(item);
  } else if (field.fieldKind === 'message') {
    at.set(field, reflect(field.message, create(field.message, value as never)));
  } else {
    at.set(field, value);
  }
}
