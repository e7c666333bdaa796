// StreamOrderBook: a channel per instrument and depth encodes each batch of updates once; every
// subscriber of it gets those bytes, or, when it reads slowly, one merged update later on.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { OrderBookUpdateSchema } from '../../../gen/bourse/marketdata/v1/market_data_pb.ts';
import { StreamOrderBookResponseSchema } from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import type { Subscriber } from '../../lib/platform/rpc/fanout.ts';
import { DepthView } from '../domain/depth-view.ts';
import type { CommandChange } from '../domain/instrument-feed.ts';
import type { TouchedPrices } from '../domain/market-book.ts';
import type { FeedEntry, FeedListener, MarketWorld } from './feeds.ts';
import type { Places } from './resume-token.ts';
import { type InstrumentScale, showEventTime, showLevels, showPhase } from './shown.ts';
import { encodeMessage, MERGE_ABOVE_BYTES, Subscription } from './subscription.ts';

type UpdateInit = Extract<MessageInitShape<typeof OrderBookUpdateSchema>, { $typeName?: never }>;

/** Updates in one message; a batch with more becomes several. */
const UPDATES_PER_MESSAGE = 500;

/** The channels of all instruments and depths that somebody looks at. */
export class BookChannels {
  readonly #channels = new Map<string, BookChannel>();

  join(entry: FeedEntry, depth: number, subscription: BookSubscription): BookChannel {
    const key = `${entry.instrumentNumber}/${depth}`;
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = new BookChannel(entry, depth);
      this.#channels.set(key, channel);
    }
    channel.subscriptions.add(subscription);
    return channel;
  }

  leave(channel: BookChannel, subscription: BookSubscription): void {
    channel.subscriptions.delete(subscription);
    if (channel.subscriptions.size > 0) return;
    channel.close();
    this.#channels.delete(`${channel.entry.instrumentNumber}/${channel.depth}`);
  }
}

class BookChannel implements FeedListener {
  readonly entry: FeedEntry;
  readonly depth: number;
  readonly view: DepthView;
  readonly subscriptions = new Set<BookSubscription>();
  /** Sequence that subscribers have after the last publication. */
  sequence: number;
  #updates: UpdateInit[] = [];
  #touched: UnsentPrices = { bids: new Set(), asks: new Set() };
  /** Sequence up to which nothing that is shown changed since the last collected update. */
  #through: number;

  constructor(entry: FeedEntry, depth: number) {
    this.entry = entry;
    this.depth = depth;
    this.view = new DepthView(entry.feed.book, depth);
    this.sequence = entry.feed.sequence;
    this.#through = this.sequence;
    entry.listeners.add(this);
  }

  get scale(): InstrumentScale {
    return this.entry.scale as InstrumentScale;
  }

  onCommand(change: CommandChange): void {
    const { bids, asks } = this.view.advance(change.touched);
    const previous = this.#updates.at(-1)?.sequence ?? BigInt(this.sequence);
    this.#through = change.sequence;
    if (bids.length === 0 && asks.length === 0 && !change.phaseChanged) return;
    for (const { priceUnits } of bids) this.#touched.bids.add(priceUnits);
    for (const { priceUnits } of asks) this.#touched.asks.add(priceUnits);
    this.#updates.push({
      ...this.update(previous, change.sequence),
      ...showLevels({ bids, asks }, this.scale),
    });
  }

  onBatch(): void {
    if (this.#through === this.sequence) return;
    const last = this.#updates.at(-1)?.sequence ?? BigInt(this.sequence);
    if (last !== BigInt(this.#through)) this.#updates.push(this.update(last, this.#through));
    const updates = this.#updates;
    const touched = this.#touched;
    this.sequence = this.#through;
    this.#updates = [];
    this.#touched = { bids: new Set(), asks: new Set() };
    for (let i = 0; i < updates.length; i += UPDATES_PER_MESSAGE) {
      const part = updates.slice(i, i + UPDATES_PER_MESSAGE);
      const sequence = Number(part.at(-1)?.sequence);
      const bytes = encodeMessage(StreamOrderBookResponseSchema, 'updates', { updates: part });
      for (const subscription of this.subscriptions) {
        subscription.deliver(this, { bytes, sequence, touched });
      }
    }
  }

  /** An update without levels from one sequence to another. */
  update(previousSequence: bigint, sequence: number): UpdateInit {
    const { feed } = this.entry;
    return {
      instrumentId: this.scale.instrumentId,
      sequence: BigInt(sequence),
      previousSequence,
      ...showPhase(feed.phase, this.scale),
      ...showEventTime(feed.timeUs),
    };
  }

  close(): void {
    this.entry.listeners.delete(this);
  }
}

type Delivery = {
  readonly bytes: Uint8Array;
  readonly sequence: number;
  /** Prices that the batch changed. */
  readonly touched: TouchedPrices;
};

type UnsentPrices = { readonly bids: Set<number>; readonly asks: Set<number> };

export class BookSubscription extends Subscription {
  readonly #channels: BookChannel[] = [];
  /** What slow reading has left unsent, by channel. */
  readonly #behind = new Map<BookChannel, UnsentPrices>();

  constructor(subscriber: Subscriber, world: MarketWorld, depth: number) {
    const kind = { letter: 'b', variant: depth } as const;
    super(subscriber, world, { kind, schema: StreamOrderBookResponseSchema });
    subscriber.onDrained(() => this.#catchUp());
  }

  /** Begins with the books that the client does not have already. */
  open(
    entries: readonly FeedEntry[],
    options: { channels: BookChannels; depth: number; resumed: Places | undefined },
  ): void {
    for (const entry of entries) {
      const channel = options.channels.join(entry, options.depth, this);
      this.#channels.push(channel);
      this.onClose(() => options.channels.leave(channel, this));
      const place = options.resumed?.get(entry.instrumentNumber) ?? 0;
      this.places.set(entry.instrumentNumber, place);
    }
    this.begin(entries, options.resumed !== undefined);
    for (const channel of this.#channels) {
      const place = this.places.get(channel.entry.instrumentNumber);
      if (options.resumed === undefined || place !== channel.sequence) this.#sendSnapshot(channel);
    }
  }

  deliver(channel: BookChannel, { bytes, sequence, touched }: Delivery): void {
    const unsent = this.#behind.get(channel);
    if (unsent !== undefined || this.subscriber.bufferedBytes > MERGE_ABOVE_BYTES) {
      this.#fallBehind(channel, touched, unsent);
      return;
    }
    this.places.set(channel.entry.instrumentNumber, sequence);
    this.write(bytes);
  }

  protected override covered(entry: FeedEntry): number {
    const isBehind = [...this.#behind.keys()].some((channel) => channel.entry === entry);
    return isBehind ? (this.places.get(entry.instrumentNumber) ?? 0) : entry.feed.sequence;
  }

  #sendSnapshot(channel: BookChannel): void {
    const { entry } = channel;
    this.places.set(entry.instrumentNumber, channel.sequence);
    this.send('snapshot', {
      instrumentId: channel.scale.instrumentId,
      sequence: BigInt(channel.sequence),
      ...showPhase(entry.feed.phase, channel.scale),
      ...showLevels(channel.view.snapshot(), channel.scale),
      ...showEventTime(entry.feed.timeUs),
      stale: entry.isStale,
    });
  }

  #fallBehind(channel: BookChannel, touched: TouchedPrices, unsent?: UnsentPrices): void {
    const kept = unsent ?? { bids: new Set<number>(), asks: new Set<number>() };
    for (const priceUnits of touched.bids) kept.bids.add(priceUnits);
    for (const priceUnits of touched.asks) kept.asks.add(priceUnits);
    this.#behind.set(channel, kept);
  }

  /** Sends what a slow client has missed, merged into one update a book. */
  #catchUp(): void {
    for (const [channel, touched] of this.#behind) {
      this.#behind.delete(channel);
      const previous = BigInt(this.places.get(channel.entry.instrumentNumber) ?? 0);
      this.places.set(channel.entry.instrumentNumber, channel.sequence);
      const update = {
        ...channel.update(previous, channel.sequence),
        ...showLevels(channel.view.totalsAt(touched), channel.scale),
      };
      this.send('updates', { updates: [update] });
      if (this.subscriber.bufferedBytes > MERGE_ABOVE_BYTES) return;
    }
  }
}
