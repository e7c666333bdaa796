// The orders of a session (TIF-5), by age: they end when the instrument enters CLOSED.
import type { OrderExtras } from './order-extras.ts';

/** DAY orders of one book. */
export class DayOrders {
  #oldest: OrderExtras | undefined = undefined;
  #youngest: OrderExtras | undefined = undefined;

  get oldest(): OrderExtras | undefined {
    return this.#oldest;
  }

  /** Adds an order by its age: the youngest, unless a snapshot brings it back to an older place. */
  add(extras: OrderExtras): void {
    let older = this.#youngest;
    while (older !== undefined && older.age > extras.age) older = older.olderOfDay;
    const younger = older === undefined ? this.#oldest : older.youngerOfDay;
    extras.olderOfDay = older;
    extras.youngerOfDay = younger;
    if (older === undefined) this.#oldest = extras;
    else older.youngerOfDay = extras;
    if (younger === undefined) this.#youngest = extras;
    else younger.olderOfDay = extras;
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
