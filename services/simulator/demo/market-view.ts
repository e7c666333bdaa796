// What a client sees of the market: book and tape as they come over the public streams. A stream
// that breaks goes on from its last token.

import type { PriceLevel, Trade } from '../../../gen/bourse/marketdata/v1/market_data_pb.ts';
import type {
  StreamOrderBookResponse,
  StreamTradesResponse,
} from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { parseSafeUnits } from '../../lib/base/decimal.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Exchange } from '../adapter/exchange.ts';
import type { DemoMarket } from './demo-market.ts';

export const DEPTH = 6;
const TAPE_LENGTH = 2 * DEPTH + 1;
const RECONNECT_MS = 300;

export type Level = {
  readonly priceTicks: number;
  readonly price: string;
  readonly quantity: string;
};

type Streamed<Response> = (resumeToken: string) => AsyncIterable<Response>;

export class MarketView {
  readonly #exchange: Exchange;
  readonly #market: DemoMarket;
  readonly #bids = new Map<number, Level>();
  readonly #asks = new Map<number, Level>();
  readonly #tape: Trade[] = [];
  #tradeCount = 0;

  constructor(exchange: Exchange, market: DemoMarket) {
    this.#exchange = exchange;
    this.#market = market;
  }

  /** Best first. */
  get bids(): readonly Level[] {
    return [...this.#bids.values()].sort((a, b) => b.priceTicks - a.priceTicks);
  }

  /** Best first. */
  get asks(): readonly Level[] {
    return [...this.#asks.values()].sort((a, b) => a.priceTicks - b.priceTicks);
  }

  /** Latest first. */
  get tape(): readonly Trade[] {
    return this.#tape;
  }

  get tradeCount(): number {
    return this.#tradeCount;
  }

  /** Follows both streams until the signal. @throws when one can never be served. */
  async follow(signal: AbortSignal): Promise<void> {
    const { marketData } = this.#exchange;
    const instrumentIds = [this.#market.instrumentId];
    const books: Streamed<StreamOrderBookResponse> = (resumeToken) =>
      marketData.streamOrderBook({ instrumentIds, depth: DEPTH, resumeToken }, { signal });
    const trades: Streamed<StreamTradesResponse> = (resumeToken) =>
      marketData.streamTrades({ instrumentIds, resumeToken }, { signal });
    await Promise.all([
      followStream(books, (response) => this.#takeBook(response), signal),
      followStream(trades, (response) => this.#takeTrades(response), signal),
    ]);
  }

  #takeBook({ message }: StreamOrderBookResponse): void {
    if (message.case === 'snapshot') {
      this.#bids.clear();
      this.#asks.clear();
      this.#setLevels(message.value);
    } else if (message.case === 'updates') {
      for (const update of message.value.updates) this.#setLevels(update);
    }
  }

  #setLevels(levels: { readonly bids: PriceLevel[]; readonly asks: PriceLevel[] }): void {
    for (const level of levels.bids) this.#setLevel(this.#bids, level);
    for (const level of levels.asks) this.#setLevel(this.#asks, level);
  }

  #setLevel(side: Map<number, Level>, { price, quantity }: PriceLevel): void {
    const ticks = parseSafeUnits(price, this.#market.tick, 0);
    if (!ticks.ok) return; // from before the tick size was changed
    if (quantity === '0') side.delete(ticks.value);
    else side.set(ticks.value, { priceTicks: ticks.value, price, quantity });
  }

  #takeTrades({ message }: StreamTradesResponse): void {
    if (message.case !== 'update') return;
    this.#tape.unshift(...message.value.trades.toReversed());
    this.#tape.length = Math.min(this.#tape.length, TAPE_LENGTH);
    this.#tradeCount += message.value.trades.length;
  }
}

async function followStream<Response extends { readonly resumeToken: string }>(
  open: Streamed<Response>,
  take: (response: Response) => void,
  signal: AbortSignal,
): Promise<void> {
  let token = '';
  while (!signal.aborted) {
    try {
      for await (const response of open(token)) {
        take(response);
        token = response.resumeToken;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof OperatingError)) throw error;
      if (error.reason === 'RESUME_TOKEN_TOO_OLD') token = '';
      else if (error.retryAdvice === 'never') throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}
