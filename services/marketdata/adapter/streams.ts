// All open streams of the process: opens them, keeps them alive, publishes what goes by the clock.

import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { toOperatingError } from '../../lib/platform/rpc/error-mapping.ts';
import type { Subscriber } from '../../lib/platform/rpc/fanout.ts';
import { addToMetric } from '../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../lib/platform/telemetry/names.ts';
import type { Timer } from '../../lib/shard/world.ts';
import { CANDLE_INTERVALS_US, type CandleInterval } from '../domain/candles.ts';
import { BookChannels, BookSubscription } from './book-stream.ts';
import { CandleSubscription } from './candle-stream.ts';
import type { FeedEntry, Feeds } from './feeds.ts';
import { waitForSequence } from './minimum-sequence.ts';
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
  readonly #timers = new Map<() => void, Timer>();

  constructor(feeds: Feeds) {
    this.#feeds = feeds;
    this.#every(HEARTBEAT_INTERVAL_MS, () => this.#beat());
    this.#every(TICKER_INTERVAL_MS, () => this.#publishTickers());
  }

  get openCount(): number {
    return this.#open.size;
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
  }

  #every(delayMs: number, run: () => void): void {
    const next = (): void => {
      run();
      this.#timers.set(run, this.#feeds.world.setTimer(delayMs, next));
    };
    this.#timers.set(run, this.#feeds.world.setTimer(delayMs, next));
  }

  openBooks(
    subscriber: Subscriber,
    request: { ids: readonly string[]; depth: number; token: string },
  ): void {
    const entries = request.ids.map((id) => getEntry(this.#feeds, id));
    const resumed = readToken(request.token, { letter: 'b', variant: request.depth }, entries);
    const { depth } = request;
    whenReached(subscriber, entries, resumed, () => {
      const created = new BookSubscription(subscriber, this.#feeds.world, depth);
      this.#admit(created, 'books').open(entries, { channels: this.#books, depth, resumed });
    });
  }

  openTrades(subscriber: Subscriber, request: { ids: readonly string[]; token: string }): void {
    const entries = request.ids.map((id) => getEntry(this.#feeds, id));
    const resumed = readToken(request.token, { letter: 't', variant: 0 }, entries);
    whenReached(subscriber, entries, resumed, () => {
      const created = new TradeSubscription(subscriber, this.#feeds.world);
      this.#admit(created, 'trades').open(entries, { channels: this.#trades, resumed });
    });
  }

  openCandles(
    subscriber: Subscriber,
    request: { ids: readonly string[]; interval: CandleInterval; token: string },
  ): void {
    const entries = request.ids.map((id) => getEntry(this.#feeds, id));
    const { interval } = request;
    const kind = { letter: 'c', variant: CANDLE_INTERVALS_US[interval] } as const;
    const resumed = readToken(request.token, kind, entries);
    whenReached(subscriber, entries, resumed, () => {
      const created = new CandleSubscription(subscriber, this.#feeds.world, interval);
      this.#admit(created, 'candles').open(entries, resumed);
    });
  }

  openTickers(subscriber: Subscriber, request: { ids: readonly string[]; token: string }): void {
    assertReady(this.#feeds);
    const everything = request.ids.length === 0;
    const entries = everything
      ? this.#feeds.visible()
      : request.ids.map((id) => getEntry(this.#feeds, id));
    const kind = { letter: 'k', variant: everything ? 1 : 0 } as const;
    const resumed = readToken(request.token, kind, entries);
    whenReached(subscriber, entries, resumed, () => {
      const subscription = new TickerSubscription(subscriber, this.#feeds.world, everything);
      this.#admit(subscription, 'tickers').open(entries, resumed);
      this.#tickers.add(subscription);
      subscription.onClose(() => this.#tickers.delete(subscription));
      if (!everything) return;
      subscription.onClose(this.#feeds.onNewcomer((entry) => subscription.followNewcomer(entry)));
    });
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
    for (const subscription of this.#open) subscription.beat();
  }

  #publishTickers(): void {
    for (const subscription of this.#tickers) subscription.publish();
  }
}

/**
 * Opens a stream once everything that its token has seen is known here: the token may come from
 * another process that is some milliseconds ahead, and what a client has must not come again.
 */
function whenReached(
  subscriber: Subscriber,
  entries: readonly FeedEntry[],
  resumed: Places | undefined,
  open: () => void,
): void {
  const behind = entries.filter(
    ({ instrumentNumber, feed }) => (resumed?.get(instrumentNumber) ?? 0) > feed.sequence,
  );
  if (behind.length === 0) {
    open();
    return;
  }
  const reached = behind.map((entry) =>
    waitForSequence(entry, resumed?.get(entry.instrumentNumber) ?? 0, subscriber),
  );
  Promise.all(reached)
    .then(() => {
      if (!subscriber.signal.aborted) open();
    })
    .catch((thrown) => subscriber.end(toOperatingError(thrown, subscriber.traceId)));
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
