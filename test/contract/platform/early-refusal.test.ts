// Calls that are refused before they are read (LOG-10): what a caller sees of it, and what does not
// stay behind.

import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { afterEach, expect, test } from '@jest/globals';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { startServer } from './server-under-test.ts';

const PATH = '/bourse.order.v1.OrderService/PlaceOrder';
const END_STREAM = 1;
const CALLS = 200;
/** On a busy machine, too. */
const CALL_MS = 20_000;
const DRAIN_MS = 5_000;

const started: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of started.splice(0).reverse()) await one.close();
});

/** A server that refuses placements, and counts those that a handler gets all the same. */
async function serveRefusing() {
  const served = { placements: 0 };
  const running = await startServer(OrderService, {
    placeOrder: async () => {
      served.placements += 1;
      return {};
    },
    getOrder: async () => ({}),
  });
  started.push(running);
  const options = { metadata: { queue: 'open-flows' }, retryDelayMs: 150 };
  const refusal = new OperatingError('SHARD_OVERLOADED', 'Too many orders.', options);
  running.server.guardBy((path) => (path === PATH ? refusal : undefined));
  return { ...running, served, client: createRpcClient(OrderService, running.channel) };
}

test('LOG-10 an early refusal has its reason, its hint and a line in the log; no handler runs', async () => {
  const { client, served, logLines } = await serveRefusing();
  const failure = await client.placeOrder({ accountId: 'alice' }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(OperatingError);
  expect(failure).toMatchObject({
    reason: 'SHARD_OVERLOADED',
    message: 'Too many orders.',
    metadata: { queue: 'open-flows' },
    retryDelayMs: 150,
    retryAdvice: 'safe',
  });
  expect(served.placements).toBe(0);
  const line = logLines.find(({ reason }) => reason === 'SHARD_OVERLOADED');
  expect(line).toMatchObject({ method: PATH.slice(1), code: 'RESOURCE_EXHAUSTED' });
});

test("LOG-10 gRPC's own retries are told how long to wait", async () => {
  const { address } = await serveRefusing();
  const session = connect(`http://${address}`);
  started.push(session);
  const headers = { ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc' };
  const stream = session.request({ ...headers, te: 'trailers' });
  stream.end();
  const [reply, flags] = (await once(stream, 'response')) as [IncomingHttpHeaders, number];
  expect(flags & END_STREAM).toBe(END_STREAM);
  expect(reply).toMatchObject({
    'grpc-status': '8',
    'grpc-message': 'Too%20many%20orders.',
    'grpc-retry-pushback-ms': '150',
  });
});

test('LOG-10 two servers of one process have their guards to themselves', async () => {
  const [refusing, serving] = await Promise.all([
    serveRefusing(),
    startServer(OrderService, { placeOrder: async () => ({}) }),
  ]);
  started.push(serving);
  const client = createRpcClient(OrderService, serving.channel);
  await client.placeOrder({ accountId: 'alice' });
  await expect(refusing.client.placeOrder({ accountId: 'alice' })).rejects.toThrow('Too many');
});

test('LOG-10 other methods are served, and refused ones again as soon as they may be', async () => {
  const { client, server, served } = await serveRefusing();
  expect(await client.getOrder({})).toBeDefined();
  server.guardBy(() => undefined);
  await client.placeOrder({ accountId: 'alice' });
  expect(served.placements).toBe(1);
});

test('LOG-10 nothing stays open behind many refusals of large requests', async () => {
  const { client, server } = await serveRefusing();
  const request = { accountId: 'a'.repeat(30_000) };
  const failures = await Promise.allSettled(
    Array.from({ length: CALLS }, () => client.placeOrder(request, { timeoutMs: CALL_MS })),
  );
  const reasons = failures.map((one) => (one.status === 'rejected' ? one.reason.reason : 'served'));
  expect(new Set(reasons)).toEqual(new Set(['SHARD_OVERLOADED']));
  expect(await server.drain(DRAIN_MS)).toBe(true);
});
