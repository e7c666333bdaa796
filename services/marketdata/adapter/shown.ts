// From market data's units to the public contract's decimals and times.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Timestamp, timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type CandleSchema,
  type PriceLevelSchema,
  CandleInterval as PublicInterval,
  type TickerSchema,
  type TradeSchema,
} from '../../../gen/bourse/marketdata/v1/market_data_pb.ts';
import type { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { Side } from '../../../gen/bourse/type/v1/order_pb.ts';
import { type Decimal, formatDecimal, formatUnits } from '../../lib/base/decimal.ts';
import { instrumentStateCodec } from '../../lib/platform/codec/terms-codec.ts';
import type { Candle, CandleInterval } from '../domain/candles.ts';
import type { DepthChange, LevelChange } from '../domain/depth-view.ts';
import type { Phase, Ticker } from '../domain/instrument-feed.ts';
import type { TapeTrade } from '../domain/tape.ts';

/** What is needed to show an instrument's numbers. */
export type InstrumentScale = {
  readonly instrumentId: string;
  readonly instrumentNumber: number;
  readonly priceUnit: Decimal;
  readonly quantityUnit: Decimal;
  /** Decimal places of the quote asset's smallest unit. */
  readonly quoteScale: number;
};

export type ShownLevels = {
  readonly bids: MessageInitShape<typeof PriceLevelSchema>[];
  readonly asks: MessageInitShape<typeof PriceLevelSchema>[];
};

const INTERVALS: Readonly<Record<CandleInterval, PublicInterval>> = {
  '1s': PublicInterval.CANDLE_INTERVAL_1S,
  '1m': PublicInterval.CANDLE_INTERVAL_1M,
  '5m': PublicInterval.CANDLE_INTERVAL_5M,
  '1h': PublicInterval.CANDLE_INTERVAL_1H,
  '1d': PublicInterval.CANDLE_INTERVAL_1D,
};

/** @returns the interval, or undefined for what is unspecified or unknown. */
export function findInterval(shown: PublicInterval): CandleInterval | undefined {
  const found = Object.entries(INTERVALS).find(([, value]) => value === shown);
  return found?.[0] as CandleInterval | undefined;
}

export function showTime(timeUs: number): Timestamp {
  const timestamp = timestampFromMs(Math.floor(timeUs / 1000));
  timestamp.nanos += (timeUs % 1000) * 1000;
  return timestamp;
}

/** The field `event_time`; absent before the first event. */
export function showEventTime(timeUs: number): { eventTime?: Timestamp } {
  return timeUs === 0 ? {} : { eventTime: showTime(timeUs) };
}

type ShownPhase = {
  readonly state: InstrumentState;
  readonly auctionEndTime?: Timestamp;
  readonly indicativePrice: string;
  readonly indicativeVolume: string;
};

/** The state, and in a call phase its end and what an uncross would come to. */
export function showPhase(phase: Phase, scale: InstrumentScale): ShownPhase {
  const { state, auctionEndTimeUs, indicative } = phase;
  return {
    state: instrumentStateCodec.toNumber(state),
    ...(auctionEndTimeUs === 0 ? {} : { auctionEndTime: showTime(auctionEndTimeUs) }),
    indicativePrice:
      indicative === undefined ? '' : formatUnits(indicative.priceUnits, scale.priceUnit),
    indicativeVolume:
      indicative === undefined ? '' : formatUnits(indicative.volumeUnits, scale.quantityUnit),
  };
}

export function showLevels(change: DepthChange, scale: InstrumentScale): ShownLevels {
  const show = ({ priceUnits, quantityUnits, orderCount }: LevelChange) => ({
    price: formatUnits(priceUnits, scale.priceUnit),
    quantity: formatUnits(quantityUnits, scale.quantityUnit),
    orderCount,
  });
  return { bids: change.bids.map(show), asks: change.asks.map(show) };
}

export function showTrade(
  trade: TapeTrade,
  scale: InstrumentScale,
): MessageInitShape<typeof TradeSchema> {
  return {
    tradeId: `${scale.instrumentNumber}-${trade.instrumentSequence}`,
    instrumentId: scale.instrumentId,
    price: formatUnits(trade.priceUnits, scale.priceUnit),
    quantity: formatUnits(trade.quantityUnits, scale.quantityUnit),
    ...(trade.aggressorSide === undefined
      ? { auction: true }
      : { aggressorSide: trade.aggressorSide === 'buy' ? Side.BUY : Side.SELL }),
    sameOwner: trade.sameOwner,
    tradeTime: showTime(trade.timeUs),
    sequence: BigInt(trade.instrumentSequence),
  };
}

export function showCandle(
  candle: Candle,
  scale: InstrumentScale,
): MessageInitShape<typeof CandleSchema> {
  const price = (units: number): string => formatUnits(units, scale.priceUnit);
  return {
    instrumentId: scale.instrumentId,
    interval: INTERVALS[candle.interval],
    openTime: showTime(candle.openTimeUs),
    openPrice: price(candle.openUnits),
    highPrice: price(candle.highUnits),
    lowPrice: price(candle.lowUnits),
    closePrice: price(candle.closeUnits),
    volume: formatUnits(candle.volumeUnits, scale.quantityUnit),
    quoteVolume: formatDecimal(candle.notionalUnits, scale.quoteScale),
    tradeCount: BigInt(candle.tradeCount),
    closed: candle.closed,
    sequence: BigInt(candle.instrumentSequence),
  };
}

export function showTicker(
  ticker: Ticker,
  scale: InstrumentScale,
  stale: boolean,
): MessageInitShape<typeof TickerSchema> {
  const price = (units: number | undefined): string =>
    units === undefined ? '' : formatUnits(units, scale.priceUnit);
  const quantity = (units: number | bigint | undefined): string =>
    units === undefined ? '' : formatUnits(units, scale.quantityUnit);
  const { lastTrade, bid, ask, day } = ticker;
  return {
    instrumentId: scale.instrumentId,
    ...showPhase(ticker.phase, scale),
    lastPrice: price(lastTrade?.priceUnits),
    lastQuantity: quantity(lastTrade?.quantityUnits),
    ...(lastTrade === undefined ? {} : { lastTradeTime: showTime(lastTrade.timeUs) }),
    bestBidPrice: price(bid?.priceUnits),
    bestBidQuantity: quantity(bid?.quantityUnits),
    bestAskPrice: price(ask?.priceUnits),
    bestAskQuantity: quantity(ask?.quantityUnits),
    openPrice: price(day?.openUnits),
    highPrice: price(day?.highUnits),
    lowPrice: price(day?.lowUnits),
    volume: quantity(day?.volumeUnits ?? 0n),
    quoteVolume: formatDecimal(day?.notionalUnits ?? 0n, scale.quoteScale),
    tradeCount: BigInt(day?.tradeCount ?? 0),
    sequence: BigInt(ticker.sequence),
    ...showEventTime(ticker.timeUs),
    stale,
  };
}
