// The orders of a book that wait to be triggered (TYP-3, TYP-4): by stop price in each direction;
// trailing stops, whose stop prices move, apart.
import { triggersAbove } from '../../lib/rules/order-types.ts';
import { betterPrice, trailingStopPrice } from '../../lib/rules/stop-price.ts';
import { mixNumber } from './checksum.ts';
import type { OrderExtras } from './order-extras.ts';
import { SortedOrders } from './sorted-orders.ts';

/** Whether a waiting order's condition holds at a last price (TYP-3). */
export function isTriggeredAt(extras: OrderExtras, lastUnits: number): boolean {
  return triggersAbove(extras.type, extras.side)
    ? lastUnits >= extras.stopPriceUnits
    : lastUnits <= extras.stopPriceUnits;
}

/** Of two with one stop price the older is triggered first. */
function isHigher(one: OrderExtras, other: OrderExtras): boolean {
  if (one.stopPriceUnits !== other.stopPriceUnits) return one.stopPriceUnits > other.stopPriceUnits;
  return one.age > other.age;
}

function isLower(one: OrderExtras, other: OrderExtras): boolean {
  if (one.stopPriceUnits !== other.stopPriceUnits) return one.stopPriceUnits < other.stopPriceUnits;
  return one.age > other.age;
}

/** Waiting orders of one book. */
export class WaitingOrders {
  /** Orders that wait. */
  count = 0;
  /** Triggered at last ≥ stop price: the lowest stop price first. */
  readonly #above = new SortedOrders(isHigher);
  /** Triggered at last ≤ stop price: the highest stop price first. */
  readonly #below = new SortedOrders(isLower);
  readonly #trailing: OrderExtras[] = [];
  /** Tick by which every trailing stop has its price; 0 when one may have it by another. */
  #tickUnits = 0;

  get trailingCount(): number {
    return this.#trailing.length;
  }

  add(extras: OrderExtras): void {
    this.count += 1;
    if (extras.type !== 'TRAILING_STOP') {
      this.#listOf(extras).add(extras);
      return;
    }
    this.#tickUnits = 0;
    extras.trailingAt = this.#trailing.length;
    this.#trailing.push(extras);
  }

  /** Takes out an order that is there, with the stop price and age that it was added with. */
  remove(extras: OrderExtras): void {
    this.count -= 1;
    if (extras.type !== 'TRAILING_STOP') {
      this.#listOf(extras).remove(extras);
      return;
    }
    const last = this.#trailing.pop() as OrderExtras;
    if (last !== extras) {
      this.#trailing[extras.trailingAt] = last;
      last.trailingAt = extras.trailingAt;
    }
    extras.trailingAt = -1;
  }

  /** Moves the stop prices of trailing stops after a print (TYP-4). */
  trail(lastUnits: number, tickUnits: number): void {
    const isSameTick = tickUnits === this.#tickUnits;
    this.#tickUnits = tickUnits;
    for (const extras of this.#trailing) {
      const { side, bestPriceUnits } = extras;
      const isBetter = side === 'SELL' ? lastUnits > bestPriceUnits : lastUnits < bestPriceUnits;
      if (isSameTick && !isBetter) continue;
      if (isBetter) extras.bestPriceUnits = lastUnits;
      // A sell's stop price only rises, a buy's only falls.
      const stop = trailingStopPrice(extras, extras.bestPriceUnits, tickUnits);
      extras.stopPriceUnits = betterPrice(side, stop, extras.stopPriceUnits);
    }
  }

  /** Orders whose condition holds at a last price; of each direction the nearest first. */
  triggeredAt(lastUnits: number): OrderExtras[] {
    const triggered: OrderExtras[] = [];
    const isTriggered = (extras: OrderExtras): boolean => isTriggeredAt(extras, lastUnits);
    this.#above.takeWhile(isTriggered, triggered);
    this.#below.takeWhile(isTriggered, triggered);
    for (const extras of this.#trailing) if (isTriggered(extras)) triggered.push(extras);
    return triggered;
  }

  /** Every order that waits, by age. */
  byAge(): OrderExtras[] {
    const all = [...this.#above.all(), ...this.#below.all(), ...this.#trailing];
    return all.sort((one, other) => one.age - other.age);
  }

  /**
   * Hash of what prints move: each may move all trailing stops, so that it is computed when it is
   * asked for. The order in which they stand has no meaning.
   */
  hashOfTrailing(): number {
    let sum = 0;
    for (const extras of this.#trailing) {
      let hash = mixNumber(0x6c8e9cf5, extras.accountNumber);
      hash = mixNumber(hash, extras.placement);
      hash = mixNumber(hash, extras.bestPriceUnits);
      sum = (sum + mixNumber(hash, extras.stopPriceUnits)) | 0;
    }
    return sum;
  }

  #listOf(extras: OrderExtras): SortedOrders {
    return triggersAbove(extras.type, extras.side) ? this.#above : this.#below;
  }
}
