// grpc.reflection v1 and v1alpha: what grpcurl and buf curl ask. Files are sent as buf built them,
// with comments and options intact.

import { toBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
} from '@bufbuild/protobuf/wkt';
import { Status } from 'nice-grpc-common';
import { ServerReflection } from '../../../../gen/grpc/reflection/v1/reflection_pb.ts';
import * as alpha from '../../../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import type { AnyService } from './definition.ts';
import type { Handlers } from './service-handlers.ts';

/** Adds both versions to `services` by `add`; the list may grow until the server listens. */
export function addReflection(
  services: readonly AnyService[],
  descriptors: FileDescriptorSet,
  add: <S extends AnyService>(service: S, handlers: Handlers<S>) => void,
): void {
  const index = new DescriptorIndex(descriptors);
  const answer = (request: Question) => answerQuestion(request, index, services);
  add(ServerReflection, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) yield reply(request, answer(request));
    },
  });
  add(alpha.ServerReflection, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) yield reply(request, answer(request));
    },
  });
}

type Question = {
  readonly host: string;
  readonly messageRequest:
    | { readonly case: 'fileByFilename'; readonly value: string }
    | { readonly case: 'fileContainingSymbol'; readonly value: string }
    | {
        readonly case: 'fileContainingExtension';
        readonly value: { readonly containingType: string; readonly extensionNumber: number };
      }
    | { readonly case: 'allExtensionNumbersOfType'; readonly value: string }
    | { readonly case: 'listServices'; readonly value: string }
    | { readonly case: undefined; readonly value?: undefined };
};

type Answer =
  | { case: 'fileDescriptorResponse'; value: { fileDescriptorProto: Uint8Array[] } }
  | {
      case: 'allExtensionNumbersResponse';
      value: { baseTypeName: string; extensionNumber: number[] };
    }
  | { case: 'listServicesResponse'; value: { service: { name: string }[] } }
  | { case: 'errorResponse'; value: { errorCode: number; errorMessage: string } };

function reply(request: Question, messageResponse: Answer) {
  return { validHost: request.host, originalRequest: request as never, messageResponse };
}

function answerQuestion(
  { messageRequest: asked }: Question,
  index: DescriptorIndex,
  services: readonly AnyService[],
): Answer {
  switch (asked.case) {
    case 'listServices': {
      const names = services.map(
        (service) => (service as unknown as { typeName: string }).typeName,
      );
      const service = names.sort((a, b) => (a < b ? -1 : 1)).map((name) => ({ name }));
      return { case: 'listServicesResponse', value: { service } };
    }
    case 'fileByFilename':
      return fileAnswer(index.withImports(asked.value), asked.value);
    case 'fileContainingSymbol':
      return fileAnswer(index.withImports(index.fileOfSymbol(asked.value)), asked.value);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = asked.value;
      const file = index.fileOfExtension(containingType, extensionNumber);
      return fileAnswer(index.withImports(file), `${containingType}[${extensionNumber}]`);
    }
    case 'allExtensionNumbersOfType': {
      const extensionNumber = index.extensionNumbers(asked.value);
      if (extensionNumber === undefined) return notFound(asked.value);
      const value = { baseTypeName: asked.value, extensionNumber };
      return { case: 'allExtensionNumbersResponse', value };
    }
    default:
      return {
        case: 'errorResponse',
        value: { errorCode: Status.INVALID_ARGUMENT, errorMessage: 'the request asks nothing' },
      };
  }
}

function fileAnswer(fileDescriptorProto: Uint8Array[] | undefined, asked: string): Answer {
  if (fileDescriptorProto === undefined) return notFound(asked);
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}

function notFound(asked: string): Answer {
  const errorMessage = `not found: ${asked.slice(0, 200)}`;
  return { case: 'errorResponse', value: { errorCode: Status.NOT_FOUND, errorMessage } };
}

type IndexedFile = { readonly proto: FileDescriptorProto; readonly bytes: Uint8Array };

/** Where every symbol and extension of a descriptor set is declared. */
class DescriptorIndex {
  readonly #files = new Map<string, IndexedFile>();
  readonly #symbols = new Map<string, string>();
  readonly #extensions = new Map<string, Map<number, string>>();

  constructor(descriptors: FileDescriptorSet) {
    for (const proto of descriptors.file) {
      this.#files.set(proto.name, { proto, bytes: toBinary(FileDescriptorProtoSchema, proto) });
      this.#addFile(proto);
    }
  }

  fileOfSymbol(name: string): string | undefined {
    return this.#symbols.get(name.startsWith('.') ? name.slice(1) : name);
  }

  fileOfExtension(type: string, number: number): string | undefined {
    return this.#extensions.get(type)?.get(number);
  }

  /** undefined: no such message type. */
  extensionNumbers(type: string): number[] | undefined {
    if (!this.#symbols.has(type)) return undefined;
    return [...(this.#extensions.get(type)?.keys() ?? [])].sort((a, b) => a - b);
  }

  /** The file and all it imports, the file first; undefined when it is unknown. */
  withImports(name: string | undefined): Uint8Array[] | undefined {
    const first = name === undefined ? undefined : this.#files.get(name);
    if (first === undefined) return undefined;
    const found = new Set<IndexedFile>([first]);
    for (const { proto } of found) {
      for (const dependency of proto.dependency) {
        const file = this.#files.get(dependency);
        if (file !== undefined) found.add(file); // a Set is walked to its growing end
      }
    }
    return [...found].map((file) => file.bytes);
  }

  #addFile(file: FileDescriptorProto): void {
    const { name, package: scope } = file;
    const within = (child: string) => (scope === '' ? child : `${scope}.${child}`);
    for (const message of file.messageType) this.#addMessage(message, within(message.name), name);
    for (const { name: child, value } of file.enumType) {
      this.#symbols.set(within(child), name);
      for (const one of value) this.#symbols.set(within(one.name), name);
    }
    for (const service of file.service) {
      this.#symbols.set(within(service.name), name);
      for (const method of service.method) {
        this.#symbols.set(`${within(service.name)}.${method.name}`, name);
      }
    }
    this.#addExtensions(file.extension, scope, name);
  }

  #addMessage(message: DescriptorProto, fullName: string, file: string): void {
    this.#symbols.set(fullName, file);
    for (const field of message.field) this.#symbols.set(`${fullName}.${field.name}`, file);
    for (const oneof of message.oneofDecl) this.#symbols.set(`${fullName}.${oneof.name}`, file);
    for (const child of message.nestedType)
      this.#addMessage(child, `${fullName}.${child.name}`, file);
    for (const { name, value } of message.enumType) {
      this.#symbols.set(`${fullName}.${name}`, file);
      for (const one of value) this.#symbols.set(`${fullName}.${one.name}`, file);
    }
    this.#addExtensions(message.extension, fullName, file);
  }

  #addExtensions(extensions: DescriptorProto['extension'], scope: string, file: string): void {
    for (const { name, extendee, number } of extensions) {
      this.#symbols.set(scope === '' ? name : `${scope}.${name}`, file);
      const type = extendee.replace(/^\./, '');
      const numbers = this.#extensions.get(type) ?? new Map<number, string>();
      numbers.set(number, file);
      this.#extensions.set(type, numbers);
    }
  }
}
