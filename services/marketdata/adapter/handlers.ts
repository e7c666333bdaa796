// MarketDataService: checks requests, reads feeds, opens streams.

import type { MarketDataService } from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { fanout, type Subscriber } from '../../lib/platform/rpc/fanout.ts';
import type { Handlers } from '../../lib/platform/rpc/server.ts';
import { addToMetric } from '../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../lib/platform/telemetry/names.ts';
import { BookChannels, BookSubscription } from './book-stream.ts';
import { CandleSubscription } from './candle-stream.ts';
import type { FeedEntry, Feeds } from './feeds.ts';
import { waitForSequence } from './minimum-sequence.ts';
import {
  checkForm,
  depthOf,
  getEntry,
  microsecondsOf,
  pageSizeOf,
  pageTokenOf,
  parsePageToken,
} from './requests.ts';
import { decodeToken, type Places, type StreamKind } from './resume-token.ts';
import {
  findInterval,
  type InstrumentScale,
  showCandle,
  showEventTime,
  showLevels,
  showState,
  showTrade,
} from './shown.ts';
import { HEARTBEAT_INTERVAL_MS, type Subscription } from './subscription.ts';
import { TICKER_INTERVAL_MS, TickerSubscription, tickerOf } from './ticker-stream.ts';
import { TradeChannels, TradeSubscription } from './trade-stream.ts';

/** Open streams of one process; more are refused. */
const MAXIMUM_STREAMS = 20_000;

/** All open streams: keeps them alive and publishes what goes by the clock. */
export class Streams {
  readonly #feeds: Feeds;
  readonly #books = new BookChannels();
  readonly #trades = new TradeChannels();
  readonly #open = new Set<Subscription>();
  readonly #tickers = new Set<TickerSubscription>();
  readonly #timers: NodeJS.Timeout[];

  constructor(feeds: Feeds) {
    this.#feeds = feeds;
    this.#timers = [
      setInterval(() => this.#beat(), HEARTBEAT_INTERVAL_MS),
      setInterval(() => this.#publishTickers(), TICKER_INTERVAL_MS),
    ];
  }

  get openCount(): number {
    return this.#open.size;
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  openBooks(
    subscriber: Subscriber,
    request: { ids: readonly string[]; depth: number; token: string },
  ): void {
    const entries = request.ids.map((id) => getEntry(this.#feeds, id));
    const resumed = readToken(request.token, { letter: 'b', variant: request.depth }, entries);
    const subscription = this.#admit(new BookSubscription(subscriber, request.depth), 'books');
    subscription.open(entries, { channels: this.#books, depth: request.depth, resumed });
  }

  openTrades(subscriber: Subscriber, request: { ids: readonly string[]; token: string }): void {
    const entries = request.ids.map((id) => getEntry(this.#feeds, id));
    const resumed = readToken(request.token, { letter: 't', variant: 0 }, entries);
    const subscription = this.#admit(new TradeSubscription(subscriber), 'trades');
    subscription.open(entries, { channels: this.#trades, resumed });
  }

  openCandles(
    subscriber: Subscriber,
    request: { ids: readonly string[]; interval: ReturnType<typeof findInterval>; token: string },
  ): void {
    const entries = request.ids.map((id) => getEntry(this.#feeds, id));
    const subscription = new CandleSubscription(subscriber, request.interval ?? '1m');
    const resumed = readToken(request.token, subscription.kind, entries);
    this.#admit(subscription, 'candles').open(entries, resumed);
  }

  openTickers(subscriber: Subscriber, request: { ids: readonly string[]; token: string }): void {
    const everything = request.ids.length === 0;
    const entries = everything
      ? this.#feeds.visible()
      : request.ids.map((id) => getEntry(this.#feeds, id));
    const subscription = new TickerSubscription(subscriber, everything);
    const resumed = readToken(request.token, subscription.kind, entries);
    this.#admit(subscription, 'tickers').open(entries, resumed);
    this.#tickers.add(subscription);
    subscription.onClose(() => this.#tickers.delete(subscription));
    if (!everything) return;
    subscription.onClose(this.#feeds.onNewcomer((entry) => subscription.followNewcomer(entry)));
  }

  #admit<S extends Subscription>(subscription: S, stream: string): S {
    if (this.#open.size >= MAXIMUM_STREAMS) {
      throw new OperatingError('TOO_MANY_STREAMS', 'This server has no room for more streams.', {
        metadata: { limit: String(MAXIMUM_STREAMS) },
        retryDelayMs: 1_000,
      });
    }
    const attributes = { [ATTRIBUTES.stream]: stream };
    this.#open.add(subscription);
    addToMetric(METRICS.streams, 1, attributes);
    subscription.onClose(() => {
      this.#open.delete(subscription);
      addToMetric(METRICS.streams, -1, attributes);
    });
    return subscription;
  }

  #beat(): void {
    const nowMs = performance.now();
    for (const subscription of this.#open) subscription.beat(nowMs);
  }

  #publishTickers(): void {
    for (const subscription of this.#tickers) subscription.publish();
  }
}

function readToken(
  token: string,
  kind: StreamKind,
  entries: readonly FeedEntry[],
): Places | undefined {
  if (token === '') return undefined;
  return decodeToken(
    token,
    kind,
    entries.map((entry) => entry.instrumentNumber),
  );
}

/** The handlers over the feeds and their streams. */
export function marketDataHandlers(
  feeds: Feeds,
  streams: Streams,
): Handlers<typeof MarketDataService> {
  return {
    ...readHandlers(feeds),
    streamOrderBook: fanout((request, subscriber) => {
      const { instrumentIds: ids, depth, resumeToken: token } = request;
      checkForm((form) => {
        form.someInstruments(ids);
        form.depth(depth);
      });
      streams.openBooks(subscriber, { ids, depth: depthOf(depth), token });
    }),
    streamTrades: fanout((request, subscriber) => {
      const { instrumentIds: ids, resumeToken: token } = request;
      checkForm((form) => form.someInstruments(ids));
      streams.openTrades(subscriber, { ids, token });
    }),
    streamCandles: fanout((request, subscriber) => {
      const { instrumentIds: ids, resumeToken: token } = request;
      checkForm((form) => {
        form.someInstruments(ids);
        form.interval(request.interval);
      });
      streams.openCandles(subscriber, { ids, interval: findInterval(request.interval), token });
    }),
    streamTickers: fanout((request, subscriber) => {
      const { instrumentIds: ids, resumeToken: token } = request;
      checkForm((form) => form.instruments(ids));
      streams.openTickers(subscriber, { ids, token });
    }),
  };
}

type ReadHandlers = Pick<
  Handlers<typeof MarketDataService>,
  'getOrderBook' | 'listTrades' | 'listCandles' | 'getTicker'
>;

function readHandlers(feeds: Feeds): ReadHandlers {
  return {
    async getOrderBook({ instrumentId, depth, minimumSequence }, call) {
      checkForm((form) => {
        form.requiredId('instrument_id', instrumentId);
        form.depth(depth);
      });
      const entry = getEntry(feeds, instrumentId);
      await waitForSequence(entry, Number(minimumSequence), call);
      const { feed } = entry;
      const top = depthOf(depth);
      return {
        instrumentId,
        sequence: BigInt(feed.sequence),
        state: showState(feed.book.phase),
        ...showLevels(
          { bids: feed.book.bids.top(top), asks: feed.book.asks.top(top) },
          scaleOf(entry),
        ),
        ...showEventTime(feed.timeUs),
        stale: entry.isStale(performance.now()),
      };
    },
    async listTrades({ instrumentId, pageSize, pageToken }) {
      checkForm((form) => {
        form.requiredId('instrument_id', instrumentId);
        form.pageSize(pageSize);
      });
      const before = parsePageToken(pageToken);
      const entry = getEntry(feeds, instrumentId);
      const limit = pageSizeOf(pageSize);
      const found = entry.feed.tape.before(before, limit + 1);
      const trades = found.slice(0, limit);
      const more = found.length > limit;
      return {
        trades: trades.map((trade) => showTrade(trade, scaleOf(entry))),
        nextPageToken: more ? pageTokenOf(trades.at(-1)?.instrumentSequence ?? 0) : '',
      };
    },
    async listCandles(request) {
      const { instrumentId, startTime, endTime, pageSize, pageToken } = request;
      checkForm((form) => {
        form.requiredId('instrument_id', instrumentId);
        form.interval(request.interval);
        form.time('start_time', startTime);
        form.time('end_time', endTime);
        form.pageSize(pageSize);
      });
      const token = parsePageToken(pageToken);
      const entry = getEntry(feeds, instrumentId);
      const limit = pageSizeOf(pageSize);
      const endUs = endTime === undefined ? Number.MAX_SAFE_INTEGER : microsecondsOf(endTime);
      const found = entry.feed.series(findInterval(request.interval) ?? '1m').list({
        fromUs: startTime === undefined ? 0 : microsecondsOf(startTime),
        beforeUs: Math.min(token, endUs),
        limit: limit + 1,
      });
      const candles = found.slice(0, limit);
      const more = found.length > limit;
      return {
        candles: candles.map((candle) => showCandle(candle, scaleOf(entry))),
        nextPageToken: more ? pageTokenOf(candles.at(-1)?.openTimeUs ?? 0) : '',
      };
    },
    async getTicker({ instrumentId }) {
      checkForm((form) => form.requiredId('instrument_id', instrumentId));
      return { ticker: tickerOf(getEntry(feeds, instrumentId)) };
    },
  };
}

function scaleOf(entry: FeedEntry): InstrumentScale {
  return entry.scale as InstrumentScale;
}
