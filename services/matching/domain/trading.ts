// Trading: an incoming order against the other side of the book, best price first, oldest first
// within a price (MAT-1), at the resting order's price (MAT-2), never through its limit (MAT-3).
import { feeOfSum, RATE_SCALE } from '../../lib/base/fee.ts';
import { safeProductOfThree } from '../../lib/base/product.ts';
import { notionalOf } from '../../lib/rules/cost.ts';
import type { BookSide } from './book-side.ts';
import type { Incoming } from './incoming.ts';
import { FIRST, LEVEL_PRICE } from './level-store.ts';
import { chargeFill, chargeWideFill, weightedSumOf } from './order-fees.ts';
import { QUANTITY, REMAINING } from './order-store.ts';
import type { RestingOrders } from './resting-orders.ts';
import type { InstrumentRules, Side } from './rules.ts';
import type { EventSink, Fill } from './sink.ts';

/** Trades incoming orders. */
export class Trading {
  readonly #resting: RestingOrders;
  readonly #sink: EventSink;
  readonly #eventsPerStep: number;
  /** Reused for every trade: the sink reads it and keeps nothing. */
  readonly #fill: Fill = {
    priceUnits: 0,
    quantityUnits: 0,
    aggressorSide: 'BUY',
    sameOwner: false,
    makerFeeUnits: 0,
    takerFeeUnits: 0,
    unspentUnits: 0n,
  };

  /** @param eventsPerStep a sweep is interrupted when its step has this many events (LOG-17) */
  constructor(resting: RestingOrders, sink: EventSink, eventsPerStep: number) {
    this.#resting = resting;
    this.#sink = sink;
    this.#eventsPerStep = eventsPerStep;
  }

  /**
   * Trades an incoming order as far as it goes.
   *
   * @returns false when the step is full and the sweep goes on in the next one
   */
  sweep(incoming: Incoming): boolean {
    const opposite = incoming.book.oppositeOf(incoming.side);
    const { orders, levels } = this.#resting;
    const isPreventing = incoming.prevention !== 'NONE';
    while (incoming.state === 'TRADING') {
      if (!opposite.isMetBy(incoming.limitUnits)) return true;
      const priceUnits = levels.floats[(opposite.best >>> 1) + LEVEL_PRICE] as number;
      const openUnits = incoming.byBudget
        ? this.#allowance(incoming, priceUnits)
        : (orders.floats[(incoming.order >>> 1) + REMAINING] as number);
      if (openUnits === 0) return true;
      if (this.#sink.count >= this.#eventsPerStep) return false;
      const maker = levels.words[opposite.best + FIRST] as number;
      const makerUnits = orders.floats[(maker >>> 1) + REMAINING] as number;
      const quantityUnits = Math.min(openUnits, makerUnits);
      if (isPreventing && orders.haveOneOwner(maker, incoming.order)) {
        this.#prevent(incoming, opposite, maker, quantityUnits);
      } else {
        this.#trade(incoming, opposite, maker, quantityUnits);
      }
    }
    return true;
  }

  #trade(incoming: Incoming, side: BookSide, maker: number, quantityUnits: number): void {
    const { orders } = this.#resting;
    const { book, order } = incoming;
    const fill = this.#fill;
    const priceUnits = side.bestPriceUnits;
    fill.priceUnits = priceUnits;
    fill.quantityUnits = quantityUnits;
    fill.aggressorSide = incoming.side;
    fill.sameOwner = orders.haveOneOwner(maker, order);
    this.#charge(incoming, maker, fill);
    if (incoming.byBudget) {
      this.#spend(incoming, quantityUnits, priceUnits, fill.takerFeeUnits);
      fill.unspentUnits = incoming.unspentUnits;
    } else {
      const at = (order >>> 1) + REMAINING;
      orders.floats[at] = (orders.floats[at] as number) - quantityUnits;
      fill.unspentUnits = 0n;
    }
    incoming.hasTraded = true;
    book.lastPriceUnits = priceUnits;
    this.#resting.fill(side, maker, quantityUnits);
    this.#sink.traded(book, maker, order, fill);
    if (orders.floats[(maker >>> 1) + REMAINING] === 0) this.#resting.end(side, maker);
    else this.#resting.checksum.change(maker);
  }

  /** Fees of both sides of a trade (SET-2). */
  #charge(incoming: Incoming, maker: number, fill: Fill): void {
    const { orders } = this.#resting;
    const { rules } = incoming.book;
    const makerRate = orders.makerRatePpm(maker);
    const takerRate = incoming.takerRatePpm;
    fill.makerFeeUnits = 0;
    fill.takerFeeUnits = 0;
    if (makerRate === 0 && takerRate === 0) return;
    const { priceUnits, quantityUnits } = fill;
    const notional = safeProductOfThree(priceUnits, quantityUnits, rules.notionalFactor);
    if (notional >= 0) {
      fill.makerFeeUnits = chargeFill(orders, maker, notional, makerRate);
      fill.takerFeeUnits = chargeFill(orders, incoming.order, notional, takerRate);
      return;
    }
    const wide = notionalOf(rules, priceUnits, quantityUnits);
    if (makerRate !== 0) fill.makerFeeUnits = chargeWideFill(orders, maker, wide, makerRate);
    if (takerRate === 0) return;
    fill.takerFeeUnits = chargeWideFill(orders, incoming.order, wide, takerRate);
  }

  /**
   * What an order by budget may still trade at a price: as many whole lots as the rest buys, the
   * fee of a buy included (TYP-2). Computed when a price is reached, then only used up.
   */
  #allowance(incoming: Incoming, priceUnits: number): number {
    if (incoming.allowancePriceUnits !== priceUnits) {
      incoming.allowancePriceUnits = priceUnits;
      const { side, unspentUnits, takerRatePpm, order, book } = incoming;
      const weightedSum = weightedSumOf(this.#resting.orders, order);
      const budget = { side, unspentUnits, takerRatePpm, weightedSum };
      incoming.allowanceUnits = affordableUnits(book.rules, budget, priceUnits);
    }
    if (incoming.allowanceUnits === 0) incoming.state = 'SPENT';
    return incoming.allowanceUnits;
  }

  /** Takes a fill off a budget. A rebate is not spent again: its hold does not cover it. */
  #spend(
    incoming: Incoming,
    quantityUnits: number,
    priceUnits: number,
    feeUnits: number | bigint,
  ): void {
    const notional = notionalOf(incoming.book.rules, priceUnits, quantityUnits);
    const charge = incoming.side === 'BUY' && feeUnits > 0 ? BigInt(feeUnits) : 0n;
    incoming.unspentUnits -= notional + charge;
    incoming.allowanceUnits -= quantityUnits;
    if (incoming.unspentUnits === 0n) incoming.state = 'SPENT';
  }

  /** Self-trade prevention where the trade would have happened (STP-1, STP-2). */
  #prevent(incoming: Incoming, side: BookSide, maker: number, quantityUnits: number): void {
    const { prevention: mode, book, order } = incoming;
    const decrementedUnits = mode === 'DECREMENT' ? quantityUnits : 0;
    this.#sink.matchPrevented(book, maker, order, { mode, decrementedUnits });
    if (mode === 'DECREMENT') {
      const priceUnits = side.bestPriceUnits;
      this.#resting.reduce(side, maker, quantityUnits);
      this.#decrement(incoming, priceUnits, quantityUnits);
    }
    const { floats } = this.#resting.orders;
    const makerUnits = floats[(maker >>> 1) + REMAINING] as number;
    if (mode === 'CANCEL_MAKER' || mode === 'CANCEL_BOTH' || makerUnits === 0) {
      this.#sink.orderCanceled(book, maker, 'SELF_TRADE', makerUnits);
      this.#resting.end(side, maker);
    } else {
      this.#resting.checksum.change(maker);
    }
    const takerUnits = incoming.byBudget ? 0 : (floats[(order >>> 1) + REMAINING] as number);
    const isUsedUp = incoming.byBudget ? incoming.allowanceUnits === 0 : takerUnits === 0;
    if (mode === 'CANCEL_TAKER' || mode === 'CANCEL_BOTH' || isUsedUp) {
      this.#sink.orderCanceled(book, order, 'SELF_TRADE', takerUnits);
      incoming.state = 'PREVENTED';
    }
  }

  /** Takes the decremented quantity off the incoming order, or its price off the budget. */
  #decrement(incoming: Incoming, priceUnits: number, quantityUnits: number): void {
    if (incoming.byBudget) {
      this.#spend(incoming, quantityUnits, priceUnits, 0);
      return;
    }
    const { floats } = this.#resting.orders;
    const at = incoming.order >>> 1;
    floats[at + REMAINING] = (floats[at + REMAINING] as number) - quantityUnits;
    floats[at + QUANTITY] = (floats[at + QUANTITY] as number) - quantityUnits;
  }
}

/** What decides how much a budget buys. */
export type Budget = {
  readonly side: Side;
  readonly unspentUnits: bigint;
  readonly takerRatePpm: number;
  /** Σ notional × rate over the order's fills so far (SET-2). */
  readonly weightedSum: bigint;
};

/** Whole lots, in quantity units, that the rest of a budget buys (or sells) at a price. */
export function affordableUnits(
  rules: InstrumentRules,
  budget: Budget,
  priceUnits: number,
): number {
  const lotNotional = notionalOf(rules, priceUnits, rules.lotUnits);
  let lots = budget.unspentUnits / lotNotional;
  if (budget.side === 'BUY' && budget.takerRatePpm > 0) {
    // The largest n with n·L + ⌈(S + n·L·r) / 10^6⌉ - ⌈S / 10^6⌉ at most the rest; a whole number
    // is not below ⌈x⌉ exactly when it is not below x, so the bound solves without rounding.
    const sum = budget.weightedSum;
    const room = (budget.unspentUnits + feeOfSum(sum)) * RATE_SCALE - sum;
    lots = room / (lotNotional * (RATE_SCALE + BigInt(budget.takerRatePpm)));
  }
  const most = BigInt(Math.floor(Number.MAX_SAFE_INTEGER / rules.lotUnits));
  return Number(lots < most ? lots : most) * rules.lotUnits;
}
