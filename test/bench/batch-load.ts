// Drives SubmitOrders with as many batches in flight as the server takes, and waits until all of
// what they did is settled.

import type { Exchange } from '../../services/simulator/adapter/exchange.ts';
import type { OrderMarket } from './order-market.ts';

const STREAMS = 2;
const BATCH_SIZE = 500;
const IN_FLIGHT = 4;
const DURATION_MS = 8_000;
const ECHO_MS = 2_000;
const SETTLED_LIMIT_MS = 60_000;

export type BatchFigures = {
  readonly streams: number;
  readonly batchSize: number;
  readonly orders: number;
  readonly committedPerS: number;
  readonly settledPerS: number;
  readonly settlementLagP99Ms: number;
};

/** An order that was answered, to be looked for in the reports of its account. */
type Probe = { readonly clientOrderId: string; readonly answeredMs: number };

export type SubmitOrders = Exchange['orders']['submitOrders'];

/** Orders a second that an echo answers, with the same batches in flight. */
export async function measureBatchEcho(
  submitOrders: SubmitOrders,
  market: OrderMarket,
): Promise<number> {
  const beganMs = performance.now();
  const run = { untilMs: beganMs + ECHO_MS, watched: '', onProbe() {} };
  const streams = Array.from({ length: STREAMS }, () => runStream(submitOrders, market, run));
  const counts = await Promise.all(streams);
  const orders = counts.reduce((sum, count) => sum + count, 0);
  return (orders / (performance.now() - beganMs)) * 1000;
}

export async function measureBatches(
  exchange: Exchange,
  market: OrderMarket,
): Promise<BatchFigures> {
  const [watched = ''] = market.accountIds;
  const lag = watchLag(exchange, watched);
  await lag.ready;
  const submitOrders: SubmitOrders = (requests, options) =>
    exchange.orders.submitOrders(requests, options);
  const beganMs = performance.now();
  const untilMs = beganMs + DURATION_MS;
  const streams = Array.from({ length: STREAMS }, () =>
    runStream(submitOrders, market, { untilMs, watched, onProbe: lag.expect }),
  );
  const counts = await Promise.all(streams);
  const committedMs = performance.now() - beganMs;
  const orders = counts.reduce((sum, count) => sum + count, 0);
  await untilSettled(exchange, market);
  const settledMs = performance.now() - beganMs;
  const settlementLagP99Ms = await lag.stop();
  return {
    streams: STREAMS,
    batchSize: BATCH_SIZE,
    orders,
    committedPerS: (orders / committedMs) * 1000,
    settledPerS: (orders / settledMs) * 1000,
    settlementLagP99Ms,
  };
}

type Run = {
  readonly untilMs: number;
  readonly watched: string;
  readonly onProbe: (probe: Probe) => void;
};

async function runStream(
  submitOrders: SubmitOrders,
  market: OrderMarket,
  { untilMs, watched, onProbe }: Run,
): Promise<number> {
  const { signal } = new AbortController();
  let open = 0;
  let count = 0;
  let wake = () => {};
  async function* requests() {
    while (performance.now() < untilMs) {
      if (open >= IN_FLIGHT) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      open += 1;
      yield {
        items: Array.from({ length: BATCH_SIZE }, () => ({
          request: { case: 'placeOrder' as const, value: market.nextOrder() },
        })),
      };
    }
  }
  for await (const answer of submitOrders(requests(), { signal })) {
    open -= 1;
    wake();
    let probe: string | undefined;
    for (const { result } of answer.results) {
      if (result.case !== 'placeOrder' || result.value.order?.rejectReason !== 0) {
        throw new Error(`an order was refused: ${JSON.stringify(result.value?.$typeName)}`);
      }
      count += 1;
      const { order } = result.value;
      if (order.accountId === watched) probe = order.clientOrderId;
    }
    if (probe !== undefined) onProbe({ clientOrderId: probe, answeredMs: performance.now() });
  }
  return count;
}

/** Reads that wait for settlement: when the last one is answered, everything is settled. */
async function untilSettled(exchange: Exchange, market: OrderMarket): Promise<void> {
  const deadline = performance.now() + SETTLED_LIMIT_MS;
  for (const accountId of market.accountIds) {
    for (;;) {
      try {
        await exchange.orders.listOrders({ accountId, pageSize: 1 });
        break;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
    }
  }
}

/** From the answer to the report of the same order, which comes when it is settled. */
function watchLag(exchange: Exchange, accountId: string) {
  const abort = new AbortController();
  const expected = new Map<string, number>();
  const reported = new Map<string, number>();
  const lagsMs: number[] = [];
  let setReady = () => {};
  const ready = new Promise<void>((resolve) => {
    setReady = resolve;
  });
  const reading = (async () => {
    let resumeToken = '';
    while (!abort.signal.aborted) {
      try {
        const { signal } = abort;
        const request = { accountId, resumeToken };
        for await (const message of exchange.orders.streamExecutionReports(request, { signal })) {
          resumeToken = message.resumeToken;
          setReady();
          if (message.message.case === 'report') take(message.message.value.order?.clientOrderId);
        }
      } catch {
        // Opened again behind the last message; ends when the bench does.
      }
    }
  })();
  function take(clientOrderId = ''): void {
    const answeredMs = expected.get(clientOrderId);
    if (answeredMs === undefined) {
      reported.set(clientOrderId, performance.now());
      return;
    }
    expected.delete(clientOrderId);
    lagsMs.push(performance.now() - answeredMs);
  }
  return {
    ready,
    expect({ clientOrderId, answeredMs }: Probe): void {
      if (reported.has(clientOrderId)) lagsMs.push(0);
      else expected.set(clientOrderId, answeredMs);
      reported.clear();
    },
    async stop(): Promise<number> {
      abort.abort();
      await reading;
      lagsMs.sort((one, other) => one - other);
      return lagsMs[Math.floor(lagsMs.length * 0.99)] ?? 0;
    },
  };
}
