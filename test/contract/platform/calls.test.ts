// Calls through the real stack: errors, limits, deadlines and the trace id of every reply.

import { connect } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import { Client, credentials, Metadata as GrpcMetadata, type ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Metadata } from 'nice-grpc';
import { ServerError, Status } from 'nice-grpc-common';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { createRpcChannel, waitForReady } from '../../../services/lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { startTelemetry } from '../../../services/lib/platform/telemetry/telemetry.ts';
import { freePort } from '../../support/ports.ts';
import { waitUntil } from '../../support/wait.ts';
import { startServer } from './server-under-test.ts';

const started: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of started.splice(0).reverse()) await one.close();
});

async function serve(handlers: Parameters<typeof startServer<typeof OrderService>>[1]) {
  const running = await startServer(OrderService, handlers);
  started.push(running);
  return { ...running, client: createRpcClient(OrderService, running.channel) };
}

const caught = (call: Promise<unknown>) =>
  call.then(
    () => {
      throw new Error('the call should have failed');
    },
    (error: OperatingError) => error,
  );

describe('an error', () => {
  test('thrown by a handler is the same error at the client', async () => {
    const { client } = await serve({
      getOrder: async () => {
        throw new OperatingError('ORDER_UNKNOWN', 'There is no such order – für niemanden.', {
          metadata: { beyond: 'window' },
          retryDelayMs: 40,
        });
      },
    });
    const error = await caught(client.getOrder({}));
    expect(error).toBeInstanceOf(OperatingError);
    expect(error).toMatchObject({
      reason: 'ORDER_UNKNOWN',
      code: Status.NOT_FOUND,
      message: 'There is no such order – für niemanden.',
      metadata: { beyond: 'window' },
      retryDelayMs: 40,
    });
  });

  test('nobody foresaw is INTERNAL, keeps its cause to the log and leaves the server up', async () => {
    const { client, logLines } = await serve({
      getOrder: async () => {
        throw new TypeError('the secret is 42');
      },
      listOrders: async () => ({ orders: [] }),
    });
    const error = await caught(client.getOrder({}));
    expect(error).toMatchObject({ reason: 'INTERNAL', code: Status.INTERNAL });
    expect(error.message).not.toContain('42');
    expect(error.isOutcomeUnknown).toBe(true);
    const line = logLines.find((one) => one['level'] === 'error');
    expect(JSON.stringify(line)).toContain('the secret is 42');
    expect(await client.listOrders({})).toMatchObject({ orders: [] });
  });

  test('of a server further down, left open, is OUTCOME_UNKNOWN for the caller', async () => {
    const { client } = await serve({
      placeOrder: async () => {
        throw new OperatingError({ code: Status.UNAVAILABLE }, 'connection dropped');
      },
    });
    expect(await caught(client.placeOrder({}))).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
  });

  test('in the middle of a stream ends the stream with its reason', async () => {
    const { client } = await serve({
      async *streamExecutionReports() {
        yield { resumeToken: 'one' };
        throw new OperatingError('SUBSCRIBER_TOO_SLOW', 'Read faster.', {
          metadata: { resume_token: 'one' },
        });
      },
    });
    const tokens: string[] = [];
    const read = async () => {
      for await (const { resumeToken } of client.streamExecutionReports({})) {
        tokens.push(resumeToken);
      }
    };
    expect(await caught(read())).toMatchObject({
      reason: 'SUBSCRIBER_TOO_SLOW',
      metadata: { resume_token: 'one' },
    });
    expect(tokens).toEqual(['one']);
  });

  test('with half a character in its message still arrives', async () => {
    const { client } = await serve({
      getOrder: async () => {
        throw new OperatingError('ID_INVALID', 'cut in the middle: \ud83d');
      },
    });
    expect(await caught(client.getOrder({}))).toMatchObject({ reason: 'ID_INVALID' });
  });

  test('of plain gRPC keeps its code', async () => {
    const { client } = await serve({
      getOrder: async () => {
        throw new ServerError(Status.NOT_FOUND, 'no');
      },
    });
    expect(await caught(client.getOrder({}))).toMatchObject({
      code: Status.NOT_FOUND,
      reason: undefined,
    });
  });
});

/** Sends bytes as they are, as a hostile or broken client would. */
function sendRaw(address: string, method: string, bytes: Buffer) {
  const client = new Client(address, credentials.createInsecure());
  const path = `/bourse.order.v1.OrderService/${method}`;
  const same = (buffer: Buffer) => buffer;
  return new Promise<ServiceError | null>((resolve) => {
    const deadline = Date.now() + 5_000;
    client.makeUnaryRequest(path, same, same, bytes, new GrpcMetadata(), { deadline }, (error) => {
      client.close();
      resolve(error);
    });
  });
}

/** Speaks HTTP/2 by hand; resolves with the headers and trailers of the reply. */
async function sendFrames(
  address: string,
  method: string,
  { header, frames }: { readonly header: Record<string, string>; readonly frames: Buffer },
): Promise<Record<string, unknown>> {
  const session = connect(`http://${address}`);
  try {
    const request = session.request({
      ':method': 'POST',
      ':path': `/bourse.order.v1.OrderService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...header,
    });
    const seen = {};
    for (const event of ['response', 'trailers']) {
      request.on(event, (headers: object) => Object.assign(seen, headers));
    }
    request.end(frames);
    request.resume();
    await new Promise((resolve) => request.once('close', resolve));
    return seen;
  } finally {
    session.destroy();
  }
}

describe('a message', () => {
  test('that is none is refused with MESSAGE_MALFORMED', async () => {
    const { address } = await serve({ getOrder: async () => ({}) });
    const error = await sendRaw(address, 'GetOrder', Buffer.from([0x0a, 0xff]));
    expect(error?.code).toBe(Status.INVALID_ARGUMENT);
    expect(String(error?.metadata.get('grpc-status-details-bin')[0])).toContain(
      'MESSAGE_MALFORMED',
    );
  });

  test('beyond 4 MiB is refused with its reason and its trace, and the connection goes on', async () => {
    const telemetry = await startTelemetry({ service: 'test', node: 'test-1' });
    started.push({ close: () => telemetry.shutdown() });
    const { address, client, logLines } = await serve({ getOrder: async () => ({}) });
    const error = await sendRaw(address, 'GetOrder', Buffer.alloc(4 * 1024 * 1024 + 1));
    expect(error?.code).toBe(Status.INVALID_ARGUMENT);
    expect(error?.details).toBe('The request has more than 4194304 bytes.');
    expect(String(error?.metadata.get('grpc-status-details-bin')[0])).toContain(
      'MESSAGE_MALFORMED',
    );
    const [traceId] = error?.metadata.get('x-bourse-trace-id') ?? [];
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(logLines).toContainEqual(
      expect.objectContaining({ trace_id: traceId, reason: 'MESSAGE_MALFORMED' }),
    );
    await expect(client.getOrder({})).resolves.toBeDefined();
  });

  test('beyond 4 MiB on a stream ends it with the reason', async () => {
    const { address } = await serve({
      async *submitOrders(requests) {
        for await (const { clientBatchId } of requests) yield { clientBatchId };
      },
      async *streamExecutionReports() {
        yield { resumeToken: 'one' };
      },
    });
    const bytes = Buffer.alloc(4 * 1024 * 1024 + 1);
    for (const method of ['SubmitOrders', 'StreamExecutionReports']) {
      const error = await sendRaw(address, method, bytes);
      expect([method, error?.details]).toEqual([
        method,
        'The request has more than 4194304 bytes.',
      ]);
    }
  });

  test('whose compression nobody knows is refused with its trace', async () => {
    const telemetry = await startTelemetry({ service: 'test', node: 'test-1' });
    started.push({ close: () => telemetry.shutdown() });
    const { address } = await serve({ getOrder: async () => ({}) });
    const headers = await sendFrames(address, 'GetOrder', {
      header: { 'grpc-encoding': 'br' },
      frames: Buffer.from([1, 0, 0, 0, 1, 0]),
    });
    expect(headers['grpc-status']).toBe(String(Status.UNIMPLEMENTED));
    expect(headers['x-bourse-trace-id']).toMatch(/^[0-9a-f]{32}$/);
  });

  test('that nests without end is refused, not followed', async () => {
    const { address, client } = await serve({ getOrder: async () => ({}) });
    const startGroup = Buffer.alloc(100_000, 0xa3);
    for (let index = 1; index < startGroup.length; index += 2) startGroup[index] = 0x06;
    const error = await sendRaw(address, 'GetOrder', startGroup);
    expect(error?.code).toBe(Status.INVALID_ARGUMENT);
    await expect(client.getOrder({})).resolves.toBeDefined();
  });
});

describe('a deadline', () => {
  test('is kept when nobody listens at all', async () => {
    const channel = createRpcChannel(`127.0.0.1:${await freePort()}`);
    started.push({ close: () => channel.close() });
    const client = createRpcClient(OrderService, channel);
    const begin = performance.now();
    const error = await caught(client.getOrder({}, { timeoutMs: 300, waitForReady: true }));
    expect(error.code).toBe(Status.DEADLINE_EXCEEDED);
    expect(performance.now() - begin).toBeLessThan(2_000);
    expect((await caught(client.getOrder({}))).code).toBe(Status.UNAVAILABLE);
    expect((await caught(waitForReady(channel, 100))).code).toBe(Status.UNAVAILABLE);
  });

  test('is kept when someone takes the connection and says nothing', async () => {
    const silent = createTcpServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const channel = createRpcChannel(`127.0.0.1:${port}`);
    started.push({ close: () => silent.close() }, { close: () => channel.close() });
    const client = createRpcClient(OrderService, channel);
    const error = await caught(client.getOrder({}, { timeoutMs: 300 }));
    expect(error.code).toBe(Status.DEADLINE_EXCEEDED);
    expect(error.isOutcomeUnknown).toBe(true);
  });

  test('is known to the handler, which is canceled when it passes', async () => {
    let seenMs = 0;
    let isCanceled = false;
    const { client } = await serve({
      getOrder: (_request, call) => {
        seenMs = call.deadlineMs;
        return new Promise((resolve) => {
          call.signal.addEventListener('abort', () => {
            isCanceled = true;
            resolve({});
          });
        });
      },
    });
    const begin = Date.now();
    const error = await caught(client.getOrder({}, { timeoutMs: 250 }));
    expect(error.code).toBe(Status.DEADLINE_EXCEEDED);
    expect(Math.abs(seenMs - begin - 250)).toBeLessThan(150);
    await waitUntil(() => isCanceled, { what: 'the handler to be canceled' });
  });

  test('of the call being served bounds the calls that it makes', async () => {
    const { client } = await serve({ getOrder: () => new Promise(() => {}) });
    const begin = performance.now();
    await caught(client.getOrder({}, { deadlineMs: Date.now() + 200, timeoutMs: 60_000 }));
    expect(performance.now() - begin).toBeLessThan(2_000);
  });
});

describe('every reply carries its trace id', () => {
  test('whether it is good, bad or a stream', async () => {
    const telemetry = await startTelemetry({ service: 'test', node: 'test-1' });
    started.push({ close: () => telemetry.shutdown() });
    const { client } = await serve({
      getOrder: async () => ({}),
      placeOrder: async () => {
        throw new OperatingError('FIELD_REQUIRED', 'side is required');
      },
      async *streamExecutionReports() {
        yield { resumeToken: 'one' };
      },
    });
    const seen: unknown[] = [];
    const keep = (metadata: Metadata) => seen.push(metadata.get('x-bourse-trace-id'));
    await client.getOrder({}, { onTrailer: keep });
    await caught(client.placeOrder({}, { onTrailer: keep }));
    for await (const _ of client.streamExecutionReports({}, { onHeader: keep })) {
      // read to its end
    }
    expect(seen).toHaveLength(3);
    for (const id of seen) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });
});
