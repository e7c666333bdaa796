// Market data's tables in the simulated database (CON-1): a feed is taken as it is at the moment of
// the statement, in the columns of the real tables, and the places of the shards with it, behind
// which the logs may then be cut.

import type { LogConsumer } from '../../../services/lib/shard/log-upkeep.ts';
import type { FeedEntry, Feeds } from '../../../services/marketdata/adapter/feeds.ts';
import type { ReadPlace } from '../../../services/marketdata/adapter/follow-shard.ts';
import { restoreFeed } from '../../../services/marketdata/adapter/tables/load-feeds.ts';
import type {
  MarketTables,
  Places,
  SaveRequest,
  SaveResult,
} from '../../../services/marketdata/adapter/tables/market-tables.ts';
import {
  decodeTrade,
  encodeFeed,
  encodeTrade,
  INTERVALS,
  type TradeColumn,
} from '../../../services/marketdata/adapter/tables/stored-codec.ts';
import type { Candle } from '../../../services/marketdata/domain/candles.ts';

/** Name among the consumers of the shards' logs. */
export const CONSUMER = 'marketdata';

/** The rows of one instrument. */
type StoredRows = {
  shardId: string;
  sequence: number;
  /** Column `state`. */
  state: string;
  orders: Float64Array;
  trades: readonly TradeColumn[];
  /** Closed ones by interval and beginning. */
  readonly candles: Map<string, Candle>;
};

/** What all processes of market data have stored. */
export class StoredMarket {
  readonly places = new Map<string, ReadPlace>();
  readonly feeds = new Map<number, StoredRows>();
  savedUs = Number.NEGATIVE_INFINITY;
}

/** The road of one process to the tables. */
export type MarketRoad = {
  readonly stored: StoredMarket;
  readonly nowUs: () => number;
  /** The consumers of a shard's log. */
  readonly consumersOf: (shardId: string) => Map<string, LogConsumer>;
  /** Runs a transaction in the database, with what may go wrong on the way there and back. */
  readonly run: <T>(transaction: () => T) => Promise<T>;
};

export function simulatedMarketTables(road: MarketRoad): MarketTables {
  const { stored, run } = road;
  return {
    load: async (feeds: Feeds): Promise<Places> => {
      const read = await run(() => ({
        places: new Map(stored.places),
        feeds: [...stored.feeds].map(([instrumentNumber, rows]) => copyOf(instrumentNumber, rows)),
      }));
      for (const one of read.feeds) restoreFeed(feeds, one);
      return read.places;
    },
    save: (request) => run(() => save(road, request)),
  };
}

/** What is read of one instrument; nobody else has it. */
function copyOf(instrumentNumber: number, rows: StoredRows) {
  const { shardId, state, orders, trades, candles } = rows;
  return {
    ...{ instrumentNumber, shardId, state: JSON.parse(state), orders: [orders.slice()] },
    trades: trades.map(decodeTrade),
    candles: [...candles.values()]
      .map((candle) => ({ ...candle }))
      .sort((one, other) => one.openTimeUs - other.openTimeUs),
  };
}

function save({ stored, nowUs, consumersOf }: MarketRoad, request: SaveRequest): SaveResult {
  const { places, feeds, minimumAgeMs } = request;
  const isYoung = nowUs() - stored.savedUs < minimumAgeMs * 1_000;
  const isBehind = [...stored.places].some(([shardId, { sequence, entryIndex }]) => {
    const place = places.get(shardId);
    return place === undefined || place.sequence < sequence || place.entryIndex < entryIndex;
  });
  const isFurther = [...places].some(
    ([shardId, { entryIndex }]) => entryIndex > (stored.places.get(shardId)?.entryIndex ?? -1),
  );
  if (isYoung || isBehind || !isFurther) return 'notNeeded';
  stored.savedUs = nowUs();
  for (const entry of feeds) {
    const before = stored.feeds.get(entry.instrumentNumber);
    if (entry.feed.sequence <= (before?.sequence ?? 0)) continue;
    stored.feeds.set(entry.instrumentNumber, rowsOf(entry, before));
  }
  for (const [shardId, place] of places) {
    stored.places.set(shardId, place);
    const { entryIndex, sequence } = place;
    const consumers = consumersOf(shardId);
    const known = consumers.get(CONSUMER)?.entryIndex ?? 0;
    if (known <= entryIndex) consumers.set(CONSUMER, { consumer: CONSUMER, entryIndex, sequence });
  }
  return 'saved';
}

function rowsOf({ feed, shardId = '' }: FeedEntry, before: StoredRows | undefined): StoredRows {
  const candles = new Map(before?.candles);
  for (const interval of INTERVALS) {
    const known = [...candles.values()].filter((candle) => candle.interval === interval);
    const throughUs = Math.max(0, ...known.map(({ openTimeUs }) => openTimeUs));
    for (const candle of feed.series(interval).closedSince(throughUs)) {
      candles.set(`${interval} ${candle.openTimeUs}`, { ...candle });
    }
  }
  return {
    ...{ shardId, sequence: feed.sequence, state: JSON.stringify(encodeFeed(feed)), candles },
    orders: feed.book.packOrders().slice(),
    trades: feed.tape.from(0).map(encodeTrade),
  };
}
