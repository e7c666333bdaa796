// StreamCandles: the open candle when it changes and each once more when it closes. While a client
// reads slowly the changes of an open candle are merged; closed candles are never dropped.

import { StreamCandlesResponseSchema } from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Subscriber } from '../../lib/platform/rpc/fanout.ts';
import { CANDLE_INTERVALS_US, type Candle, type CandleInterval } from '../domain/candles.ts';
import type { CommandChange } from '../domain/instrument-feed.ts';
import type { FeedEntry, FeedListener, MarketWorld } from './feeds.ts';
import type { Places } from './resume-token.ts';
import { type InstrumentScale, showCandle } from './shown.ts';
import { CUT_OFF_ABOVE_BYTES, MERGE_ABOVE_BYTES, Subscription } from './subscription.ts';

/** One instrument of one subscription: what has changed since it was last sent. */
class CandleTrack implements FeedListener {
  readonly entry: FeedEntry;
  readonly #subscription: CandleSubscription;
  readonly #interval: CandleInterval;
  /** Candles to send, oldest first, at most one of each interval. */
  readonly changed = new Set<Candle>();

  constructor(entry: FeedEntry, interval: CandleInterval, subscription: CandleSubscription) {
    this.entry = entry;
    this.#interval = interval;
    this.#subscription = subscription;
    entry.listeners.add(this);
    subscription.onClose(() => entry.listeners.delete(this));
  }

  onCommand(change: CommandChange): void {
    this.#collect(change.candles);
  }

  onCandlesClosed(candles: readonly Candle[]): void {
    this.#collect(candles);
  }

  onBatch(): void {
    if (this.changed.size > 0) this.#subscription.publish(this);
  }

  #collect(candles: readonly Candle[]): void {
    for (const candle of candles) {
      if (candle.interval === this.#interval) this.changed.add(candle);
    }
  }
}

export class CandleSubscription extends Subscription {
  readonly #interval: CandleInterval;
  readonly #waiting = new Set<CandleTrack>();

  constructor(subscriber: Subscriber, world: MarketWorld, interval: CandleInterval) {
    const kind = { letter: 'c', variant: CANDLE_INTERVALS_US[interval] } as const;
    super(subscriber, world, { kind, schema: StreamCandlesResponseSchema });
    this.#interval = interval;
    subscriber.onDrained(() => this.#catchUp());
  }

  /**
   * Begins with the open candles, or with what changed behind the token.
   *
   * @throws OperatingError RESUME_TOKEN_TOO_OLD when candles since then are no longer kept.
   */
  open(entries: readonly FeedEntry[], resumed: Places | undefined): void {
    const tracks = entries.map((entry) => new CandleTrack(entry, this.#interval, this));
    for (const track of tracks) {
      const last = track.entry.feed.tape.last?.instrumentSequence ?? 0;
      const place = resumed?.get(track.entry.instrumentNumber);
      this.places.set(track.entry.instrumentNumber, place ?? last);
      if (place !== undefined) this.#collectMissed(track, place);
    }
    this.begin(entries, resumed !== undefined);
    if (resumed === undefined) this.send('snapshot', { candles: this.#openCandles(entries) });
    for (const track of tracks) track.onBatch();
  }

  publish(track: CandleTrack): void {
    const { bufferedBytes } = this.subscriber;
    if (bufferedBytes > CUT_OFF_ABOVE_BYTES || track.changed.size > 10_000) {
      this.cutOff();
    } else if (bufferedBytes > MERGE_ABOVE_BYTES) {
      this.#waiting.add(track);
    } else {
      this.#sendChanged(track);
    }
  }

  protected override covered(entry: FeedEntry): number {
    const isWaiting = [...this.#waiting].some((track) => track.entry === entry);
    return isWaiting ? (this.places.get(entry.instrumentNumber) ?? 0) : entry.feed.sequence;
  }

  #sendChanged(track: CandleTrack): void {
    const { entry } = track;
    const scale = entry.scale as InstrumentScale;
    const candles = [...track.changed];
    track.changed.clear();
    const previousSequence = BigInt(this.places.get(entry.instrumentNumber) ?? 0);
    const sequence = candles[candles.length - 1]?.instrumentSequence ?? 0;
    this.places.set(entry.instrumentNumber, sequence);
    this.send('update', {
      instrumentId: scale.instrumentId,
      sequence: BigInt(sequence),
      previousSequence,
      candles: candles.map((candle) => showCandle(candle, scale)),
    });
  }

  #catchUp(): void {
    for (const track of this.#waiting) {
      this.#waiting.delete(track);
      this.#sendChanged(track);
      if (this.subscriber.bufferedBytes > MERGE_ABOVE_BYTES) return;
    }
  }

  #openCandles(entries: readonly FeedEntry[]): object[] {
    return entries.flatMap((entry) => {
      const { open } = entry.feed.series(this.#interval);
      return open === undefined ? [] : [showCandle(open, entry.scale as InstrumentScale)];
    });
  }

  /** A candle whose last trade the client has seen may have closed since, so it counts too. */
  #collectMissed(track: CandleTrack, place: number): void {
    const series = track.entry.feed.series(this.#interval);
    const range = { fromUs: 0, beforeUs: Number.MAX_SAFE_INTEGER, limit: Number.MAX_SAFE_INTEGER };
    const candles = series.list(range);
    const missed = candles.filter((candle) => candle.instrumentSequence >= place);
    if (missed.length === candles.length && series.droppedThrough > place) {
      throw new OperatingError(
        'RESUME_TOKEN_TOO_OLD',
        `Candles of ${track.entry.scale?.instrumentId} behind the token are no longer kept.`,
      );
    }
    for (const candle of missed.reverse()) track.changed.add(candle);
  }
}
