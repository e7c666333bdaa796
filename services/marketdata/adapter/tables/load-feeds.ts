// Restores feeds from market data's tables (CON-1). Everything is read before anything is restored,
// so that a read that breaks leaves the feeds empty for the next attempt.

import type pg from 'pg';
import { type Candle, CLOSED_CANDLES_KEPT } from '../../domain/candles.ts';
import type { TapeTrade } from '../../domain/tape.ts';
import type { Feeds } from '../feeds.ts';
import {
  decodeFeed,
  decodeTrade,
  type FeedColumn,
  INTERVALS,
  openCandleOf,
  type TradeColumn,
} from './stored-codec.ts';

/** One instrument as the tables have it. */
export type LoadedFeed = {
  readonly instrumentNumber: number;
  readonly shardId: string;
  readonly state: FeedColumn;
  readonly orders: Float64Array[];
  readonly trades: TapeTrade[];
  /** Closed, oldest first, of all intervals; one more of each than is kept. */
  readonly candles: Candle[];
};

/** @param client within a transaction that sees one moment */
export async function loadFeeds(client: pg.PoolClient, feeds: Feeds): Promise<void> {
  const loaded = await fetchFeeds(client);
  await addOrders(client, loaded);
  await addTrades(client, loaded);
  await addCandles(client, loaded);
  for (const one of loaded.values()) restoreFeed(feeds, one);
}

async function fetchFeeds(client: pg.PoolClient): Promise<Map<number, LoadedFeed>> {
  const { rows } = await client.query(
    'SELECT instrument_number, shard_id, state FROM marketdata_feed',
  );
  return new Map(
    rows.map((row): [number, LoadedFeed] => {
      const { instrument_number: instrumentNumber, shard_id: shardId, state } = row;
      const empty = { orders: [], trades: [], candles: [] };
      return [instrumentNumber, { instrumentNumber, shardId, state, ...empty }];
    }),
  );
}

async function addOrders(
  client: pg.PoolClient,
  loaded: ReadonlyMap<number, LoadedFeed>,
): Promise<void> {
  const { rows } = await client.query('SELECT instrument_number, orders FROM marketdata_orders');
  for (const { instrument_number: instrumentNumber, orders } of rows) {
    // A copy of its own, which begins where eight bytes may begin.
    const bytes = Uint8Array.from(orders as Buffer);
    loaded.get(instrumentNumber)?.orders.push(new Float64Array(bytes.buffer));
  }
}

async function addTrades(
  client: pg.PoolClient,
  loaded: ReadonlyMap<number, LoadedFeed>,
): Promise<void> {
  const { rows } = await client.query(
    'SELECT instrument_number, trades FROM marketdata_trades ORDER BY instrument_number, part',
  );
  for (const { instrument_number: instrumentNumber, trades } of rows) {
    const tape = loaded.get(instrumentNumber)?.trades;
    for (const trade of trades as readonly TradeColumn[]) tape?.push(decodeTrade(trade));
  }
}

async function addCandles(
  client: pg.PoolClient,
  loaded: ReadonlyMap<number, LoadedFeed>,
): Promise<void> {
  const { rows } = await client.query(
    `SELECT * FROM (
       SELECT *, row_number() OVER (
         PARTITION BY instrument_number, candle_interval ORDER BY open_time_us DESC) AS place
         FROM marketdata_candle) AS ranked
      WHERE place <= $1 ORDER BY open_time_us`,
    [CLOSED_CANDLES_KEPT + 1],
  );
  for (const row of rows) {
    loaded.get(row.instrument_number)?.candles.push({
      interval: row.candle_interval,
      openTimeUs: Number(row.open_time_us),
      openUnits: Number(row.open_units),
      highUnits: Number(row.high_units),
      lowUnits: Number(row.low_units),
      closeUnits: Number(row.close_units),
      volumeUnits: BigInt(row.volume_units),
      notionalUnits: BigInt(row.notional_units),
      tradeCount: Number(row.trade_count),
      instrumentSequence: Number(row.instrument_sequence),
      closed: true,
    });
  }
}

/** Has a feed that is empty go on from what was stored. */
export function restoreFeed(feeds: Feeds, loaded: LoadedFeed): void {
  const { instrumentNumber, shardId, state, orders, trades, candles } = loaded;
  const { feed } = feeds.restoring(instrumentNumber, shardId);
  for (const packed of orders) feed.book.restore(packed);
  feed.tape.restore(trades, state.tradeCount);
  for (const interval of INTERVALS) {
    const open = openCandleOf(state, interval);
    // It may have been closed by time alone after it was written as open, and before that in part.
    const all = candles.filter((one) => one.interval === interval);
    const closed = all.filter((one) => open === undefined || one.openTimeUs < open.openTimeUs);
    const isCut = closed.length > CLOSED_CANDLES_KEPT;
    const dropped = isCut ? closed.shift() : undefined;
    const droppedThrough = dropped?.instrumentSequence ?? 0;
    feed.series(interval).restore({ closed, open, droppedThrough });
  }
  feed.restore(decodeFeed(state));
}
