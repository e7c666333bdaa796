// Books as clients get them: exact after every command, gap-free, resumable, merged when slow.

import { create } from '@bufbuild/protobuf';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { StreamOrderBookResponse } from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { InstrumentStateChangedSchema } from '../../../gen/bourse/matching/v1/event_pb.ts';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { Side } from '../../../gen/bourse/type/v1/order_pb.ts';
import type { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { waitUntil } from '../../support/wait.ts';
import { serveMarket } from './market-under-test.ts';

const IDS = ['BTC-USD', 'ETH-USD'];
const started: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of started.splice(0).reverse()) await one.close();
});

async function serve() {
  const served = await serveMarket(IDS);
  started.push(served);
  return served;
}

type Served = Awaited<ReturnType<typeof serve>>;

/** Reads a stream in the background. */
function listen(client: Served['client'], request: object) {
  const stop = new AbortController();
  const messages: StreamOrderBookResponse[] = [];
  const ended = (async () => {
    for await (const message of client.streamOrderBook(request, { signal: stop.signal })) {
      messages.push(message);
    }
  })().catch((error: OperatingError) => error);
  started.push({ close: () => stop.abort() });
  return { messages, ended, stop: () => stop.abort() };
}

/** The book that a client has after all messages; fails on a gap. */
function rebuild(messages: readonly StreamOrderBookResponse[]) {
  const bids = new Map<string, string>();
  const asks = new Map<string, string>();
  let sequence = 0n;
  for (const { message } of messages) {
    if (message.case === 'snapshot') {
      bids.clear();
      asks.clear();
      sequence = message.value.sequence;
      for (const { price, quantity } of message.value.bids) bids.set(price, quantity);
      for (const { price, quantity } of message.value.asks) asks.set(price, quantity);
    }
    if (message.case !== 'updates') continue;
    for (const update of message.value.updates) {
      expect(update.previousSequence).toBe(sequence);
      sequence = update.sequence;
      for (const [side, levels] of [
        [bids, update.bids],
        [asks, update.asks],
      ] as const) {
        for (const { price, quantity } of levels) {
          if (quantity === '0') side.delete(price);
          else side.set(price, quantity);
        }
      }
    }
  }
  return { sequence, bids: Object.fromEntries(bids), asks: Object.fromEntries(asks) };
}

const sequenceOf = (messages: readonly StreamOrderBookResponse[]) => rebuild(messages).sequence;

describe('GetOrderBook', () => {
  test('shows decimals, best prices first, and waits for the sequence asked for', async () => {
    const { market, client } = await serve();
    market.rest(1, { side: Side.BUY, price: 6_400_000n, quantity: 1_500n });
    market.rest(1, { side: Side.BUY, price: 6_400_050n, quantity: 1n });
    const waiting = client.getOrderBook({ instrumentId: 'BTC-USD', minimumSequence: 3n });
    market.rest(1, { side: Side.SELL, price: 6_410_000n, quantity: 250n });
    expect(await waiting).toMatchObject({
      sequence: 3n,
      bids: [
        { price: '64000.5', quantity: '0.001', orderCount: 1 },
        { price: '64000', quantity: '1.5', orderCount: 1 },
      ],
      asks: [{ price: '64100', quantity: '0.25', orderCount: 1 }],
      stale: false,
    });
    const one = await client.getOrderBook({ instrumentId: 'BTC-USD', depth: 1 });
    expect(one.bids).toHaveLength(1);
  });

  test.each([
    [{ instrumentId: '' }, 'FIELD_REQUIRED'],
    [{ instrumentId: 'no spaces' }, 'ID_INVALID'],
    [{ instrumentId: 'x'.repeat(65) }, 'ID_INVALID'],
    [{ instrumentId: 'XRP-USD' }, 'INSTRUMENT_UNKNOWN'],
    [{ instrumentId: 'BTC-USD', depth: 1_001 }, 'NUMBER_OUT_OF_RANGE'],
    [{ instrumentId: 'BTC-USD', depth: -1 }, 'NUMBER_OUT_OF_RANGE'],
  ])('refuses %j with %s', async (request, reason) => {
    const { client } = await serve();
    await expect(client.getOrderBook(request)).rejects.toMatchObject({ reason });
  });

  test('says so when the sequence is not reached before the deadline', async () => {
    const { client } = await serve();
    const request = { instrumentId: 'BTC-USD', minimumSequence: 9n };
    await expect(client.getOrderBook(request, { timeoutMs: 1_500 })).rejects.toMatchObject({
      reason: 'SEQUENCE_NOT_REACHED',
    });
  });
});

describe('StreamOrderBook', () => {
  test('begins with a snapshot and then has each whole command, to the exact top', async () => {
    const { market, client } = await serve();
    const far = market.rest(1, { side: Side.SELL, price: 300n, quantity: 7n });
    const { messages } = listen(client, { instrumentIds: ['BTC-USD'], depth: 2 });
    await waitUntil(() => messages.length >= 2, { what: 'the snapshot' });
    expect(messages.map(({ message }) => message.case)).toEqual(['started', 'snapshot']);
    market.rest(1, { side: Side.SELL, price: 200n, quantity: 5n });
    const near = market.rest(1, { side: Side.SELL, price: 100n, quantity: 2n });
    const last = market.take(1, { placement: near, side: Side.SELL, price: 100n }, 2n);
    await waitUntil(() => sequenceOf(messages) === last, { what: 'the last command' });
    expect(rebuild(messages).asks).toEqual({ 2: '0.005', 3: '0.007' });
    expect(far).toBe(1n);
  });

  test('CON-2 goes on from its token: nothing is repeated, a changed book comes whole', async () => {
    const { market, client } = await serve();
    market.rest(1, { side: Side.BUY, price: 100n, quantity: 1n });
    market.rest(2, { side: Side.BUY, price: 50n, quantity: 1n });
    const request = { instrumentIds: IDS, depth: 10 };
    const first = listen(client, request);
    await waitUntil(() => first.messages.length >= 3, { what: 'both snapshots' });
    first.stop();
    const resumeToken = first.messages.at(-1)?.resumeToken;
    market.rest(2, { side: Side.BUY, price: 60n, quantity: 1n });
    const second = listen(client, { ...request, resumeToken });
    await waitUntil(() => second.messages.length >= 2, { what: 'the changed book' });
    expect(second.messages[0]?.message).toMatchObject({
      case: 'started',
      value: { resumed: true },
    });
    expect(second.messages[1]?.message).toMatchObject({
      case: 'snapshot',
      value: { instrumentId: 'ETH-USD', sequence: 2n },
    });
    expect(second.messages).toHaveLength(2);
    const other = listen(client, { ...request, depth: 5, resumeToken });
    expect(await other.ended).toMatchObject({ reason: 'RESUME_TOKEN_INVALID' });
  });

  test.each([
    [{ instrumentIds: [] }, 'FIELD_REQUIRED'],
    [{ instrumentIds: ['BTC-USD', 'BTC-USD'] }, 'FIELDS_CONFLICT'],
    [{ instrumentIds: Array.from({ length: 1_001 }, (_, i) => `i${i}`) }, 'TOO_MANY_ITEMS'],
    [{ instrumentIds: ['BTC-USD'], depth: 2_000 }, 'NUMBER_OUT_OF_RANGE'],
    [{ instrumentIds: ['BTC-USD'], resumeToken: 'nonsense' }, 'RESUME_TOKEN_INVALID'],
    [{ instrumentIds: ['XRP-USD'] }, 'INSTRUMENT_UNKNOWN'],
  ])('refuses a bad request with its reason', async (request, reason) => {
    const { client } = await serve();
    expect(await listen(client, request).ended).toMatchObject({ reason });
  });

  test('sends a heartbeat with the place of each book when nothing changes', async () => {
    const { market, client } = await serve();
    market.rest(1, { side: Side.BUY, price: 100n, quantity: 1n });
    const { messages } = listen(client, { instrumentIds: ['BTC-USD'] });
    const isBeating = () => messages.some(({ message }) => message.case === 'heartbeat');
    await waitUntil(isBeating, { what: 'a heartbeat' });
    const beat = messages.find(({ message }) => message.case === 'heartbeat');
    expect(beat?.message.value).toMatchObject({
      places: [{ instrumentId: 'BTC-USD', sequence: 1n }],
    });
  });
});

describe('a call phase', () => {
  const state = (to: InstrumentState, auctionEndTimeUs = 0n) => ({
    case: 'instrumentStateChanged' as const,
    value: create(InstrumentStateChangedSchema, { state: to, auctionEndTimeUs }),
  });

  test('STA-2 updates carry state, end, price and volume of an uncross, also without a level', async () => {
    const { market, client } = await serve();
    const { messages } = listen(client, { instrumentIds: ['BTC-USD'], depth: 1 });
    await waitUntil(() => messages.length === 2, { what: 'the snapshot' });
    const endUs = BigInt(market.timeUs) + 60_000_000n;
    market.command(1, [state(InstrumentState.AUCTION, endUs)]);
    market.rest(1, { side: Side.BUY, price: 10_100n, quantity: 2_000n });
    market.rest(1, { side: Side.SELL, price: 9_900n, quantity: 3_000n });
    // Behind the one level that this stream shows, and still more that would trade.
    const last = market.rest(1, { side: Side.BUY, price: 10_000n, quantity: 500n });
    expect(last).toBeGreaterThan(0n);
    const updates = () =>
      messages.flatMap(({ message }) => (message.case === 'updates' ? message.value.updates : []));
    await waitUntil(() => updates().length === 4, { what: 'four updates' });
    expect(
      updates().map(({ state: shown, indicativePrice, indicativeVolume, bids, asks }) => {
        return [shown, indicativePrice, indicativeVolume, bids.length + asks.length];
      }),
    ).toEqual([
      [InstrumentState.AUCTION, '', '', 0],
      [InstrumentState.AUCTION, '', '', 1],
      [InstrumentState.AUCTION, '99', '2', 1],
      [InstrumentState.AUCTION, '99', '2.5', 0],
    ]);
    const end = updates().at(-1)?.auctionEndTime;
    expect(end?.seconds).toBe(endUs / 1_000_000n);
    const late = listen(client, { instrumentIds: ['BTC-USD'], depth: 9 });
    await waitUntil(() => late.messages.length === 2, { what: 'the snapshot' });
    expect(late.messages[1]?.message.value).toMatchObject({
      ...{ state: InstrumentState.AUCTION, indicativePrice: '99', indicativeVolume: '2.5' },
    });
    const { ticker } = await client.getTicker({ instrumentId: 'BTC-USD' });
    expect(ticker).toMatchObject({ indicativePrice: '99', indicativeVolume: '2.5' });
    market.command(1, [state(InstrumentState.HALTED)]);
    await waitUntil(() => updates().length === 5, { what: 'the halt' });
    expect(updates()[4]).toMatchObject({ state: InstrumentState.HALTED, indicativePrice: '' });
    expect(updates()[4]?.auctionEndTime).toBeUndefined();
  });
});

describe('before everything is rebuilt', () => {
  test('nothing is said to be unknown: the answer is NOT_READY', async () => {
    const { market, client } = await serve();
    market.feeds.isReady = false;
    const request = { instrumentId: 'XRP-USD' };
    await expect(client.getOrderBook(request)).rejects.toMatchObject({ reason: 'NOT_READY' });
    const stream = listen(client, { instrumentIds: ['BTC-USD'] });
    expect(await stream.ended).toMatchObject({ reason: 'NOT_READY' });
  });
});
