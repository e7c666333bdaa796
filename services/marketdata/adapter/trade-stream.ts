// StreamTrades: every trade exactly once. What a client missed between two streams comes from the
// tape; a client that reads too slowly is cut off with the token to go on from.

import { StreamTradesResponseSchema } from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Subscriber } from '../../lib/platform/rpc/fanout.ts';
import type { CommandChange } from '../domain/instrument-feed.ts';
import type { TapeTrade } from '../domain/tape.ts';
import type { FeedEntry, FeedListener, MarketWorld } from './feeds.ts';
import type { Places } from './resume-token.ts';
import { type InstrumentScale, showTrade } from './shown.ts';
import { CUT_OFF_ABOVE_BYTES, encodeMessage, Subscription } from './subscription.ts';

/** Trades in one message. */
const TRADES_PER_MESSAGE = 1_000;

/** The trade channels of all instruments that somebody looks at. */
export class TradeChannels {
  readonly #channels = new Map<FeedEntry, TradeChannel>();

  join(entry: FeedEntry, subscription: TradeSubscription): void {
    let channel = this.#channels.get(entry);
    if (channel === undefined) {
      channel = new TradeChannel(entry);
      this.#channels.set(entry, channel);
    }
    channel.subscriptions.add(subscription);
  }

  leave(entry: FeedEntry, subscription: TradeSubscription): void {
    const channel = this.#channels.get(entry);
    channel?.subscriptions.delete(subscription);
    if (channel === undefined || channel.subscriptions.size > 0) return;
    channel.close();
    this.#channels.delete(entry);
  }
}

class TradeChannel implements FeedListener {
  readonly #entry: FeedEntry;
  readonly subscriptions = new Set<TradeSubscription>();
  #trades: TapeTrade[] = [];

  constructor(entry: FeedEntry) {
    this.#entry = entry;
    entry.listeners.add(this);
  }

  onCommand(change: CommandChange): void {
    this.#trades.push(...change.trades);
  }

  onBatch(): void {
    if (this.#trades.length === 0) return;
    const trades = this.#trades;
    this.#trades = [];
    for (const part of inMessages(trades)) {
      const bytes = encodeMessage(
        StreamTradesResponseSchema,
        'update',
        tradesOf(this.#entry, part),
      );
      const sequence = part[part.length - 1]?.instrumentSequence ?? 0;
      for (const subscription of this.subscriptions) {
        subscription.deliver(this.#entry, bytes, sequence);
      }
    }
  }

  close(): void {
    this.#entry.listeners.delete(this);
  }
}

export class TradeSubscription extends Subscription {
  constructor(subscriber: Subscriber, world: MarketWorld) {
    const kind = { letter: 't', variant: 0 } as const;
    super(subscriber, world, { kind, schema: StreamTradesResponseSchema });
  }

  /**
   * Begins with the next trade, or with the first one behind the token.
   *
   * @throws OperatingError RESUME_TOKEN_TOO_OLD when the tape does not reach back to it.
   */
  open(
    entries: readonly FeedEntry[],
    options: { channels: TradeChannels; resumed: Places | undefined },
  ): void {
    const missed = entries.map((entry) => missedTrades(entry, options.resumed));
    for (const entry of entries) {
      const last = entry.feed.tape.last?.instrumentSequence ?? 0;
      this.places.set(entry.instrumentNumber, options.resumed?.get(entry.instrumentNumber) ?? last);
      options.channels.join(entry, this);
      this.onClose(() => options.channels.leave(entry, this));
    }
    this.begin(entries, options.resumed !== undefined);
    if (options.resumed === undefined) this.send('snapshot', { places: placesOf(entries) });
    entries.forEach((entry, i) => {
      for (const part of inMessages(missed[i] ?? [])) {
        this.places.set(entry.instrumentNumber, part[part.length - 1]?.instrumentSequence ?? 0);
        this.send('update', tradesOf(entry, part));
      }
    });
  }

  deliver(entry: FeedEntry, bytes: Uint8Array, sequence: number): void {
    if (this.subscriber.bufferedBytes > CUT_OFF_ABOVE_BYTES) {
      this.cutOff();
      return;
    }
    this.places.set(entry.instrumentNumber, sequence);
    this.write(bytes);
  }
}

function missedTrades(entry: FeedEntry, resumed: Places | undefined): TapeTrade[] {
  const place = resumed?.get(entry.instrumentNumber);
  if (place === undefined) return [];
  const missed = entry.feed.tape.after(place);
  if (missed !== undefined) return missed;
  throw new OperatingError(
    'RESUME_TOKEN_TOO_OLD',
    `Trades of ${entry.scale?.instrumentId} behind the token are no longer kept.`,
    { metadata: { oldest_sequence: String(entry.feed.tape.droppedThrough + 1) } },
  );
}

function placesOf(entries: readonly FeedEntry[]): object[] {
  return entries.map((entry) => ({
    instrumentId: entry.scale?.instrumentId ?? '',
    sequence: BigInt(entry.feed.tape.last?.instrumentSequence ?? 0),
    stale: entry.isStale,
  }));
}

function tradesOf(entry: FeedEntry, trades: readonly TapeTrade[]): object {
  const scale = entry.scale as InstrumentScale;
  return {
    instrumentId: scale.instrumentId,
    sequence: BigInt(trades[trades.length - 1]?.instrumentSequence ?? 0),
    previousSequence: BigInt(trades[0]?.previousTradeSequence ?? 0),
    trades: trades.map((trade) => showTrade(trade, scale)),
  };
}

function inMessages(trades: readonly TapeTrade[]): TapeTrade[][] {
  const parts: TapeTrade[][] = [];
  for (let i = 0; i < trades.length; i += TRADES_PER_MESSAGE) {
    parts.push(trades.slice(i, i + TRADES_PER_MESSAGE));
  }
  return parts;
}
