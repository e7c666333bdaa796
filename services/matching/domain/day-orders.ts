// The orders of a session (TIF-5), by age: they end when the instrument enters CLOSED.
import type { OrderExtras } from './order-extras.ts';

/** DAY orders of one book. */
export class DayOrders {
  #oldest: OrderExtras | undefined = undefined;
  #youngest: OrderExtras | undefined = undefined;

  get oldest(): OrderExtras | undefined {
    return this.#oldest;
  }

  /** Adds an order that is younger than all that are there. */
  add(extras: OrderExtras): void {
    extras.olderOfDay = this.#youngest;
    extras.youngerOfDay = undefined;
    if (this.#youngest === undefined) this.#oldest = extras;
    else this.#youngest.youngerOfDay = extras;
    this.#youngest = extras;
  }

  /** Takes out an order that is there. */
  remove(extras: OrderExtras): void {
    const { olderOfDay: older, youngerOfDay: younger } = extras;
    if (older === undefined) this.#oldest = younger;
    else older.youngerOfDay = younger;
    if (younger === undefined) this.#youngest = older;
    else younger.olderOfDay = older;
    extras.olderOfDay = undefined;
    extras.youngerOfDay = undefined;
  }
}
