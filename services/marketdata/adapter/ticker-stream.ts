// StreamTickers: tickers when they change, at most ten times a second; a client that reads slowly
// gets the last one of each.

import { StreamTickersResponseSchema } from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import type { Subscriber } from '../../lib/platform/rpc/fanout.ts';
import type { FeedEntry, FeedListener, MarketWorld } from './feeds.ts';
import type { Places } from './resume-token.ts';
import { type InstrumentScale, showTicker } from './shown.ts';
import { MERGE_ABOVE_BYTES, Subscription } from './subscription.ts';

/** How often changed tickers are sent. */
export const TICKER_INTERVAL_MS = 100;

export class TickerSubscription extends Subscription {
  readonly #changed = new Set<FeedEntry>();

  constructor(subscriber: Subscriber, world: MarketWorld, everything: boolean) {
    const kind = { letter: 'k', variant: everything ? 1 : 0 } as const;
    super(subscriber, world, { kind, schema: StreamTickersResponseSchema });
  }

  /** Begins with all tickers, or with those that changed behind the token. */
  open(entries: readonly FeedEntry[], resumed: Places | undefined): void {
    for (const entry of entries) this.follow(entry, resumed?.get(entry.instrumentNumber));
    this.begin(entries, resumed !== undefined);
    if (resumed !== undefined) return;
    this.#changed.clear();
    for (const entry of entries) this.places.set(entry.instrumentNumber, entry.feed.sequence);
    const byId = [...entries].sort((a, b) => compareText(idOf(a), idOf(b)));
    this.send('snapshot', { tickers: byId.map(tickerOf) });
  }

  /** Takes an instrument in; it is sent with the next publication unless the client has it. */
  follow(entry: FeedEntry, place = -1): void {
    this.places.set(entry.instrumentNumber, Math.max(place, 0));
    if (place !== entry.feed.sequence) this.#changed.add(entry);
    const listener: FeedListener = { onBatch: () => this.#changed.add(entry) };
    entry.listeners.add(listener);
    this.onClose(() => entry.listeners.delete(listener));
  }

  /** Takes in an instrument that has come while the stream is open. */
  followNewcomer(entry: FeedEntry): void {
    this.addEntry(entry);
    this.follow(entry);
  }

  protected override covered(entry: FeedEntry): number {
    const place = this.places.get(entry.instrumentNumber) ?? 0;
    return this.#changed.has(entry) ? place : entry.feed.sequence;
  }

  /** Sends what has changed. */
  publish(): void {
    for (const entry of this.#changed) {
      if (this.subscriber.bufferedBytes > MERGE_ABOVE_BYTES) return;
      this.#changed.delete(entry);
      const previousSequence = BigInt(this.places.get(entry.instrumentNumber) ?? 0);
      this.places.set(entry.instrumentNumber, entry.feed.sequence);
      this.send('update', { ticker: tickerOf(entry), previousSequence });
    }
  }
}

export function tickerOf(entry: FeedEntry): ReturnType<typeof showTicker> {
  const ticker = entry.feed.ticker(entry.world.wallClockUs());
  return showTicker(ticker, entry.scale as InstrumentScale, entry.isStale);
}

function idOf(entry: FeedEntry): string {
  return entry.scale?.instrumentId ?? '';
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
