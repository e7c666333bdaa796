// The contracts as the descriptor set has them, each element with its comment, for tests that read
// them as a reviewer would.

import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
  MethodDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { FieldDescriptorProto_Label, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const DESCRIPTORS = new URL('../../gen/bourse.binpb', import.meta.url);

// Field numbers in descriptor.proto, of which the paths of source locations are made.
const PATH = {
  message: 4,
  enum: 5,
  service: 6,
  extension: 7,
  field: 2,
  nestedMessage: 3,
  nestedEnum: 4,
  oneof: 8,
  value: 2,
  method: 2,
} as const;

export type ElementKind =
  | 'message'
  | 'field'
  | 'oneof'
  | 'enum'
  | 'value'
  | 'service'
  | 'method'
  | 'extension';

/** One element of the contracts. */
export type Element = {
  readonly kind: ElementKind;
  /** Full name, such as `bourse.order.v1.OrderService.PlaceOrder`. */
  readonly name: string;
  readonly file: string;
  readonly package: string;
  /** Its comment in one line; empty when it has none. */
  readonly comment: string;
  readonly field?: FieldDescriptorProto;
  readonly method?: MethodDescriptorProto;
};

/** Every file of the contracts, the foreign ones and descriptor.proto's family included. */
export function loadFiles(): readonly FileDescriptorProto[] {
  return fromBinary(FileDescriptorSetSchema, readFileSync(DESCRIPTORS)).file;
}

/** Every element of our own files. */
export function loadElements(): readonly Element[] {
  return loadFiles()
    .filter((file) => file.package.startsWith('bourse.'))
    .flatMap((file) => elementsOf(file));
}

/** True for a field that is a list (or a map). */
export function isRepeated(field: FieldDescriptorProto | undefined): boolean {
  return field?.label === FieldDescriptorProto_Label.REPEATED;
}

function elementsOf(file: FileDescriptorProto): Element[] {
  const elements: Element[] = [];
  const comments = new Map(
    (file.sourceCodeInfo?.location ?? []).map(({ path, leadingComments }) => [
      path.join('.'),
      leadingComments.replaceAll(/\s+/g, ' ').trim(),
    ]),
  );
  const add = (
    kind: ElementKind,
    name: string,
    path: readonly number[],
    more: Pick<Element, 'field' | 'method'> = {},
  ): void => {
    const comment = comments.get(path.join('.')) ?? '';
    elements.push({ kind, name, file: file.name, package: file.package, comment, ...more });
  };
  const addEnum = (type: EnumDescriptorProto, scope: string, path: readonly number[]): void => {
    add('enum', `${scope}.${type.name}`, path);
    for (const [index, value] of type.value.entries()) {
      add('value', `${scope}.${value.name}`, [...path, PATH.value, index]);
    }
  };
  const addMessage = (type: DescriptorProto, scope: string, path: readonly number[]): void => {
    if (type.options?.mapEntry) return;
    const name = `${scope}.${type.name}`;
    add('message', name, path);
    for (const [index, field] of type.field.entries()) {
      add('field', `${name}.${field.name}`, [...path, PATH.field, index], { field });
    }
    for (const [index, oneof] of type.oneofDecl.entries()) {
      const isOptional = type.field.some((f) => f.proto3Optional && f.oneofIndex === index);
      if (!isOptional) add('oneof', `${name}.${oneof.name}`, [...path, PATH.oneof, index]);
    }
    for (const [index, nested] of type.nestedType.entries()) {
      addMessage(nested, name, [...path, PATH.nestedMessage, index]);
    }
    for (const [index, nested] of type.enumType.entries()) {
      addEnum(nested, name, [...path, PATH.nestedEnum, index]);
    }
  };
  for (const [index, type] of file.messageType.entries()) {
    addMessage(type, file.package, [PATH.message, index]);
  }
  for (const [index, type] of file.enumType.entries()) {
    addEnum(type, file.package, [PATH.enum, index]);
  }
  for (const [index, service] of file.service.entries()) {
    const name = `${file.package}.${service.name}`;
    add('service', name, [PATH.service, index]);
    for (const [place, method] of service.method.entries()) {
      const path = [PATH.service, index, PATH.method, place];
      add('method', `${name}.${method.name}`, path, { method });
    }
  }
  for (const [index, extension] of file.extension.entries()) {
    add('extension', `${file.package}.${extension.name}`, [PATH.extension, index]);
  }
  return elements;
}
