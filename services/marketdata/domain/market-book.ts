// An instrument's order book rebuilt from events: every open order, its level, and which prices
// changed since the last publication. An incoming order is added whole and then traded down, so
// the book is right after every whole command (MAT-6), which is when anybody looks. A level shows
// what its orders display; what icebergs hide is counted beside it, because it trades, too (TYP-5).

import type {
  MarketEvent,
  OrderChanged,
  OrderEntered,
  OrderKey,
  OrdersTraded,
  Side,
} from './market-event.ts';
import { SideLevels } from './side-levels.ts';

type OpenOrder = {
  readonly side: Side;
  priceUnits: number;
  remainingUnits: number;
  /** What its level shows of it; 0 while it waits. */
  shownUnits: number;
  /** Iceberg: shown at a time; 0 shows all. */
  displayUnits: number;
  /** It waits outside the book. */
  waits: boolean;
};

/** Prices whose totals changed, per side. */
export type TouchedPrices = {
  readonly bids: ReadonlySet<number>;
  readonly asks: ReadonlySet<number>;
};

/** Numbers of one order in `packOrders`. */
export const NUMBERS_PER_ORDER = 8;

export class MarketBook {
  readonly bids = new SideLevels('buy');
  readonly asks = new SideLevels('sell');
  readonly #orders = new Map<number, Map<number, OpenOrder>>();
  /** False while nobody wants to know which prices were touched. */
  notesTouched = true;
  #touched = untouched();
  #openCount = 0;

  /** Orders that rest or wait. */
  get openOrderCount(): number {
    return this.#openCount;
  }

  apply(event: MarketEvent): void {
    switch (event.kind) {
      case 'entered':
        if (event.quantityUnits > 0) this.#enter(event);
        return;
      case 'triggered':
        this.#trigger(event, event.priceUnits);
        return;
      case 'traded':
        this.#trade(event);
        return;
      case 'reduced':
        this.#decrement(event, event.byUnits);
        return;
      case 'left':
        this.#remove(event);
        return;
      case 'changed':
        this.#change(event);
        return;
      case 'state':
      case 'rules':
      case 'none':
        return;
    }
  }

  /** All open orders as numbers: eight an order, in the order of `restore`'s reading. */
  packOrders(): Float64Array {
    const packed = new Float64Array(this.#openCount * NUMBERS_PER_ORDER);
    let at = 0;
    for (const [accountNumber, orders] of this.#orders) {
      for (const [placement, order] of orders) {
        packed[at] = accountNumber;
        packed[at + 1] = placement;
        packed[at + 2] = order.side === 'buy' ? 0 : 1;
        packed[at + 3] = order.priceUnits;
        packed[at + 4] = order.remainingUnits;
        packed[at + 5] = order.shownUnits;
        packed[at + 6] = order.displayUnits;
        packed[at + 7] = order.waits ? 1 : 0;
        at += NUMBERS_PER_ORDER;
      }
    }
    return packed;
  }

  /** Adds open orders as `packOrders` has given them. */
  restore(packed: Float64Array): void {
    for (let at = 0; at < packed.length; at += NUMBERS_PER_ORDER) {
      const order: OpenOrder = {
        side: packed[at + 2] === 0 ? 'buy' : 'sell',
        priceUnits: packed[at + 3] as number,
        remainingUnits: packed[at + 4] as number,
        shownUnits: packed[at + 5] as number,
        displayUnits: packed[at + 6] as number,
        waits: packed[at + 7] === 1,
      };
      this.#add(
        { accountNumber: packed[at] as number, placement: packed[at + 1] as number },
        order,
      );
      if (!order.waits) this.#rest(order, order.shownUnits);
    }
    this.takeTouched();
  }

  /** @returns the prices touched since the last call, and begins a new set. */
  takeTouched(): TouchedPrices {
    if (!this.hasTouched) return UNTOUCHED;
    const touched = this.#touched;
    this.#touched = untouched();
    return touched;
  }

  get hasTouched(): boolean {
    return this.#touched.bids.size > 0 || this.#touched.asks.size > 0;
  }

  #enter(entered: OrderEntered): void {
    const { side, priceUnits, quantityUnits, displayUnits, waits } = entered;
    const order: OpenOrder = {
      side,
      priceUnits,
      remainingUnits: quantityUnits,
      shownUnits: 0,
      displayUnits,
      waits,
    };
    this.#add(entered, order);
    if (!waits) this.#rest(order);
  }

  #add({ accountNumber, placement }: OrderKey, order: OpenOrder): void {
    let orders = this.#orders.get(accountNumber);
    if (orders === undefined) {
      orders = new Map();
      this.#orders.set(accountNumber, orders);
    }
    orders.set(placement, order);
    this.#openCount += 1;
  }

  #trigger(key: OrderKey, priceUnits: number): void {
    const order = this.#find(key);
    if (order === undefined || !order.waits) return;
    order.waits = false;
    order.priceUnits = priceUnits;
    this.#rest(order);
  }

  #trade(event: OrdersTraded): void {
    const { maker, taker, quantityUnits, aggressorSide } = event;
    this.#fill(maker, quantityUnits, true);
    this.#fill(taker, quantityUnits, aggressorSide === undefined);
  }

  /**
   * A resting iceberg's fill comes off what it shows; when that is used up, the next part shows.
   * An incoming order shows nothing yet: what is left of it will show its first part.
   */
  #fill(key: OrderKey, byUnits: number, isResting: boolean): void {
    const order = this.#find(key);
    if (order === undefined) return;
    const remainingUnits = order.remainingUnits - byUnits;
    const left = order.shownUnits - byUnits;
    const shownUnits = isResting && left > 0 ? left : shownOf(remainingUnits, order.displayUnits);
    this.#restate(key, order, remainingUnits, shownUnits);
  }

  /** Comes off the hidden part first (STP-2, TYP-5). */
  #decrement(key: OrderKey, byUnits: number): void {
    const order = this.#find(key);
    if (order === undefined) return;
    const remainingUnits = order.remainingUnits - byUnits;
    this.#restate(key, order, remainingUnits, Math.min(order.shownUnits, remainingUnits));
  }

  #restate(key: OrderKey, order: OpenOrder, remainingUnits: number, shownUnits: number): void {
    const ends = remainingUnits <= 0;
    if (!order.waits) {
      this.#levels(order.side).take(order.priceUnits, {
        shownUnits: order.shownUnits - shownUnits,
        totalUnits: order.remainingUnits - remainingUnits,
        orderEnds: ends,
      });
      this.#touch(order.side, order.priceUnits);
      order.shownUnits = shownUnits;
    }
    order.remainingUnits = remainingUnits;
    if (ends) this.#forget(key);
  }

  #remove(key: OrderKey): void {
    const order = this.#find(key);
    if (order !== undefined) this.#restate(key, order, 0, 0);
  }

  #change(event: OrderChanged): void {
    const order = this.#find(event);
    if (order === undefined) return;
    const { priceUnits, remainingUnits, displayUnits, placeKept } = event;
    if (remainingUnits === 0) {
      this.#remove(event);
      return;
    }
    if (!order.waits) this.#leave(order);
    const kept = Math.min(order.shownUnits, shownOf(remainingUnits, displayUnits));
    const isSame = placeKept && !order.waits;
    Object.assign(order, { priceUnits, remainingUnits, displayUnits });
    if (!order.waits) this.#rest(order, isSame && displayUnits > 0 ? kept : undefined);
  }

  /** Puts an order into its level, showing its first part unless it says what it shows. */
  #rest(order: OpenOrder, shownUnits = shownOf(order.remainingUnits, order.displayUnits)): void {
    order.shownUnits = shownUnits;
    this.#levels(order.side).add(order.priceUnits, shownUnits, order.remainingUnits);
    this.#touch(order.side, order.priceUnits);
  }

  #leave({ side, priceUnits, shownUnits, remainingUnits }: OpenOrder): void {
    const parts = { shownUnits, totalUnits: remainingUnits, orderEnds: true };
    this.#levels(side).take(priceUnits, parts);
    this.#touch(side, priceUnits);
  }

  #find(key: OrderKey): OpenOrder | undefined {
    return this.#orders.get(key.accountNumber)?.get(key.placement);
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
    if (!this.notesTouched) return;
    (side === 'buy' ? this.#touched.bids : this.#touched.asks).add(priceUnits);
  }
}

const UNTOUCHED = untouched();

function untouched() {
  return { bids: new Set<number>(), asks: new Set<number>() };
}

/** What an order shows that begins to show a part. */
function shownOf(remainingUnits: number, displayUnits: number): number {
  return displayUnits === 0 ? remainingUnits : Math.min(displayUnits, remainingUnits);
}
