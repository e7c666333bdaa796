// An instrument's order book rebuilt from events: every open order, its level, and which prices
// changed since the last publication. An incoming order is added whole and then traded down, so
// the book is right after every whole command (MAT-6), which is when anybody looks.

import type { InstrumentPhase, MarketEvent, OrderKey, Side } from './market-event.ts';
import { SideLevels } from './side-levels.ts';

type OpenOrder = {
  readonly side: Side;
  priceUnits: number;
  remainingUnits: number;
};

/** Prices whose totals changed, per side. */
export type TouchedPrices = { readonly bids: Set<number>; readonly asks: Set<number> };

export class MarketBook {
  readonly bids = new SideLevels('buy');
  readonly asks = new SideLevels('sell');
  phase: InstrumentPhase = 'continuous';
  readonly #orders = new Map<number, Map<number, OpenOrder>>();
  #touched: TouchedPrices = { bids: new Set(), asks: new Set() };
  #openCount = 0;

  get openOrderCount(): number {
    return this.#openCount;
  }

  apply(event: MarketEvent): void {
    switch (event.kind) {
      case 'entered':
        if (event.quantityUnits > 0) this.#enter(event, event);
        return;
      case 'traded':
        this.#reduce(event.maker, event.quantityUnits);
        this.#reduce(event.taker, event.quantityUnits);
        return;
      case 'reduced':
        this.#reduce(event, event.byUnits);
        return;
      case 'left':
        this.#remove(event);
        return;
      case 'changed':
        this.#change(event, event.priceUnits, event.remainingUnits);
        return;
      case 'phase':
        this.phase = event.phase;
        return;
      case 'none':
        return;
    }
  }

  /** @returns the prices touched since the last call, and begins a new set. */
  takeTouched(): TouchedPrices {
    const touched = this.#touched;
    this.#touched = { bids: new Set(), asks: new Set() };
    return touched;
  }

  get hasTouched(): boolean {
    return this.#touched.bids.size > 0 || this.#touched.asks.size > 0;
  }

  #enter(
    key: OrderKey,
    order: { readonly side: Side; readonly priceUnits: number; readonly quantityUnits: number },
  ): void {
    const { side, priceUnits, quantityUnits } = order;
    let orders = this.#orders.get(key.accountNumber);
    if (orders === undefined) {
      orders = new Map();
      this.#orders.set(key.accountNumber, orders);
    }
    orders.set(key.placement, { side, priceUnits, remainingUnits: quantityUnits });
    this.#openCount += 1;
    this.#levels(side).add(priceUnits, quantityUnits);
    this.#touch(side, priceUnits);
  }

  #reduce(key: OrderKey, byUnits: number): void {
    const order = this.#orders.get(key.accountNumber)?.get(key.placement);
    if (order === undefined) return;
    order.remainingUnits -= byUnits;
    const ends = order.remainingUnits <= 0;
    this.#levels(order.side).take(order.priceUnits, byUnits, ends);
    this.#touch(order.side, order.priceUnits);
    if (ends) this.#forget(key);
  }

  #remove(key: OrderKey): void {
    const order = this.#orders.get(key.accountNumber)?.get(key.placement);
    if (order === undefined) return;
    this.#levels(order.side).take(order.priceUnits, order.remainingUnits, true);
    this.#touch(order.side, order.priceUnits);
    this.#forget(key);
  }

  #change(key: OrderKey, priceUnits: number, remainingUnits: number): void {
    const order = this.#orders.get(key.accountNumber)?.get(key.placement);
    if (order === undefined) return;
    this.#remove(key);
    if (remainingUnits > 0) {
      this.#enter(key, { side: order.side, priceUnits, quantityUnits: remainingUnits });
    }
  }

  #forget(key: OrderKey): void {
    const orders = this.#orders.get(key.accountNumber);
    orders?.delete(key.placement);
    if (orders?.size === 0) this.#orders.delete(key.accountNumber);
    this.#openCount -= 1;
  }

  #levels(side: Side): SideLevels {
    return side === 'buy' ? this.bids : this.asks;
  }

  #touch(side: Side, priceUnits: number): void {
    (side === 'buy' ? this.#touched.bids : this.#touched.asks).add(priceUnits);
  }
}
