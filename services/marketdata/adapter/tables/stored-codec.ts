// Between what feeds keep over a restart and the columns of the tables: numbers that may pass 2^53
// are text in JSON.

import { instrumentStateCodec } from '../../../lib/platform/codec/terms-codec.ts';
import { CANDLE_INTERVALS_US, type Candle, type CandleInterval } from '../../domain/candles.ts';
import type { InstrumentFeed, StoredFeed } from '../../domain/instrument-feed.ts';
import type { TapeTrade } from '../../domain/tape.ts';
import type { Bucket } from '../../domain/ticker.ts';

/** All intervals of candles. */
export const INTERVALS = Object.keys(CANDLE_INTERVALS_US) as CandleInterval[];

type StoredBucket = Omit<Bucket, 'volumeUnits' | 'notionalUnits'> & {
  readonly volumeUnits: string;
  readonly notionalUnits: string;
};
type StoredCandle = Omit<Candle, 'volumeUnits' | 'notionalUnits'> & {
  readonly volumeUnits: string;
  readonly notionalUnits: string;
};

/** Column `state` of `marketdata_feed`. */
export type FeedColumn = Omit<StoredFeed, 'rules' | 'day'> & {
  readonly rules: {
    readonly tickUnits: number;
    readonly referencePriceUnits: number;
    readonly notionalFactor: string;
  };
  readonly day: readonly StoredBucket[];
  readonly openCandles: readonly StoredCandle[];
  /** Trades so far, with those that the tape has forgotten. */
  readonly tradeCount: number;
};

export function encodeFeed(feed: InstrumentFeed): FeedColumn {
  const { rules, day, ...rest } = feed.toStored();
  return {
    ...rest,
    rules: { ...rules, notionalFactor: String(rules.notionalFactor) },
    day: day.map(withTexts),
    openCandles: INTERVALS.flatMap((interval) => feed.series(interval).open ?? []).map(withTexts),
    tradeCount: feed.tape.count,
  };
}

/** The part of the column that the feed itself restores. */
export function decodeFeed(column: FeedColumn): StoredFeed {
  const { state, rules, sequence, timeUs, auctionEndTimeUs } = column;
  return {
    ...{ sequence, timeUs, auctionEndTimeUs },
    state: instrumentStateCodec.findName(instrumentStateCodec.toNumber(state)) ?? 'CANCEL_ONLY',
    rules: { ...rules, notionalFactor: BigInt(rules.notionalFactor) },
    day: column.day.map(withUnits),
  };
}

/** The open candle of an interval, if there was one. */
export function openCandleOf(column: FeedColumn, interval: CandleInterval): Candle | undefined {
  const found = column.openCandles.find((candle) => candle.interval === interval);
  return found === undefined ? undefined : withUnits(found);
}

type Units = { readonly volumeUnits: bigint; readonly notionalUnits: bigint };
type Texts = { readonly volumeUnits: string; readonly notionalUnits: string };

function withTexts<T extends Units>(value: T): Omit<T, keyof Units> & Texts {
  const { volumeUnits, notionalUnits } = value;
  return { ...value, volumeUnits: String(volumeUnits), notionalUnits: String(notionalUnits) };
}

function withUnits<T extends Texts>(value: T): Omit<T, keyof Texts> & Units {
  const { volumeUnits, notionalUnits } = value;
  return { ...value, volumeUnits: BigInt(volumeUnits), notionalUnits: BigInt(notionalUnits) };
}

/** A trade as an array, because there are many. */
export type TradeColumn = readonly [
  instrumentSequence: number,
  previousTradeSequence: number,
  priceUnits: number,
  quantityUnits: number,
  notionalUnits: string,
  aggressor: 'buy' | 'sell' | null,
  sameOwner: boolean,
  timeUs: number,
];

export function encodeTrade(trade: TapeTrade): TradeColumn {
  const { instrumentSequence, previousTradeSequence, priceUnits, quantityUnits } = trade;
  const { notionalUnits, aggressorSide, sameOwner, timeUs } = trade;
  const numbers = [instrumentSequence, previousTradeSequence, priceUnits, quantityUnits] as const;
  return [...numbers, String(notionalUnits), aggressorSide ?? null, sameOwner, timeUs];
}

export function decodeTrade(column: TradeColumn): TapeTrade {
  const [instrumentSequence, previousTradeSequence, priceUnits, quantityUnits] = column;
  const [, , , , notional, aggressor, sameOwner, timeUs] = column;
  return {
    ...{ instrumentSequence, previousTradeSequence, priceUnits, quantityUnits },
    ...{ notionalUnits: BigInt(notional), aggressorSide: aggressor ?? undefined },
    ...{ sameOwner, timeUs },
  };
}
