// `bourse book`, `trades`, `ticker` and `watch`.

import type { Command } from 'commander';
import type { PriceLevel, Trade } from '../../../../gen/bourse/marketdata/v1/market_data_pb.ts';
import { TradeSchema } from '../../../../gen/bourse/marketdata/v1/market_data_pb.ts';
import {
  GetOrderBookResponseSchema,
  GetTickerResponseSchema,
  ListTradesResponseSchema,
} from '../../../../gen/bourse/marketdata/v1/service_pb.ts';
import { InstrumentState } from '../../../../gen/bourse/type/v1/instrument_pb.ts';
import { Side } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { nameOf, type Output, printFields, printMessage, printTable } from '../output.ts';
import { formatTime, parseCount } from '../words.ts';
import { runCommand, type Session, type Terminal } from './command.ts';

const DEFAULT_DEPTH = 10;
const PAGE_SIZE = 20;

export function addMarket(program: Command, terminal: Terminal): void {
  program
    .command('book')
    .description('show the order book of an instrument')
    .argument('<instrument>', 'instrument id')
    .option('--depth <levels>', 'levels a side', parseCount, DEFAULT_DEPTH)
    .action(async (instrumentId: string, { depth }: { depth: number }, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const answer = await clients.marketData.getOrderBook({ instrumentId, depth });
        printMessage(output, GetOrderBookResponseSchema, answer, () => {
          const state = nameOf(InstrumentState, answer.state);
          const stale = answer.stale ? ', stale' : '';
          output.write(`${instrumentId}  ${state}, sequence ${answer.sequence}${stale}`);
          const { indicativePrice, indicativeVolume, auctionEndTime } = answer;
          if (auctionEndTime !== undefined) output.write(`ends ${formatTime(auctionEndTime)}`);
          if (indicativePrice !== '') {
            output.write(`would trade ${indicativeVolume} at ${indicativePrice}`);
          }
          printBook(output, answer.bids, answer.asks);
        });
      });
    });
  program
    .command('trades')
    .description('list the latest trades of an instrument, newest first')
    .argument('<instrument>', 'instrument id')
    .action(async (instrumentId: string, _options: object, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const request = { instrumentId, pageSize: PAGE_SIZE };
        const answer = await clients.marketData.listTrades(request);
        printMessage(output, ListTradesResponseSchema, answer, () => {
          const rows = answer.trades.map(tradeRow);
          printTable(output, ['TIME', 'TRADE', 'SIDE', 'PRICE', 'QUANTITY'], rows);
        });
      });
    });
  addTicker(program, terminal);
  program
    .command('watch')
    .description('follow the trades of instruments until Ctrl-C')
    .argument('<instrument...>', 'instrument ids')
    .option('--count <trades>', 'end after so many trades', parseCount)
    .action(async (instrumentIds: string[], options: WatchOptions, command: Command) => {
      await runCommand(command, terminal, (session) =>
        watch(session, terminal.interrupted, instrumentIds, options),
      );
    });
}

function addTicker(program: Command, terminal: Terminal): void {
  program
    .command('ticker')
    .description('show the last price and the day of an instrument')
    .argument('<instrument>', 'instrument id')
    .action(async (instrumentId: string, _options: object, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const answer = await clients.marketData.getTicker({ instrumentId });
        printMessage(output, GetTickerResponseSchema, answer, () => {
          const { ticker } = answer;
          if (ticker === undefined) return;
          printFields(output, {
            instrument: ticker.instrumentId,
            state: nameOf(InstrumentState, ticker.state),
            last: ticker.lastPrice,
            bid: ticker.bestBidPrice,
            ask: ticker.bestAskPrice,
            'indicative price': ticker.indicativePrice,
            'indicative volume': ticker.indicativeVolume,
            'auction ends': formatTime(ticker.auctionEndTime),
            open: ticker.openPrice,
            high: ticker.highPrice,
            low: ticker.lowPrice,
            volume: ticker.volume,
            trades: String(ticker.tradeCount),
          });
        });
      });
    });
}

type WatchOptions = { readonly count?: number };

async function watch(
  { clients, output }: Session,
  interrupted: AbortSignal,
  instrumentIds: readonly string[],
  { count }: WatchOptions,
): Promise<void> {
  let left = count ?? Number.POSITIVE_INFINITY;
  const end = new AbortController();
  const signal = AbortSignal.any([interrupted, end.signal]);
  const request = { instrumentIds: [...instrumentIds] };
  try {
    for await (const { message } of clients.marketData.streamTrades(request, { signal })) {
      if (message.case === 'snapshot' && !output.isJson) {
        output.write(`following ${instrumentIds.join(', ')}`);
      }
      if (message.case !== 'update') continue;
      for (const trade of message.value.trades.slice(0, left)) show(output, trade);
      left -= message.value.trades.length;
      if (left <= 0) return;
    }
  } catch (error) {
    if (!interrupted.aborted) throw error;
  } finally {
    end.abort();
  }
}

function show(output: Output, trade: Trade): void {
  printMessage(output, TradeSchema, trade, () => {
    const side = sideOf(trade);
    const { instrumentId, quantity, price, tradeId } = trade;
    const time = formatTime(trade.tradeTime);
    output.write(`${time}  ${instrumentId}  ${side} ${quantity} at ${price}  ${tradeId}`);
  });
}

/** Who was the aggressor; in an uncross nobody is. */
function sideOf({ auction, aggressorSide }: Trade): string {
  return auction ? 'auction' : nameOf(Side, aggressorSide).toLowerCase();
}

function tradeRow(trade: Trade): readonly string[] {
  return [formatTime(trade.tradeTime), trade.tradeId, sideOf(trade), trade.price, trade.quantity];
}

/** Asks above bids, as traders draw it: the best prices meet in the middle. */
function printBook(output: Output, bids: readonly PriceLevel[], asks: readonly PriceLevel[]): void {
  const row = (word: string, { price, quantity, orderCount }: PriceLevel) => [
    word,
    price,
    quantity,
    String(orderCount),
  ];
  const rows = [
    ...asks.toReversed().map((level) => row('ask', level)),
    ...bids.map((level) => row('bid', level)),
  ];
  printTable(output, ['', 'PRICE', 'QUANTITY', 'ORDERS'], rows);
}
