// Trading: an incoming order against the other side of the book, best price first, oldest first
// within a price (MAT-1), at the resting order's price (MAT-2), never through its limit (MAT-3),
// and never beyond the dynamic band (BND-1).
import { notionalOf } from '../../lib/rules/cost.ts';
import type { BookSide } from './book-side.ts';
import { affordableUnits } from './budget.ts';
import { chargeBoth } from './fees.ts';
import type { Incoming } from './incoming.ts';
import * as levelFields from './level-store.ts';
import { weightedSumOf } from './order-fees.ts';
import type { OrderLife } from './order-life.ts';
import * as orderFields from './order-store.ts';
import type { RestingOrders } from './resting-orders.ts';
import type { EventSink, Fill } from './sink.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { FIRST, LEVEL_PRICE } = levelFields;
const { FLAGS, HAS_EXTRAS, QUANTITY, REMAINING } = orderFields;

/** Trades incoming orders. */
export class Trading {
  readonly #resting: RestingOrders;
  readonly #life: OrderLife;
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
  constructor(life: OrderLife, sink: EventSink, eventsPerStep: number) {
    this.#life = life;
    this.#resting = life.resting;
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
      let openUnits = orders.floats[(incoming.order >>> 1) + REMAINING] as number;
      if (openUnits === 0 && !incoming.byBudget) return true;
      if (!opposite.isMetBy(incoming.limitUnits)) return true;
      const priceUnits = levels.floats[(opposite.best >>> 1) + LEVEL_PRICE] as number;
      if (priceUnits > incoming.highestUnits || priceUnits < incoming.lowestUnits) {
        incoming.state = 'AT_EDGE';
        return true;
      }
      if (incoming.byBudget) {
        openUnits = this.#allowance(incoming, priceUnits);
        if (openUnits === 0) return true;
      }
      if (this.#sink.count >= this.#eventsPerStep) return false;
      const maker = levels.words[opposite.best + FIRST] as number;
      if (isPreventing && orders.haveOneOwner(maker, incoming.order)) {
        this.#prevent(incoming, opposite, maker, openUnits);
      } else {
        const makerUnits = orders.floats[(maker >>> 1) + REMAINING] as number;
        this.#trade(incoming, opposite, maker, Math.min(openUnits, makerUnits));
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
    const makerRatePpm = orders.makerRatePpm(maker);
    const takerRatePpm = incoming.takerRatePpm;
    chargeBoth(orders, book.rules, fill, maker, makerRatePpm, order, takerRatePpm);
    const at = order >>> 1;
    if (incoming.byBudget) {
      this.#spend(incoming, quantityUnits, priceUnits, fill.takerFeeUnits);
      fill.unspentUnits = incoming.unspentUnits;
      // What it has filled is what its record counts as its total.
      orders.floats[at + QUANTITY] = (orders.floats[at + QUANTITY] as number) + quantityUnits;
    } else {
      orders.floats[at + REMAINING] = (orders.floats[at + REMAINING] as number) - quantityUnits;
      fill.unspentUnits = 0n;
    }
    incoming.hasTraded = true;
    book.addPrint(priceUnits);
    this.#resting.fill(side, maker, quantityUnits);
    if (((orders.words[maker + FLAGS] as number) & HAS_EXTRAS) !== 0) {
      this.#tradedWithExtras(incoming, side, maker);
    } else {
      this.#sink.traded(book, maker, order, fill);
      if (orders.floats[(maker >>> 1) + REMAINING] === 0) this.#resting.end(side, maker);
      else this.#resting.checksum.change(maker);
    }
    if (incoming.extras !== undefined) this.#life.endPartner(incoming.extras);
  }

  /** The event counts what an iceberg hides; then its next part may come (TYP-5). */
  #tradedWithExtras(incoming: Incoming, side: BookSide, maker: number): void {
    const { floats } = this.#resting.orders;
    const at = (maker >>> 1) + REMAINING;
    const shown = floats[at] as number;
    const extras = this.#life.extras.get(maker);
    floats[at] = shown + extras.hiddenUnits;
    this.#sink.traded(incoming.book, maker, incoming.order, this.#fill);
    floats[at] = shown;
    this.#life.filled(side, maker, extras);
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
  #prevent(incoming: Incoming, side: BookSide, maker: number, openUnits: number): void {
    const { prevention: mode, book, order } = incoming;
    const life = this.#life;
    const quantityUnits = Math.min(openUnits, life.openUnits(maker));
    const decrementedUnits = mode === 'DECREMENT' ? quantityUnits : 0;
    this.#sink.matchPrevented(book, maker, order, { mode, decrementedUnits });
    if (mode === 'DECREMENT') {
      const priceUnits = side.bestPriceUnits;
      life.reduce(side, maker, quantityUnits);
      this.#decrement(incoming, priceUnits, quantityUnits);
    }
    const makerUnits = life.openUnits(maker);
    if (mode === 'CANCEL_MAKER' || mode === 'CANCEL_BOTH' || makerUnits === 0) {
      life.cancel(book, maker, 'SELF_TRADE');
    } else {
      this.#resting.checksum.change(maker);
      const extras = life.extras.find(maker);
      if (extras !== undefined) life.changed(extras);
    }
    const { floats } = this.#resting.orders;
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
