// The orders of a book that wait to be triggered (TYP-3, TYP-4): by stop price in each direction,
// the next to be triggered at the end; trailing stops, whose stop prices move, apart.
import { triggersAbove } from '../../lib/rules/order-types.ts';
import { betterPrice, trailingStopPrice } from '../../lib/rules/stop-price.ts';
import type { OrderExtras } from './order-extras.ts';

/** Whether a waiting order's condition holds at a last price (TYP-3). */
export function isTriggeredAt(extras: OrderExtras, lastUnits: number): boolean {
  return triggersAbove(extras.type, extras.side)
    ? lastUnits >= extras.stopPriceUnits
    : lastUnits <= extras.stopPriceUnits;
}

/** Waiting orders of one book. */
export class WaitingOrders {
  /** Triggered at last ≥ stop price: the lowest stop price last, the older of two after it. */
  readonly #above: OrderExtras[] = [];
  /** Triggered at last ≤ stop price: the highest stop price last, the older of two after it. */
  readonly #below: OrderExtras[] = [];
  readonly #trailing: OrderExtras[] = [];

  /** Orders that wait. */
  count = 0;

  get trailingCount(): number {
    return this.#trailing.length;
  }

  add(extras: OrderExtras): void {
    this.count += 1;
    if (extras.type === 'TRAILING_STOP') {
      extras.trailingAt = this.#trailing.length;
      this.#trailing.push(extras);
      return;
    }
    const isAbove = triggersAbove(extras.type, extras.side);
    const list = isAbove ? this.#above : this.#below;
    list.splice(positionOf(list, isAbove, extras), 0, extras);
  }

  /** Takes out an order that is there, with the stop price and age that it was added with. */
  remove(extras: OrderExtras): void {
    this.count -= 1;
    if (extras.type === 'TRAILING_STOP') {
      const last = this.#trailing.pop() as OrderExtras;
      if (last !== extras) {
        this.#trailing[extras.trailingAt] = last;
        last.trailingAt = extras.trailingAt;
      }
      extras.trailingAt = -1;
      return;
    }
    const isAbove = triggersAbove(extras.type, extras.side);
    const list = isAbove ? this.#above : this.#below;
    list.splice(positionOf(list, isAbove, extras), 1);
  }

  /**
   * Moves the stop prices of trailing stops after a print (TYP-4).
   *
   * @param moved is told of each that has changed
   */
  trail(lastUnits: number, tickUnits: number, moved: (extras: OrderExtras) => void): void {
    for (const extras of this.#trailing) {
      const { side, bestPriceUnits, stopPriceUnits } = extras;
      const isBetter = side === 'SELL' ? lastUnits > bestPriceUnits : lastUnits < bestPriceUnits;
      if (isBetter) extras.bestPriceUnits = lastUnits;
      // A sell's stop price only rises, a buy's only falls. The tick may have changed.
      const stop = trailingStopPrice(extras, extras.bestPriceUnits, tickUnits);
      extras.stopPriceUnits = betterPrice(side, stop, stopPriceUnits);
      if (isBetter || extras.stopPriceUnits !== stopPriceUnits) moved(extras);
    }
  }

  /** Orders whose condition holds at a last price, in no order. They stay. */
  triggeredAt(lastUnits: number): OrderExtras[] {
    const triggered: OrderExtras[] = [];
    for (const list of [this.#above, this.#below]) {
      for (let at = list.length - 1; at >= 0; at -= 1) {
        const extras = list[at] as OrderExtras;
        if (!isTriggeredAt(extras, lastUnits)) break;
        triggered.push(extras);
      }
    }
    for (const extras of this.#trailing) {
      if (isTriggeredAt(extras, lastUnits)) triggered.push(extras);
    }
    return triggered;
  }

  /** Every order that waits, by age. */
  byAge(): OrderExtras[] {
    const all = [...this.#above, ...this.#below, ...this.#trailing];
    return all.sort((one, other) => one.age - other.age);
  }
}

/** Where an order is, or would be, in a list that is searched by stop price and age. */
function positionOf(list: readonly OrderExtras[], isAbove: boolean, extras: OrderExtras): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isLaterTriggered(list[middle] as OrderExtras, isAbove, extras)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isLaterTriggered(one: OrderExtras, isAbove: boolean, other: OrderExtras): boolean {
  if (one.stopPriceUnits !== other.stopPriceUnits) {
    return one.stopPriceUnits > other.stopPriceUnits === isAbove;
  }
  return one.age > other.age;
}
