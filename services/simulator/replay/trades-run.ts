// Replays recorded trades: for each one the maker account rests an order at the price and the
// taker account crosses it, so that the tape of the exchange becomes the recorded one.

import { OrderType, Side, TimeInForce } from '../../../gen/bourse/type/v1/order_pb.ts';
import { StartError } from '../../lib/platform/config/start-error.ts';
import type { Exchange } from '../adapter/exchange.ts';
import type { Progress } from '../adapter/progress.ts';
import { isTradeHeader, parseTradeLine, type RecordedTrade } from '../domain/trade-line.ts';
import { Comparison, type ReplayResult } from './comparison.ts';
import { readLines } from './lines.ts';
import { prepareMarket, type ReplayAccounts } from './market-setup.ts';
import { type BatchItem, OrderSender } from './order-sender.ts';
import { Pace } from './pace.ts';
import { findRefusal } from './results.ts';

export type TradesOptions = {
  readonly tradesFile: string;
  readonly instrumentId: string;
  readonly speed: number;
  readonly batchItems: number;
  readonly isMalformedFatal: boolean;
};

type Sent = { readonly trade: RecordedTrade; readonly number: number };

/** Runs the replay to its end. @throws StartError when a file or the market is not as needed. */
export async function replayTrades(
  exchange: Exchange,
  options: TradesOptions,
  progress: Progress,
): Promise<ReplayResult> {
  const { instrumentId, batchItems } = options;
  const [baseAssetId = '', quoteAssetId = 'USD'] = instrumentId.split('-');
  const accounts = await prepareMarket(exchange, {
    instrumentId,
    baseAssetId,
    quoteAssetId,
    baseScale: 9,
    priceUnit: '0.01',
    quantityUnit: '0.000001',
    baseDeposit: '1000000000',
    quoteDeposit: '10000000000',
  });
  const run = new TradesRun(options, accounts, progress);
  const startedMs = performance.now();
  const sender = new OrderSender(exchange);
  await run.send(sender);
  await sender.finish();
  return {
    format: 'binance-trades',
    instrumentId,
    commands: run.commands,
    seconds: (performance.now() - startedMs) / 1000,
    takes: run.takes,
    rows: new Comparison(),
    refused: run.refused,
    malformedLines: run.malformed,
    rowsUnseen: 0,
    reconnects: sender.reconnects,
    latenciesMs: sender.latenciesMs,
    batchItems,
  };
}

class TradesRun {
  readonly takes = new Comparison();
  readonly refused = new Comparison();
  commands = 0;
  malformed = 0;
  readonly #options: TradesOptions;
  readonly #accounts: ReplayAccounts;
  readonly #progress: Progress;
  readonly #prefix = Date.now().toString(36);

  constructor(options: TradesOptions, accounts: ReplayAccounts, progress: Progress) {
    this.#options = options;
    this.#accounts = accounts;
    this.#progress = progress;
  }

  async send(sender: OrderSender): Promise<void> {
    const pace = new Pace(this.#options.speed);
    let batch: Sent[] = [];
    const submit = async (): Promise<void> => {
      const sent = batch;
      batch = [];
      if (sent.length === 0) return;
      const items = sent.flatMap((each) => this.#toItems(each));
      await sender.submit(items, (results) => {
        results.forEach((result, i) => {
          this.#take(sent[Math.floor(i / 2)] as Sent, result, i % 2 === 1);
        });
        this.#progress.advance(sent.length);
      });
    };
    for await (const { number, text } of readLines(this.#options.tradesFile)) {
      if (number === 1 && isTradeHeader(text)) continue;
      const parsed = parseTradeLine(text);
      if (parsed.kind === 'malformed') {
        this.#noteMalformed(number, parsed.why);
        continue;
      }
      if (!pace.isMaximum) {
        await submit();
        await pace.waitFor(parsed.value.timeMs / 1000);
      }
      batch.push({ trade: parsed.value, number });
      if (batch.length * 2 >= this.#options.batchItems) await submit();
    }
    await submit();
  }

  #noteMalformed(number: number, why: string): void {
    this.malformed += 1;
    const message = `line ${number} of ${this.#options.tradesFile} is malformed: ${why}`;
    if (this.#options.isMalformedFatal) throw new StartError(`${message}.`);
    this.#progress.warn(`${message}; skipped`);
  }

  #toItems({ trade, number }: Sent): BatchItem[] {
    const taker = trade.aggressorSide === 'buy' ? Side.BUY : Side.SELL;
    const maker = taker === Side.BUY ? Side.SELL : Side.BUY;
    const place = (accountId: string, side: Side, timeInForce: TimeInForce): BatchItem => ({
      request: {
        case: 'placeOrder',
        value: {
          accountId,
          clientOrderId: `${this.#prefix}.${number}`,
          instrumentId: this.#options.instrumentId,
          side,
          type: OrderType.LIMIT,
          orderQuantity: { case: 'quantity', value: trade.quantity },
          price: trade.price,
          timeInForce,
        },
      },
    });
    return [
      place(this.#accounts.maker, maker, TimeInForce.GTC),
      place(this.#accounts.taker, taker, TimeInForce.IOC),
    ];
  }

  #take(
    { trade, number }: Sent,
    result: Parameters<typeof findRefusal>[0],
    isTaker: boolean,
  ): void {
    this.commands += 1;
    const refusal = findRefusal(result);
    if (refusal !== undefined) this.refused.add(`line ${number}: refused: ${refusal}`);
    if (!isTaker || result.result.case !== 'placeOrder') return;
    const made = result.result.value.fills
      .map((fill) => `${fill.quantity}@${fill.price}`)
      .join(', ');
    const isSame = made === `${plain(trade.quantity)}@${plain(trade.price)}`;
    const difference = `line ${number}: traded [${made}], recorded ${trade.quantity}@${trade.price}`;
    this.takes.add(isSame ? undefined : difference);
  }
}

/** A decimal as the exchange writes it: without trailing zeros. */
function plain(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}
