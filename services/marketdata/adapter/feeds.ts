// All instruments' feeds and who wants to hear of their changes. Events come in by entries of a
// matching shard; listeners are told after each command and once more when a batch is through, so
// that they can encode once for everybody.

import type { EntryEvents } from '../../../gen/bourse/matching/v1/service_pb.ts';
import { type ClusterWorld, realClusterWorld } from '../../lib/platform/cluster/cluster-world.ts';
import type { Candle } from '../domain/candles.ts';
import {
  type CommandChange,
  InstrumentFeed,
  type SequencedMarketEvent,
} from '../domain/instrument-feed.ts';
import { addMarketEvents } from './matching-events.ts';
import type { InstrumentScale } from './shown.ts';

/** An instrument is stale when its shard has been silent for longer. */
const STALE_AFTER_MS = 1_000;

export type FeedListener = {
  /** A command is through; state and change belong together only until the next call. */
  onCommand?(change: CommandChange): void;
  /** Candles ended because their time was over, without a trade. */
  onCandlesClosed?(candles: readonly Candle[]): void;
  /** Everything that had arrived together is through: publish. */
  onBatch(): void;
};

/** What market data touches of the world (W-1). */
export type MarketWorld = Pick<ClusterWorld, 'monotonicUs' | 'wallClockUs' | 'setTimer'>;

/** One instrument: its feed, how its numbers are shown, who listens. */
export class FeedEntry {
  readonly instrumentNumber: number;
  readonly feed = new InstrumentFeed();
  readonly listeners = new Set<FeedListener>();
  /** Known once reference data has told; clients see the instrument from then on. */
  scale: InstrumentScale | undefined;
  readonly world: MarketWorld;
  /** Shard whose events it has; another one after a move. */
  shardId: string | undefined;
  /** When that shard was last heard of, in microseconds of the process's own clock. */
  heardUs = Number.NEGATIVE_INFINITY;

  constructor(instrumentNumber: number, world: MarketWorld) {
    this.instrumentNumber = instrumentNumber;
    this.world = world;
  }

  /** Its shard has been silent for longer than 1 s (CON-2). */
  get isStale(): boolean {
    return this.world.monotonicUs() - this.heardUs > STALE_AFTER_MS * 1_000;
  }
}

export class Feeds {
  readonly world: MarketWorld;
  readonly #byNumber = new Map<number, FeedEntry>();
  readonly #byId = new Map<string, FeedEntry>();
  readonly #newcomers = new Set<(entry: FeedEntry) => void>();
  /** True once reference data is known and all logs have been read to their ends. */
  isReady = false;

  constructor(world: MarketWorld = realClusterWorld) {
    this.world = world;
  }

  /** Makes an instrument visible, or changes how its numbers are shown. */
  setScale(scale: InstrumentScale): void {
    const entry = this.#entry(scale.instrumentNumber);
    const isNew = entry.scale === undefined;
    entry.scale = scale;
    this.#byId.set(scale.instrumentId, entry);
    if (!isNew) return;
    for (const listener of this.#newcomers) listener(entry);
  }

  find(instrumentId: string): FeedEntry | undefined {
    return this.#byId.get(instrumentId);
  }

  /** @returns all visible instruments. */
  visible(): FeedEntry[] {
    return [...this.#byId.values()];
  }

  /** All instruments that events have named, visible or not. */
  all(): Iterable<FeedEntry> {
    return this.#byNumber.values();
  }

  /** The place of an instrument whose feed goes on from what was stored. */
  restoring(instrumentNumber: number, shardId: string): FeedEntry {
    const entry = this.#entry(instrumentNumber);
    entry.shardId = shardId;
    return entry;
  }

  /** Calls `listener` for each instrument that becomes visible, until what it returns is called. */
  onNewcomer(listener: (entry: FeedEntry) => void): () => void {
    this.#newcomers.add(listener);
    return () => this.#newcomers.delete(listener);
  }

  /** A shard has been heard of, with or without events. */
  heard(shardId: string): void {
    const nowUs = this.world.monotonicUs();
    for (const entry of this.#byNumber.values()) {
      if (entry.shardId === shardId) entry.heardUs = nowUs;
    }
  }

  /** Applies entries in order and lets everybody publish. @returns the number of trades. */
  apply(shardId: string, entries: readonly EntryEvents[]): number {
    const nowUs = this.world.monotonicUs();
    const changed = new Set<FeedEntry>();
    let tradeCount = 0;
    for (const entry of entries) {
      const timeUs = Number(entry.logTimeUs);
      for (const command of entry.commands) {
        for (const [instrumentNumber, events] of this.#byInstrument(command.events)) {
          const target = this.#entry(instrumentNumber);
          // Read before: from the tables of an earlier process, which may be ahead (CON-1).
          if ((events.at(-1)?.instrumentSequence ?? 0) <= target.feed.sequence) continue;
          const isWatched = target.listeners.size > 0;
          const change = target.feed.applyCommand(events, timeUs, isWatched);
          tradeCount += change.trades.length;
          for (const listener of target.listeners) listener.onCommand?.(change);
          target.shardId = shardId;
          target.heardUs = nowUs;
          changed.add(target);
        }
      }
    }
    for (const target of changed) {
      for (const listener of target.listeners) listener.onBatch();
    }
    return tradeCount;
  }

  /** Ends candles of a shard's instruments whose interval is over at a log time. */
  closeCandles(shardId: string, timeUs: number): void {
    for (const entry of this.#byNumber.values()) {
      if (entry.shardId !== shardId) continue;
      const closed = entry.feed.closeCandles(timeUs);
      if (closed.length === 0) continue;
      for (const listener of entry.listeners) {
        listener.onCandlesClosed?.(closed);
        listener.onBatch();
      }
    }
  }

  #entry(instrumentNumber: number): FeedEntry {
    let entry = this.#byNumber.get(instrumentNumber);
    if (entry === undefined) {
      entry = new FeedEntry(instrumentNumber, this.world);
      this.#byNumber.set(instrumentNumber, entry);
    }
    return entry;
  }

  /** A command's events belong to one instrument, but for what was due by itself. */
  #byInstrument(
    events: EntryEvents['commands'][number]['events'],
  ): Iterable<readonly [number, SequencedMarketEvent[]]> {
    const first = events[0]?.instrumentNumber ?? 0;
    if (first === 0 || events.some(({ instrumentNumber }) => instrumentNumber !== first)) {
      return groupByInstrument(events);
    }
    const list: SequencedMarketEvent[] = [];
    for (const event of events) addMarketEvents(list, event);
    return [[first, list]];
  }
}

/** What is about no instrument is left out. */
function groupByInstrument(
  events: EntryEvents['commands'][number]['events'],
): Map<number, SequencedMarketEvent[]> {
  const grouped = new Map<number, SequencedMarketEvent[]>();
  for (const event of events) {
    if (event.instrumentNumber === 0) continue;
    let list = grouped.get(event.instrumentNumber);
    if (list === undefined) {
      list = [];
      grouped.set(event.instrumentNumber, list);
    }
    addMarketEvents(list, event);
  }
  return grouped;
}
