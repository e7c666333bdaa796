// One trace across calls and streams, as a collector receives it.

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { trace } from '@opentelemetry/api';
import { Metadata } from 'nice-grpc';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { withSpan } from '../../../services/lib/platform/telemetry/spans.ts';
import { startTelemetry } from '../../../services/lib/platform/telemetry/telemetry.ts';
import {
  contextOfTraceparent,
  currentTraceparent,
  linksToTraceparents,
} from '../../../services/lib/platform/telemetry/trace-context.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { type ServerUnderTest, startServer } from './server-under-test.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SERVER = 'bourse.order.v1.OrderService';

let collector: OtlpReceiver;
let telemetry: { shutdown(): Promise<void> };
let running: ServerUnderTest[] = [];

beforeEach(async () => {
  collector = await startOtlpReceiver();
  telemetry = await startTelemetry({
    service: 'order',
    node: 'order-1',
    otlpEndpoint: collector.endpoint,
    traceSampleRatio: 0,
  });
});

afterEach(async () => {
  for (const server of running) await server.close();
  running = [];
  await telemetry.shutdown();
  collector.close();
});

async function serve(handlers: Parameters<typeof startServer<typeof OrderService>>[1]) {
  const server = await startServer(OrderService, handlers);
  running.push(server);
  return createRpcClient(OrderService, server.channel);
}

/** Everything exported so far; ends the export, so call it last. */
async function exportedSpans() {
  await telemetry.shutdown();
  return collector.spans;
}

test('a client that says nothing is, at a ratio of 0, not recorded but has a trace id', async () => {
  let inside = '';
  const client = await serve({
    getOrder: async (_request, call) => {
      inside = call.traceId;
      return {};
    },
  });
  await client.getOrder({});
  expect(inside).toMatch(/^[0-9a-f]{32}$/);
  expect(await exportedSpans()).toEqual([]);
});

test('the header x-bourse-trace forces a trace, through every process behind', async () => {
  const inner = await serve({ getOrder: async () => ({}) });
  const outer = await serve({
    getOrder: async (_request, call) => {
      await inner.getOrder({}, { deadlineMs: call.deadlineMs });
      return {};
    },
  });
  let traceId: unknown;
  await outer.getOrder(
    {},
    {
      metadata: Metadata({ 'x-bourse-trace': '1' }),
      onTrailer: (trailer) => {
        traceId = trailer.get('x-bourse-trace-id');
      },
    },
  );
  const spans = await exportedSpans();
  expect(spans.map((span) => span.traceId)).toEqual(spans.map(() => traceId));
  // Each call has a span of its caller, and inside it one of its server.
  const chain = [spans.find((span) => span.parentSpanId === '')];
  while (chain.at(-1) !== undefined) {
    const last = chain.at(-1);
    chain.push(spans.find((span) => span.parentSpanId === last?.spanId));
  }
  chain.pop();
  expect(chain.map((span) => span?.name)).toEqual(Array(4).fill(`${SERVER}/GetOrder`));
  expect(spans).toHaveLength(4);
  const leaf = chain.at(-1);
  expect(leaf?.attributes).toMatchObject({ 'rpc.method': 'GetOrder', 'rpc.service': SERVER });
});

test("a caller's own W3C context is the parent, and is returned", async () => {
  const client = await serve({ getOrder: async () => ({}) });
  let returned = '';
  const metadata = Metadata({ traceparent: `00-${TRACE}-00f067aa0ba902b7-01` });
  await client.getOrder(
    {},
    { metadata, onTrailer: (trailer) => (returned = String(trailer.get('traceparent'))) },
  );
  const [span] = await exportedSpans();
  expect(span).toMatchObject({ traceId: TRACE, parentSpanId: '00f067aa0ba902b7' });
  expect(returned).toBe(`00-${TRACE}-${span?.spanId}-01`);
});

test("a caller's decision not to record is followed", async () => {
  const client = await serve({ getOrder: async () => ({}) });
  const metadata = Metadata({ traceparent: `00-${TRACE}-00f067aa0ba902b7-00` });
  await client.getOrder({}, { metadata });
  expect(await exportedSpans()).toEqual([]);
});

test('the context holds on every step of a stream, in both directions', async () => {
  const seen: string[] = [];
  const traceOfStep = () => seen.push(trace.getActiveSpan()?.spanContext().traceId ?? 'none');
  const client = await serve({
    async *submitOrders(batches) {
      traceOfStep();
      for await (const _ of batches) {
        traceOfStep();
        await Promise.resolve();
        yield {};
        traceOfStep();
      }
    },
  });
  const metadata = Metadata({ traceparent: `00-${TRACE}-00f067aa0ba902b7-01` });
  async function* batches() {
    yield {};
    yield {};
  }
  for await (const _ of client.submitOrders(batches(), { metadata })) {
    // read to its end
  }
  expect(seen).toEqual(Array(5).fill(TRACE));
  const [span] = await exportedSpans();
  expect(span).toMatchObject({ name: `${SERVER}/SubmitOrders`, traceId: TRACE });
});

test('a batch is linked to every recorded request in it', async () => {
  const texts: string[] = [];
  const client = await serve({
    getOrder: async () => {
      texts.push(currentTraceparent());
      return {};
    },
  });
  const forced = () => ({ metadata: Metadata({ 'x-bourse-trace': '1' }) });
  await client.getOrder({}, forced());
  await client.getOrder({});
  await client.getOrder({}, forced());
  const links = linksToTraceparents(texts);
  await withSpan('propose', { links, parent: contextOfTraceparent(texts[0]) }, async () => {});
  const spans = await exportedSpans();
  const batch = spans.find((span) => span.name === 'propose');
  const served = spans.filter((span) => texts.includes(`00-${span.traceId}-${span.spanId}-01`));
  expect(served).toHaveLength(2);
  expect(batch?.links.map((link) => link.spanId)).toEqual(served.map((span) => span.spanId));
});

test('a failed call is marked in its span', async () => {
  const client = await serve({
    getOrder: async () => {
      throw new TypeError('broken');
    },
  });
  await client.getOrder({}, { metadata: Metadata({ 'x-bourse-trace': '1' }) }).catch(() => {});
  const span = (await exportedSpans()).find((one) => one.parentSpanId !== '');
  expect(span).toMatchObject({ statusCode: 2, attributes: { 'bourse.reason': 'INTERNAL' } });
});
