// One trace from a client's order through every process that has a part in it, as a collector such
// as Jaeger receives it: the spans, who is whose parent, and what is linked.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Metadata } from 'nice-grpc';
import { OrderType, Side } from '../../gen/bourse/type/v1/order_pb.ts';
import {
  connectPublicServices,
  type PublicServices,
  readAddresses,
} from '../../services/lib/client/public-services.ts';
import { SPANS } from '../../services/lib/platform/telemetry/names.ts';
import { startTestExchange, type TestExchange } from '../support/exchange.ts';
import {
  type OtlpReceiver,
  type ReceivedSpan,
  startOtlpReceiver,
} from '../support/otlp-receiver.ts';
import { waitUntil } from '../support/wait.ts';

const DEADLINE_MS = 90_000;
const CALL = 'bourse.order.v1.OrderService';
const CLIENT_SPAN = '00f067aa0ba902b7';

let collector: OtlpReceiver;
let exchange: TestExchange;
let services: PublicServices;
beforeAll(async () => {
  collector = await startOtlpReceiver();
  exchange = await startTestExchange({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      BOURSE_TRACE_SAMPLE_RATIO: '0', // only what asks for it
    },
  });
  const offset = String(exchange.launcher.portOffset);
  services = connectPublicServices(readAddresses(['--port-offset', offset]));
  await services.accountAdmin.deposit({ accountId: 'alice', assetId: 'USD', amount: '1000000' });
}, DEADLINE_MS);
afterAll(async () => {
  services?.close();
  await exchange?.stop();
  collector?.close();
}, DEADLINE_MS);

const order = (accountId: string, side: Side, price: string) => ({
  accountId,
  instrumentId: 'BTC-USD',
  side,
  type: OrderType.LIMIT,
  orderQuantity: { case: 'quantity' as const, value: '0.01' },
  price,
});

const ofTrace = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);
const childrenOf = (parent: ReceivedSpan | undefined) =>
  collector.spans.filter((span) => span.parentSpanId === parent?.spanId);
const linkedTo = (span: ReceivedSpan | undefined) =>
  collector.spans.filter(({ links }) => links.some((link) => link.spanId === span?.spanId));

/** `service: name` of each span, in the order of the alphabet. */
const named = (spans: readonly ReceivedSpan[]) =>
  spans.map(({ service, name }) => `${service}: ${name}`).sort();

/** Spans of one order below its request or batch: hold and proposal, each appended and applied. */
const SPANS_PER_ORDER = 6;

/** Waits for all spans of a trace, and for those that come last: settlement and publication. */
async function wholeTrace(traceId: string, spanCount: number): Promise<void> {
  const isFollowed = (proposal: ReceivedSpan) => {
    const followers = linkedTo(proposal);
    const settlements = followers.filter(({ name }) => name === SPANS.settle);
    const isSettled = settlements.some((settlement) => childrenOf(settlement).length === 2);
    return isSettled && followers.some(({ name }) => name === SPANS.publish);
  };
  const isThere = () => {
    const spans = ofTrace(traceId);
    const proposals = spans.filter(({ name }) => name === SPANS.propose);
    return spans.length >= spanCount && proposals.every(isFollowed);
  };
  await waitUntil(isThere, { what: `${spanCount} spans, settlement and publication` });
  expect(ofTrace(traceId)).toHaveLength(spanCount);
}

/** The spans below an order's request or batch: its hold and its proposal, each in its shard. */
function expectOrderBelow(parent: ReceivedSpan | undefined, orders: number): void {
  const steps = childrenOf(parent);
  expect(named(steps)).toEqual([
    ...Array(orders).fill(`order: ${SPANS.hold}`),
    ...Array(orders).fill(`order: ${SPANS.propose}`),
  ]);
  for (const step of steps) {
    const isHold = step.name === SPANS.hold;
    const shard = isHold ? 'account' : 'matching';
    expect(named(childrenOf(step))).toEqual([
      `${shard}: ${SPANS.append}`,
      `${shard}: ${SPANS.apply}`,
    ]);
    for (const inShard of childrenOf(step)) {
      expect(inShard.traceId).toBe(parent?.traceId);
      expect(inShard.attributes['bourse.shard_id']).toMatch(new RegExp(`^${shard}-\\d$`));
      expect(Number(inShard.attributes['bourse.entry_index'])).toBeGreaterThan(0);
    }
    if (!isHold) expectFollowed(step);
  }
}

/** What follows a proposal's events is linked to it: each in a trace of its own. */
function expectFollowed(propose: ReceivedSpan): void {
  const settle = `account: ${SPANS.settle}`;
  const followers = linkedTo(propose);
  expect(new Set(named(followers))).toEqual(new Set([settle, `marketdata: ${SPANS.publish}`]));
  for (const follower of followers) {
    expect(follower.parentSpanId).toBe('');
    expect(follower.traceId).not.toBe(propose.traceId);
    const below = follower.name === SPANS.settle ? [SPANS.append, SPANS.apply] : [];
    expect(named(childrenOf(follower))).toEqual(below.map((name) => `account: ${name}`));
  }
}

test(
  "a client's own trace goes on through hold, proposal, append and apply; settlement and market data are linked",
  async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    let trailer = Metadata();
    await services.orders.placeOrder(order('bob', Side.SELL, '50000'), {
      metadata: Metadata({
        traceparent: `00-${traceId}-${CLIENT_SPAN}-01`,
        'x-bourse-trace': '1',
      }),
      onTrailer: (received) => {
        trailer = received;
      },
    });
    await wholeTrace(traceId, 1 + SPANS_PER_ORDER);
    const [call, ...others] = ofTrace(traceId).filter((span) => span.parentSpanId === CLIENT_SPAN);
    expect(others).toEqual([]);
    expect(call).toMatchObject({ service: 'order', name: `${CALL}/PlaceOrder` });
    expectOrderBelow(call, 1);
    expect(trailer.get('traceparent')).toBe(`00-${traceId}-${call?.spanId}-01`);
    expect(trailer.get('x-bourse-trace-id')).toBe(traceId);
  },
  DEADLINE_MS,
);

test(
  'the header alone begins a trace, whose id comes back',
  async () => {
    let traceId = '';
    await services.orders.placeOrder(order('alice', Side.BUY, '40000'), {
      metadata: Metadata({ 'x-bourse-trace': '1' }),
      onTrailer: (trailer) => {
        traceId = trailer.get('x-bourse-trace-id') ?? '';
      },
    });
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    await wholeTrace(traceId, 1 + SPANS_PER_ORDER);
    const [root, ...others] = ofTrace(traceId).filter((span) => span.parentSpanId === '');
    expect(others).toEqual([]);
    expect(root).toMatchObject({ service: 'order', name: `${CALL}/PlaceOrder` });
    expectOrderBelow(root, 1);
  },
  DEADLINE_MS,
);

test(
  'every order of a batch is in the trace of its stream, across all processes',
  async () => {
    const traceId = 'a'.repeat(32);
    async function* batches() {
      const items = [order('bob', Side.SELL, '45000'), order('alice', Side.BUY, '45000')];
      yield {
        clientBatchId: 'traced',
        items: items.map((value) => ({ request: { case: 'placeOrder' as const, value } })),
      };
    }
    const metadata = Metadata({ traceparent: `00-${traceId}-${CLIENT_SPAN}-01` });
    for await (const { results } of services.orders.submitOrders(batches(), { metadata })) {
      expect(results).toHaveLength(2);
    }
    await wholeTrace(traceId, 2 + 2 * SPANS_PER_ORDER);
    const [stream] = ofTrace(traceId).filter((span) => span.parentSpanId === CLIENT_SPAN);
    expect(stream).toMatchObject({ service: 'order', name: `${CALL}/SubmitOrders` });
    const [batch, ...others] = childrenOf(stream);
    expect(others).toEqual([]);
    expect(batch?.name).toBe(SPANS.batch);
    expect(batch?.attributes['bourse.client_batch_id']).toBe('traced');
    expectOrderBelow(batch, 2);
  },
  DEADLINE_MS,
);

test(
  'an order that nobody asked to trace leaves no span, and still has a trace id to be found by',
  async () => {
    const before = collector.spans.length;
    let traceId = '';
    await services.orders.placeOrder(order('alice', Side.BUY, '39000'), {
      onTrailer: (trailer) => {
        traceId = trailer.get('x-bourse-trace-id') ?? '';
      },
    });
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    // A traced order after it: when its last spans are there, those of the other would be, too.
    const later = 'b'.repeat(32);
    const metadata = Metadata({ traceparent: `00-${later}-${CLIENT_SPAN}-01` });
    await services.orders.placeOrder(order('alice', Side.BUY, '39001'), { metadata });
    await wholeTrace(later, 1 + SPANS_PER_ORDER);
    expect(ofTrace(traceId)).toEqual([]);
    const since = collector.spans.slice(before);
    const links = new Set(since.flatMap((span) => span.links.map((link) => link.traceId)));
    expect(links).toEqual(new Set([later]));
    const calls = since.filter((span) => span.service === 'order');
    expect(new Set(calls.map((span) => span.traceId))).toEqual(new Set([later]));
  },
  DEADLINE_MS,
);

test(
  "an operator's command is one trace with what its shard does",
  async () => {
    let traceId = '';
    const request = { instrumentId: 'ETH-BTC', comment: 'a test', clientRequestId: 'traced' };
    await services.referenceAdmin.cancelOrders(request, {
      metadata: Metadata({ 'x-bourse-trace': '1' }),
      onTrailer: (trailer) => {
        traceId = trailer.get('x-bourse-trace-id') ?? '';
      },
    });
    const isThere = () => ofTrace(traceId).length >= 4;
    await waitUntil(isThere, { what: 'call, proposal, append and apply' });
    expect(named(ofTrace(traceId))).toEqual([
      'coordinator: bourse.reference.v1.ReferenceAdminService/CancelOrders',
      `coordinator: ${SPANS.propose}`,
      `matching: ${SPANS.append}`,
      `matching: ${SPANS.apply}`,
    ]);
  },
  DEADLINE_MS,
);
