// A reader of execution reports who does not read: it is cut off with the token to go on from, and
// has missed nothing when it does.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ExecutionReport } from '../../../gen/bourse/order/v1/order_pb.ts';
import {
  StreamExecutionReportsRequestSchema,
  type StreamExecutionReportsResponse,
  StreamExecutionReportsResponseSchema,
} from '../../../gen/bourse/order/v1/service_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import {
  parseStatusDetails,
  STATUS_DETAILS_KEY,
} from '../../../services/lib/platform/errors/status-details.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { openSubmitStream } from '../../support/submit-stream.ts';
import { createAccount, createMarket, limit } from '../../support/trading.ts';

const ORDERS = 8_000;
const BATCH = 1_000;

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh();
}, 150_000);
afterAll(async () => {
  await mesh?.stop();
}, 30_000);

/** A stream below the mesh's own client, which would take in whatever comes. */
function read(accountId: string, resumeToken = '') {
  const client = new Client(mesh.addressOf('order'), credentials.createInsecure());
  const call = client.makeServerStreamRequest(
    '/bourse.order.v1.OrderService/StreamExecutionReports',
    (request: Uint8Array) => Buffer.from(request),
    (bytes: Buffer) => fromBinary(StreamExecutionReportsResponseSchema, bytes),
    toBinary(
      StreamExecutionReportsRequestSchema,
      create(StreamExecutionReportsRequestSchema, { accountId, resumeToken }),
    ),
  );
  const messages: AsyncIterator<StreamExecutionReportsResponse> = call[Symbol.asyncIterator]();
  return {
    messages,
    stop() {
      call.on('error', () => {});
      call.cancel();
      client.close();
    },
  };
}

/** Takes reports until there are as many as wanted, or the stream fails. */
async function take(
  messages: AsyncIterator<StreamExecutionReportsResponse>,
  reports: ExecutionReport[],
  wanted: number,
): Promise<unknown> {
  try {
    while (reports.length < wanted) {
      const { done, value } = await messages.next();
      if (done === true) return undefined;
      if (value.message.case === 'report') reports.push(value.message.value);
    }
    return undefined;
  } catch (error) {
    const { code, details, metadata } = error as ServiceError;
    const [bytes] = metadata.get(STATUS_DETAILS_KEY);
    return parseStatusDetails(code as number, details, bytes as Buffer);
  }
}

test('CON-3 who reads too slowly is cut off with a token, and misses nothing', async () => {
  const at = await createMarket(mesh, { maximumOpenOrders: 2 * ORDERS });
  const alice = await createAccount(mesh, { [at.quoteAssetId]: '100000000' });
  const reader = read(alice);
  await reader.messages.next(); // it has begun, and now reads no further
  const stream = openSubmitStream(mesh);
  for (let count = 0; count < ORDERS; count += BATCH) {
    const items = Array.from({ length: BATCH }, () => ({
      request: { case: 'placeOrder' as const, value: limit(at, alice, 'buy 1 at 100') },
    }));
    await stream.submit(items);
  }
  await stream.close();
  await new Promise((resolve) => setTimeout(resolve, 8_000)); // longer than a reader may stay away

  const reports: ExecutionReport[] = [];
  const failure = await take(reader.messages, reports, ORDERS);

  expect(failure).toBeInstanceOf(OperatingError);
  expect((failure as OperatingError).reason).toBe('SUBSCRIBER_TOO_SLOW');
  expect(reports.length).toBeLessThan(ORDERS);
  const again = read(alice, (failure as OperatingError).metadata['resume_token']);
  expect(await take(again.messages, reports, ORDERS)).toBeUndefined();
  again.stop();
  for (const [index, { previousSequence }] of reports.entries()) {
    expect(previousSequence).toBe(index === 0 ? 0n : reports[index - 1]?.sequence);
  }
}, 180_000);
