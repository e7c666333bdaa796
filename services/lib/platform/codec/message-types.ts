// What the makers of fast readers and writers of messages have in common: which types they take,
// and how the source of their functions becomes functions.

import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';

/** Thrown where a value or its bytes are left to the generated schema's own code. */
export class MessageUnusual extends Error {}

const PROTO3 = 999;

/** Scalars that are read and written here, by the names of the methods that do it. */
const SCALARS: Readonly<Partial<Record<ScalarType, string>>> = {
  [ScalarType.STRING]: 'string',
  [ScalarType.BYTES]: 'bytesValue',
  [ScalarType.BOOL]: 'bool',
  [ScalarType.INT32]: 'int32',
  [ScalarType.UINT32]: 'uint32',
  [ScalarType.SINT32]: 'sint32',
  // Negative ones are rare, and left to the generated code.
  [ScalarType.INT64]: 'uint64',
  [ScalarType.UINT64]: 'uint64',
  [ScalarType.SINT64]: 'sint64',
  [ScalarType.FIXED64]: 'fixed64',
};

/** Name of the method for the values of a field that holds no messages. */
export function scalarName(field: DescField): string {
  const { scalar } = field;
  if (scalar === undefined) return 'int32'; // an enum
  return SCALARS[scalar] ?? '';
}

/** How a field's values are written: 0 as a number, 1 in eight bytes, 2 behind their length. */
export function wireTypeOf(field: DescField): number {
  if (field.message !== undefined) return 2;
  const scalar = scalarName(field);
  if (scalar === 'fixed64') return 1;
  return scalar === 'string' || scalar === 'bytesValue' ? 2 : 0;
}

/** Source of what a field that holds no messages has when nothing is said. */
export function zeroSource(field: DescField): string {
  if (field.fieldKind === 'enum') return '0';
  switch (scalarName(field)) {
    case 'string':
      return "''";
    case 'bytesValue':
      return 'new Uint8Array(0)';
    case 'bool':
      return 'false';
    case 'uint64':
    case 'sint64':
    case 'fixed64':
      return '0n';
    default:
      return '0';
  }
}

export const tagOf = (number: number, wireType: number): number => number * 8 + wireType;

/** Types whose fields have another form in memory than their descriptors say. */
const SPECIAL = /^google\.protobuf\.(?!Timestamp$|Duration$|Any$)/;
const NAME = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/** The type and all that it holds; undefined when one of them is not taken, or it holds itself. */
function typesWithin(message: DescMessage): readonly DescMessage[] | undefined {
  const found = new Set<DescMessage>();
  const around = new Set<DescMessage>();
  const isTaken = (type: DescMessage): boolean => {
    if (found.has(type)) return true;
    if (around.has(type) || SPECIAL.test(type.typeName)) return false;
    if (type.file.edition !== PROTO3) return false;
    around.add(type);
    const isFit = type.fields.every((field) => {
      if (!NAME.test(field.localName)) return false;
      if (field.fieldKind === 'map' && field.mapKey !== ScalarType.STRING) return false;
      if (field.message !== undefined) return isTaken(field.message);
      const { longAsString } = field as { longAsString?: boolean };
      return longAsString !== true && scalarName(field) !== '';
    });
    around.delete(type);
    if (isFit) found.add(type);
    return isFit;
  };
  return isTaken(message) ? [...found] : undefined;
}

/**
 * Makes the function of a type out of the sources of the functions of all types within.
 *
 * @param sourceOf source of a type's function, which calls those of others by their names
 * @returns undefined when the type is left to the generated code
 */
export function compileTypes<F>(
  message: DescMessage,
  sourceOf: (type: DescMessage, nameOf: (inner: DescMessage) => string) => string,
): F | undefined {
  const types = typesWithin(message);
  if (types === undefined) return undefined;
  const names = new Map(types.map((type, index) => [type, `${type.name}_${index}`]));
  const nameOf = (type: DescMessage): string => names.get(type) as string;
  const source = types.map((type) => sourceOf(type, nameOf)).join('\n');
  // The text is made of descriptors that are part of this program, never of what somebody sent.
  return new Function('Unusual', `'use strict';\n${source}\nreturn ${nameOf(message)};`)(
    MessageUnusual,
  ) as F;
}
