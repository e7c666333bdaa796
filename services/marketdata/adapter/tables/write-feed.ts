// Writes one instrument into market data's tables: what has changed since it was written last. The
// feed is looked at once, at one moment, and written bit by bit, while it already goes on.

import type pg from 'pg';
import { CANDLE_INTERVALS_US, type Candle, type CandleInterval } from '../../domain/candles.ts';
import { NUMBERS_PER_ORDER } from '../../domain/market-book.ts';
import { TRADES_KEPT } from '../../domain/tape.ts';
import type { FeedEntry } from '../feeds.ts';
import { encodeFeed, encodeTrade, INTERVALS } from './stored-codec.ts';

/** Orders in one row: 256 KiB. */
const ORDERS_PER_PART = 4_096;
const TRADES_PER_PART = 1_000;
const CANDLES_PER_STATEMENT = 1_000;
/** Candles of a second are kept for this long, longer ones for ever. */
const SHORTEST_KEPT_US = 2 * CANDLE_INTERVALS_US['1d'];

/** What stands in the tables of an instrument. */
export type WrittenFeed = { readonly sequence: number; readonly tradeCount: number };

export class FeedWriter {
  readonly #client: pg.PoolClient;

  /** @param client within a transaction */
  constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  async write(entry: FeedEntry, before: WrittenFeed | undefined): Promise<void> {
    const { instrumentNumber, feed, shardId = '' } = entry;
    const candlesThrough = await this.#fetchCandlesThrough(instrumentNumber);

    // One moment: nothing is awaited from here until everything has been taken.
    const state = encodeFeed(feed);
    const orders = feed.book.packOrders();
    const firstTrade = Math.floor((before?.tradeCount ?? 0) / TRADES_PER_PART) * TRADES_PER_PART;
    const trades = feed.tape.from(firstTrade).map(encodeTrade);
    const candles = INTERVALS.flatMap((interval) =>
      feed
        .series(interval)
        .closedSince(candlesThrough.get(interval) ?? 0)
        .map(candleRow),
    );

    await this.#client.query(
      `INSERT INTO marketdata_feed (instrument_number, shard_id, sequence, state)
       VALUES ($1, $2, $3, $4)
       ON CONFLICT (instrument_number) DO UPDATE
          SET shard_id = excluded.shard_id, sequence = excluded.sequence, state = excluded.state`,
      [instrumentNumber, shardId, state.sequence, JSON.stringify(state)],
    );
    await this.#writeOrders(instrumentNumber, orders);
    await this.#writeTrades(instrumentNumber, trades, state.tradeCount);
    await this.#writeCandles(instrumentNumber, candles, state.timeUs);
  }

  /** Start of the last closed candle that is written, by interval. */
  async #fetchCandlesThrough(instrumentNumber: number): Promise<Map<CandleInterval, number>> {
    const { rows } = await this.#client.query(
      `SELECT candle_interval, max(open_time_us) AS through FROM marketdata_candle
        WHERE instrument_number = $1 GROUP BY candle_interval`,
      [instrumentNumber],
    );
    return new Map(rows.map((row) => [row.candle_interval, Number(row.through)]));
  }

  async #writeOrders(instrumentNumber: number, orders: Float64Array): Promise<void> {
    const count = ORDERS_PER_PART * NUMBERS_PER_ORDER;
    const partCount = Math.ceil(orders.length / count);
    for (let part = 0; part < partCount; part += 1) {
      const numbers = orders.subarray(part * count, (part + 1) * count);
      const bytes = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
      await this.#client.query(
        `INSERT INTO marketdata_orders (instrument_number, part, orders) VALUES ($1, $2, $3)
         ON CONFLICT (instrument_number, part) DO UPDATE SET orders = excluded.orders`,
        [instrumentNumber, part, bytes],
      );
    }
    await this.#client.query(
      'DELETE FROM marketdata_orders WHERE instrument_number = $1 AND part >= $2',
      [instrumentNumber, partCount],
    );
  }

  async #writeTrades(
    instrumentNumber: number,
    trades: readonly unknown[],
    tradeCount: number,
  ): Promise<void> {
    // The tape may reach back less far than what is to be written: then the rest is forgotten.
    let ordinal = tradeCount - trades.length;
    for (let from = 0; from < trades.length; ) {
      const part = Math.floor(ordinal / TRADES_PER_PART);
      const until = from + (part + 1) * TRADES_PER_PART - ordinal;
      await this.#client.query(
        `INSERT INTO marketdata_trades (instrument_number, part, trades) VALUES ($1, $2, $3)
         ON CONFLICT (instrument_number, part) DO UPDATE SET trades = excluded.trades`,
        [instrumentNumber, part, JSON.stringify(trades.slice(from, until))],
      );
      ordinal += until - from;
      from = until;
    }
    await this.#client.query(
      'DELETE FROM marketdata_trades WHERE instrument_number = $1 AND part < $2',
      [instrumentNumber, Math.floor((tradeCount - TRADES_KEPT) / TRADES_PER_PART)],
    );
  }

  async #writeCandles(
    instrumentNumber: number,
    candles: readonly object[],
    timeUs: number,
  ): Promise<void> {
    for (let from = 0; from < candles.length; from += CANDLES_PER_STATEMENT) {
      const rows = JSON.stringify(candles.slice(from, from + CANDLES_PER_STATEMENT));
      await this.#client.query(INSERT_CANDLES, [instrumentNumber, rows]);
    }
    await this.#client.query(
      `DELETE FROM marketdata_candle
        WHERE instrument_number = $1 AND candle_interval = '1s' AND open_time_us < $2`,
      [instrumentNumber, timeUs - SHORTEST_KEPT_US],
    );
  }
}

/** A closed candle is written again when a late trade has opened it once more. */
const INSERT_CANDLES = `
  INSERT INTO marketdata_candle
  SELECT $1, * FROM jsonb_to_recordset($2) AS candle (
    candle_interval text, open_time_us bigint, open_units bigint, high_units bigint,
    low_units bigint, close_units bigint, volume_units numeric, notional_units numeric,
    trade_count bigint, instrument_sequence bigint)
  ON CONFLICT (instrument_number, candle_interval, open_time_us) DO UPDATE
     SET high_units = excluded.high_units, low_units = excluded.low_units,
         close_units = excluded.close_units, volume_units = excluded.volume_units,
         notional_units = excluded.notional_units, trade_count = excluded.trade_count,
         instrument_sequence = excluded.instrument_sequence`;

function candleRow(candle: Candle): object {
  return {
    candle_interval: candle.interval,
    open_time_us: candle.openTimeUs,
    open_units: candle.openUnits,
    high_units: candle.highUnits,
    low_units: candle.lowUnits,
    close_units: candle.closeUnits,
    volume_units: String(candle.volumeUnits),
    notional_units: String(candle.notionalUnits),
    trade_count: candle.tradeCount,
    instrument_sequence: candle.instrumentSequence,
  };
}
