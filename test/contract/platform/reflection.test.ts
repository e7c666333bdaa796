// grpc.reflection v1 and v1alpha as grpcurl and buf curl ask them.

import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Status } from 'nice-grpc-common';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { error_traits } from '../../../gen/bourse/type/v1/error_pb.ts';
import { ServerReflection } from '../../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as Alpha } from '../../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { type ServerUnderTest, startServer } from './server-under-test.ts';

let running: ServerUnderTest;
beforeAll(async () => {
  running = await startServer(OrderService);
});
afterAll(() => running.close());

type Question = { messageRequest: { case: string; value: unknown } };

/** Asks one question and answers what is inside the reply. */
async function askOnce(version: 'v1' | 'v1alpha', request: Question) {
  const service = version === 'v1' ? ServerReflection : (Alpha as never as typeof ServerReflection);
  const client = createRpcClient(service, running.channel);
  async function* questions() {
    yield request as never;
  }
  for await (const reply of client.serverReflectionInfo(questions())) return reply.messageResponse;
  throw new Error('no reply');
}

async function files(version: 'v1' | 'v1alpha', request: Question) {
  const answer = await askOnce(version, request);
  if (answer.case !== 'fileDescriptorResponse') throw new Error(`answered ${answer.case}`);
  return answer.value.fileDescriptorProto.map((bytes) =>
    fromBinary(FileDescriptorProtoSchema, bytes),
  );
}

const symbol = (value: string) => ({ messageRequest: { case: 'fileContainingSymbol', value } });

describe.each(['v1', 'v1alpha'] as const)('reflection %s', (version) => {
  test('lists the services, health and reflection among them', async () => {
    const answer = await askOnce(version, {
      messageRequest: { case: 'listServices', value: '*' },
    });
    expect(answer.case).toBe('listServicesResponse');
    expect(
      (answer.value as { service: { name: string }[] }).service.map((one) => one.name),
    ).toEqual([
      'bourse.order.v1.OrderService',
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
    ]);
  });

  test.each([
    'bourse.order.v1.OrderService',
    'bourse.order.v1.OrderService.PlaceOrder',
    'bourse.order.v1.PlaceOrderRequest',
    'bourse.order.v1.PlaceOrderRequest.side',
    'bourse.type.v1.ErrorReason',
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'google.rpc.ErrorInfo',
    'google.protobuf.Timestamp',
  ])('describes %s with all that its file imports', async (name) => {
    const found = await files(version, symbol(name));
    const names = new Set(found.map((file) => file.name));
    for (const file of found) for (const needed of file.dependency) expect(names).toContain(needed);
    expect(name.startsWith(found[0]?.package ?? '?')).toBe(true);
  });

  test('keeps comments', async () => {
    const [file] = await files(version, symbol('bourse.order.v1.OrderService'));
    const comments = file?.sourceCodeInfo?.location.map((one) => one.leadingComments).join('');
    expect(comments?.length).toBeGreaterThan(500);
  });

  test('keeps options', async () => {
    const found = await files(version, symbol('bourse.type.v1.ErrorReason'));
    const file = found.find((one) => one.name === 'bourse/type/v1/error.proto');
    const reasons = file?.enumType.find((one) => one.name === 'ErrorReason');
    const options = reasons?.value.find((one) => one.number === 1)?.options;
    expect(options?.$unknown?.map((field) => field.no)).toEqual([error_traits.number]);
  });

  test('finds files by name and extensions by number', async () => {
    const byName = { case: 'fileByFilename', value: 'grpc/health/v1/health.proto' };
    expect((await files(version, { messageRequest: byName }))[0]?.package).toBe('grpc.health.v1');
    const containingType = 'google.protobuf.EnumValueOptions';
    const value = { containingType, extensionNumber: error_traits.number };
    const extension = { case: 'fileContainingExtension', value };
    const found = await files(version, { messageRequest: extension });
    expect(found[0]?.name).toBe('bourse/type/v1/error.proto');
    const all = await askOnce(version, {
      messageRequest: { case: 'allExtensionNumbersOfType', value: containingType },
    });
    expect(all.value).toMatchObject({ extensionNumber: [error_traits.number] });
  });

  test('answers NOT_FOUND for what does not exist and goes on', async () => {
    const answer = await askOnce(version, symbol('bourse.order.v1.Nothing'));
    expect(answer).toMatchObject({
      case: 'errorResponse',
      value: { errorCode: Status.NOT_FOUND },
    });
  });
});
