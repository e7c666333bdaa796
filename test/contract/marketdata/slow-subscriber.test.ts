// A subscriber that does not read: its book updates are merged, its trades end with a token to go
// on from, and nobody else notices.

import { fromBinary } from '@bufbuild/protobuf';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  StreamOrderBookResponseSchema,
  StreamTradesResponseSchema,
} from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { Side } from '../../../gen/bourse/type/v1/order_pb.ts';
import type { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import type { Subscriber } from '../../../services/lib/platform/rpc/fanout.ts';
import { FedMarket } from './market-under-test.ts';

/** A connection that takes nothing until it is told to. */
class StuckSubscriber implements Subscriber {
  readonly peer = 'test';
  readonly traceId = '';
  readonly deadlineMs = Number.POSITIVE_INFINITY;
  readonly draining = new AbortController().signal;
  readonly #over = new AbortController();
  readonly written: Uint8Array[] = [];
  error: OperatingError | undefined;
  bufferedBytes = 0;
  #drained = (): void => {};

  get signal(): AbortSignal {
    return this.#over.signal;
  }
  header(): undefined {}
  write(message: Uint8Array): void {
    this.written.push(message);
    this.bufferedBytes += message.byteLength;
  }
  onDrained(listener: () => void): void {
    this.#drained = listener;
  }
  end(error?: OperatingError): void {
    this.error = error;
    this.#over.abort();
  }
  drain(): void {
    this.bufferedBytes = 0;
    this.#drained();
  }
}

const open: FedMarket[] = [];
afterEach(() => {
  for (const market of open.splice(0)) market.streams.stop();
});

function newMarket(): FedMarket {
  const market = new FedMarket(['BTC-USD']);
  open.push(market);
  return market;
}

describe('a subscriber that does not read', () => {
  test('gets one merged book update for all that it missed, and the book is exact', () => {
    const market = newMarket();
    const slow = new StuckSubscriber();
    const fast = new StuckSubscriber();
    const request = { ids: ['BTC-USD'], depth: 100, token: '' };
    market.streams.openBooks(slow, request);
    market.streams.openBooks(fast, request);
    for (let i = 0; slow.bufferedBytes <= 256 * 1024; i += 1) {
      market.rest(1, { side: Side.BUY, price: BigInt(1 + (i % 80)), quantity: 1n });
      fast.bufferedBytes = 0;
    }
    const writtenBefore = slow.written.length;
    for (let i = 0; i < 500; i += 1) {
      market.rest(1, { side: Side.BUY, price: BigInt(1 + (i % 90)), quantity: 2n });
      fast.bufferedBytes = 0;
    }
    expect(slow.written).toHaveLength(writtenBefore);
    slow.drain();
    expect(slow.written).toHaveLength(writtenBefore + 1);
    expect(booksOf(slow)).toEqual(booksOf(fast));
    expect(slow.error).toBeUndefined();
  });

  test('of trades is ended with the token to go on from, and misses none', () => {
    const market = newMarket();
    const placement = market.rest(1, { side: Side.SELL, price: 100n, quantity: 1_000_000n });
    const slow = new StuckSubscriber();
    market.streams.openTrades(slow, { ids: ['BTC-USD'], token: '' });
    let count = 0;
    for (; slow.error === undefined && count < 15_000; count += 1) {
      market.take(1, { placement, side: Side.SELL, price: 100n }, 1n);
      if (count === 5) slow.bufferedBytes = 5 * 1024 * 1024;
    }
    expect(slow.error?.reason).toBe('SUBSCRIBER_TOO_SLOW');
    market.take(1, { placement, side: Side.SELL, price: 100n }, 1n);
    const token = slow.error?.metadata['resume_token'] ?? '';
    const again = new StuckSubscriber();
    market.streams.openTrades(again, { ids: ['BTC-USD'], token });
    const seen = [...tradesOf(slow), ...tradesOf(again)];
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toHaveLength(count + 1);
  });
});

/** The book after all that was written, with a check that no update leaves a gap. */
function booksOf(subscriber: StuckSubscriber): Record<string, string> {
  const bids = new Map<string, string>();
  let sequence: bigint | undefined;
  for (const bytes of subscriber.written) {
    const { message } = fromBinary(StreamOrderBookResponseSchema, bytes);
    if (message.case === 'snapshot') sequence = message.value.sequence;
    if (message.case !== 'updates') continue;
    for (const update of message.value.updates) {
      expect(update.previousSequence).toBe(sequence);
      sequence = update.sequence;
      for (const { price, quantity } of update.bids) bids.set(price, quantity);
    }
  }
  return Object.fromEntries([...bids].sort(([a], [b]) => Number(a) - Number(b)));
}

function tradesOf(subscriber: StuckSubscriber): string[] {
  return subscriber.written.flatMap((bytes) => {
    const { message } = fromBinary(StreamTradesResponseSchema, bytes);
    return message.case === 'update' ? message.value.trades.map(({ tradeId }) => tradeId) : [];
  });
}
