// Brings the agents' decisions to the exchange: makers in batches over SubmitOrders, takers one
// order at a time with PlaceOrder.

import { setTimeout as delay } from 'node:timers/promises';
import type { BatchResult } from '../../../gen/bourse/order/v1/service_pb.ts';
import { OrderStatus, OrderType, Side, TimeInForce } from '../../../gen/bourse/type/v1/order_pb.ts';
import { formatUnits } from '../../lib/base/decimal.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Exchange } from '../adapter/exchange.ts';
import { Chance } from '../domain/chance.ts';
import { type AgentSide, Maker, type Quote, type Take, Taker } from '../domain/demo-agents.ts';
import { FairPrice } from '../domain/fair-price.ts';
import { type BatchItem, OrderSender } from '../replay/order-sender.ts';
import type { DemoMarket } from './demo-market.ts';
import type { MarketView } from './market-view.ts';

const MAKER_STEP_MS = 250;
const TAKER_STEP_MS = 300;

/** What was sent and what the venue declined, for the screen. */
export type TradingCounts = { sent: number; declined: number };

export type TradingOptions = {
  readonly exchange: Exchange;
  readonly market: DemoMarket;
  readonly view: MarketView;
  readonly seed: number;
  /** Makes the client order ids of this run differ from those of every other. */
  readonly runId: string;
};

export class Trading {
  readonly counts: TradingCounts = { sent: 0, declined: 0 };
  readonly #options: TradingOptions;
  /** The order in each of a maker's slots. */
  readonly #quoted = new Map<string, string>();
  #orderCount = 0;

  constructor(options: TradingOptions) {
    this.#options = options;
  }

  /** Lets the agents trade until the signal. @throws when the exchange stays away. */
  async run(signal: AbortSignal): Promise<void> {
    const { seed, market } = this.#options;
    const takers = market.takers.map((accountId, i) => {
      const taker = new Taker(new Chance(seed, 100 + i), market.ladder);
      return this.#runTaker(accountId, taker, signal);
    });
    await Promise.all([this.#runMakers(signal), ...takers]);
  }

  async #runMakers(signal: AbortSignal): Promise<void> {
    const { exchange, market, seed } = this.#options;
    const fair = new FairPrice(market.startTicks);
    const chance = new Chance(seed, 0);
    const makers = market.makers.map(
      (accountId, i) => [accountId, new Maker(new Chance(seed, 1 + i), market.ladder)] as const,
    );
    const sender = new OrderSender(exchange);
    while (!signal.aborted) {
      fair.step(chance);
      const quotes = makers.flatMap(([accountId, maker]) =>
        maker.step(fair.ticks).map((quote) => [accountId, quote] as const),
      );
      // What is withdrawn goes first, or new quotes would meet it.
      const items = [
        ...quotes.flatMap(([accountId, quote]) => this.#toWithdrawal(accountId, quote)),
        ...quotes.map(([accountId, quote]) => this.#toPlacement(accountId, quote)),
      ];
      if (items.length > 0) await sender.submit(items, (results) => this.#takeResults(results));
      await pause(MAKER_STEP_MS, signal);
    }
    await sender.finish();
  }

  /** Cancels what is in the quote's slot; it may be gone already. */
  #toWithdrawal(accountId: string, { slot }: Quote): BatchItem[] {
    const { instrumentId } = this.#options.market;
    const clientOrderId = this.#quoted.get(`${accountId}/${slot}`);
    if (clientOrderId === undefined) return [];
    const id = { case: 'clientOrderId' as const, value: clientOrderId };
    const value = { accountId, order: { instrumentId, id } };
    return [{ request: { case: 'cancelOrder', value } }];
  }

  #toPlacement(accountId: string, { slot, side, priceTicks, quantityLots }: Quote): BatchItem {
    const clientOrderId = this.#nextOrderId();
    this.#quoted.set(`${accountId}/${slot}`, clientOrderId);
    const order = this.#order({ accountId, clientOrderId, side, quantityLots });
    const limit = { type: OrderType.LIMIT, price: this.#price(priceTicks), postOnly: true };
    return { request: { case: 'placeOrder', value: { ...order, ...limit } } };
  }

  #takeResults(results: readonly BatchResult[]): void {
    for (const { result } of results) {
      if (result.case !== 'placeOrder') continue; // a cancel may come too late: that is trading
      this.#count(result.value.order?.status);
    }
  }

  async #runTaker(accountId: string, taker: Taker, signal: AbortSignal): Promise<void> {
    const { exchange, view } = this.#options;
    while (!signal.aborted) {
      const bidTicks = view.bids[0]?.priceTicks;
      const askTicks = view.asks[0]?.priceTicks;
      const take = taker.step({
        ...(bidTicks === undefined ? {} : { bidTicks }),
        ...(askTicks === undefined ? {} : { askTicks }),
      });
      try {
        if (take !== undefined) {
          const { order } = await exchange.orders.placeOrder(this.#toRequest(accountId, take));
          this.#count(order?.status);
        }
      } catch (error) {
        // The exchange may be restarting; the makers' sender decides when that took too long.
        if (!(error instanceof OperatingError)) throw error;
      }
      await pause(TAKER_STEP_MS, signal);
    }
  }

  #toRequest(accountId: string, { side, quantityLots, limitTicks }: Take) {
    const clientOrderId = this.#nextOrderId();
    const order = this.#order({ accountId, clientOrderId, side, quantityLots });
    const timeInForce = TimeInForce.IOC;
    if (limitTicks === undefined) return { ...order, type: OrderType.MARKET, timeInForce };
    return { ...order, type: OrderType.LIMIT, price: this.#price(limitTicks), timeInForce };
  }

  #order(agent: {
    readonly accountId: string;
    readonly clientOrderId: string;
    readonly side: AgentSide;
    readonly quantityLots: number;
  }) {
    const { instrumentId, lot } = this.#options.market;
    return {
      accountId: agent.accountId,
      clientOrderId: agent.clientOrderId,
      instrumentId,
      side: agent.side === 'buy' ? Side.BUY : Side.SELL,
      orderQuantity: { case: 'quantity' as const, value: formatUnits(agent.quantityLots, lot) },
    };
  }

  #price(ticks: number): string {
    return formatUnits(ticks, this.#options.market.tick);
  }

  #nextOrderId(): string {
    this.#orderCount += 1;
    return `${this.#options.runId}.${this.#orderCount}`;
  }

  #count(status: OrderStatus | undefined): void {
    this.counts.sent += 1;
    if (status === OrderStatus.REJECTED) this.counts.declined += 1;
  }
}

/** Waits; ends early, and without complaint, with the signal. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
