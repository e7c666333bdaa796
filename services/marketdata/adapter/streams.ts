// All open streams of the process: opens them, keeps them alive, publishes what goes by the clock.

import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Subscriber } from '../../lib/platform/rpc/fanout.ts';
import { addToMetric } from '../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../lib/platform/telemetry/names.ts';
import type { CandleInterval } from '../domain/candles.ts';
import { BookChannels, BookSubscription } from './book-stream.ts';
import { CandleSubscription } from './candle-stream.ts';
import type { FeedEntry, Feeds } from './feeds.ts';
import { assertReady, getEntry } from './requests.ts';
import { decodeToken, type Places, type StreamKind } from './resume-token.ts';
import { HEARTBEAT_INTERVAL_MS, type Subscription } from './subscription.ts';
import { TICKER_INTERVAL_MS, TickerSubscription } from './ticker-stream.ts';
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
    request: { ids: readonly string[]; interval: CandleInterval; token: string },
  ): void {
    const entries = request.ids.map((id) => getEntry(this.#feeds, id));
    const subscription = new CandleSubscription(subscriber, request.interval);
    const resumed = readToken(request.token, subscription.kind, entries);
    this.#admit(subscription, 'candles').open(entries, resumed);
  }

  openTickers(subscriber: Subscriber, request: { ids: readonly string[]; token: string }): void {
    assertReady(this.#feeds);
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
