// MarketDataService: checks requests, reads feeds, opens streams.

import type {
  ListCandlesRequest,
  MarketDataService,
} from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { fanout } from '../../lib/platform/rpc/fanout.ts';
import type { Handlers } from '../../lib/platform/rpc/server.ts';
import type { FeedEntry, Feeds } from './feeds.ts';
import { waitForSequence } from './minimum-sequence.ts';
import {
  checkForm,
  depthOf,
  getEntry,
  microsecondsOf,
  pageSizeOf,
  pageTokenOf,
  parsePageToken,
} from './requests.ts';
import {
  findInterval,
  type InstrumentScale,
  showCandle,
  showEventTime,
  showLevels,
  showPhase,
  showTrade,
} from './shown.ts';
import type { Streams } from './streams.ts';
import { tickerOf } from './ticker-stream.ts';

/** The handlers over the feeds and their streams. */
export function marketDataHandlers(
  feeds: Feeds,
  streams: Streams,
): Handlers<typeof MarketDataService> {
  return {
    ...readHandlers(feeds),
    streamOrderBook: fanout((request, subscriber) => {
      const { instrumentIds: ids, depth, resumeToken: token } = request;
      checkForm((form) => {
        form.someInstruments(ids);
        form.depth(depth);
      });
      streams.openBooks(subscriber, { ids, depth: depthOf(depth), token });
    }),
    streamTrades: fanout((request, subscriber) => {
      const { instrumentIds: ids, resumeToken: token } = request;
      checkForm((form) => form.someInstruments(ids));
      streams.openTrades(subscriber, { ids, token });
    }),
    streamCandles: fanout((request, subscriber) => {
      const { instrumentIds: ids, resumeToken: token } = request;
      checkForm((form) => {
        form.someInstruments(ids);
        form.interval(request.interval);
      });
      streams.openCandles(subscriber, {
        ids,
        interval: findInterval(request.interval) ?? '1m',
        token,
      });
    }),
    streamTickers: fanout((request, subscriber) => {
      const { instrumentIds: ids, resumeToken: token } = request;
      checkForm((form) => form.instruments(ids));
      streams.openTickers(subscriber, { ids, token });
    }),
  };
}

type ReadHandlers = Pick<
  Handlers<typeof MarketDataService>,
  'getOrderBook' | 'listTrades' | 'listCandles' | 'getTicker'
>;

function readHandlers(feeds: Feeds): ReadHandlers {
  return {
    async getOrderBook({ instrumentId, depth, minimumSequence }, call) {
      checkForm((form) => {
        form.requiredId('instrument_id', instrumentId);
        form.depth(depth);
      });
      const entry = getEntry(feeds, instrumentId);
      await waitForSequence(entry, Number(minimumSequence), call);
      const { feed } = entry;
      const top = depthOf(depth);
      return {
        instrumentId,
        sequence: BigInt(feed.sequence),
        ...showPhase(feed.phase, scaleOf(entry)),
        ...showLevels(
          { bids: feed.book.bids.top(top), asks: feed.book.asks.top(top) },
          scaleOf(entry),
        ),
        ...showEventTime(feed.timeUs),
        stale: entry.isStale,
      };
    },
    async listTrades({ instrumentId, pageSize, pageToken }) {
      checkForm((form) => {
        form.requiredId('instrument_id', instrumentId);
        form.pageSize(pageSize);
      });
      const before = parsePageToken(pageToken);
      const entry = getEntry(feeds, instrumentId);
      const limit = pageSizeOf(pageSize);
      const found = entry.feed.tape.before(before, limit + 1);
      const trades = found.slice(0, limit);
      const more = found.length > limit;
      return {
        trades: trades.map((trade) => showTrade(trade, scaleOf(entry))),
        nextPageToken: more ? pageTokenOf(trades.at(-1)?.instrumentSequence ?? 0) : '',
      };
    },
    listCandles: async (request) => listCandles(feeds, request),
    async getTicker({ instrumentId }) {
      checkForm((form) => form.requiredId('instrument_id', instrumentId));
      return { ticker: tickerOf(getEntry(feeds, instrumentId)) };
    },
  };
}

function listCandles(feeds: Feeds, request: ListCandlesRequest) {
  const { instrumentId, startTime, endTime, pageSize, pageToken } = request;
  checkForm((form) => {
    form.requiredId('instrument_id', instrumentId);
    form.interval(request.interval);
    form.time('start_time', startTime);
    form.time('end_time', endTime);
    form.timeOrder(startTime, endTime);
    form.pageSize(pageSize);
  });
  const token = parsePageToken(pageToken);
  const entry = getEntry(feeds, instrumentId);
  const limit = pageSizeOf(pageSize);
  const endUs = endTime === undefined ? Number.MAX_SAFE_INTEGER : microsecondsOf(endTime);
  const found = entry.feed.series(findInterval(request.interval) ?? '1m').list({
    fromUs: startTime === undefined ? 0 : microsecondsOf(startTime),
    beforeUs: Math.min(token, endUs),
    limit: limit + 1,
  });
  const candles = found.slice(0, limit);
  const more = found.length > limit;
  return {
    candles: candles.map((candle) => showCandle(candle, scaleOf(entry))),
    nextPageToken: more ? pageTokenOf(candles.at(-1)?.openTimeUs ?? 0) : '',
  };
}

function scaleOf(entry: FeedEntry): InstrumentScale {
  return entry.scale as InstrumentScale;
}
