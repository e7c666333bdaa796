// One side of an order book by price: totals per level, ordered, with the changes since they were
// last taken. Best prices stand at the end of the array, where most changes happen.

import type { Side } from './market-event.ts';

export type Level = {
  readonly priceUnits: number;
  /** Sum of what the level's orders display, in quantity units. */
  quantityUnits: number;
  /** The same with what they hide, which an uncross executes, too (STA-2). */
  totalUnits: number;
  orderCount: number;
};

/** What leaves a level. */
export type LevelPart = {
  readonly shownUnits: number;
  readonly totalUnits: number;
  /** An order leaves it, too. */
  readonly orderEnds: boolean;
};

export class SideLevels {
  readonly #byPrice = new Map<number, Level>();
  /** Levels from worst to best. */
  readonly #ordered: Level[] = [];
  readonly #sign: 1 | -1;

  constructor(side: Side) {
    this.#sign = side === 'buy' ? 1 : -1;
  }

  get levelCount(): number {
    return this.#ordered.length;
  }

  /** Adds an order to its level: what it shows, and all that is open of it. */
  add(priceUnits: number, shownUnits: number, totalUnits: number): void {
    const level = this.#byPrice.get(priceUnits);
    if (level !== undefined) {
      level.quantityUnits += shownUnits;
      level.totalUnits += totalUnits;
      level.orderCount += 1;
      return;
    }
    const added: Level = { priceUnits, quantityUnits: shownUnits, totalUnits, orderCount: 1 };
    this.#byPrice.set(priceUnits, added);
    this.#ordered.splice(this.#placeOf(priceUnits), 0, added);
  }

  /** Takes quantity off a level, and the order too when it ends. An empty level goes away. */
  take(priceUnits: number, part: LevelPart): void {
    const level = this.#byPrice.get(priceUnits);
    if (level === undefined) return;
    level.quantityUnits -= part.shownUnits;
    level.totalUnits -= part.totalUnits;
    if (part.orderEnds) level.orderCount -= 1;
    if (level.orderCount > 0) return;
    this.#byPrice.delete(priceUnits);
    this.#ordered.splice(this.#placeOf(priceUnits), 1);
  }

  /** @returns the level at a price, or undefined when nobody rests there. */
  findLevel(priceUnits: number): Level | undefined {
    return this.#byPrice.get(priceUnits);
  }

  get best(): Level | undefined {
    return this.#ordered[this.#ordered.length - 1];
  }

  /** @returns up to `depth` levels, best first. */
  top(depth: number): Level[] {
    const count = Math.min(depth, this.#ordered.length);
    const levels: Level[] = [];
    for (let i = this.#ordered.length - 1; levels.length < count; i -= 1) {
      levels.push(this.#ordered[i] as Level);
    }
    return levels;
  }

  /** @returns the levels that are as good as a price or better, best first, with hidden parts. */
  through(priceUnits: number): { priceUnits: number; quantityUnits: number }[] {
    const levels: { priceUnits: number; quantityUnits: number }[] = [];
    for (let i = this.#ordered.length - 1; i >= 0; i -= 1) {
      const level = this.#ordered[i] as Level;
      if ((level.priceUnits - priceUnits) * this.#sign < 0) break;
      levels.push({ priceUnits: level.priceUnits, quantityUnits: level.totalUnits });
    }
    return levels;
  }

  /** @returns the index of the first level that is not worse than the price. */
  #placeOf(priceUnits: number): number {
    let low = 0;
    let high = this.#ordered.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const level = this.#ordered[middle] as Level;
      if ((level.priceUnits - priceUnits) * this.#sign < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
