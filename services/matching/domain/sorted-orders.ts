// A list of waiting orders that is kept sorted, the next to be taken at its end: short runs side
// by side, so that adding and taking out cost little however many there are.
import type { OrderExtras } from './order-extras.ts';

/** A run that gets longer is cut in two. */
const LONGEST_RUN = 256;

/** Orders in the order that `isBehind` says. */
export class SortedOrders {
  readonly #isBehind: (one: OrderExtras, other: OrderExtras) => boolean;
  /** None of them is empty. */
  readonly #runs: OrderExtras[][] = [];

  /** @param isBehind whether one is taken later than the other; two are never equal */
  constructor(isBehind: (one: OrderExtras, other: OrderExtras) => boolean) {
    this.#isBehind = isBehind;
  }

  add(extras: OrderExtras): void {
    const at = this.#runOf(extras);
    const run = this.#runs[at];
    if (run === undefined) {
      this.#runs.push([extras]);
      return;
    }
    run.splice(this.#positionIn(run, extras), 0, extras);
    if (run.length <= LONGEST_RUN) return;
    this.#runs.splice(at + 1, 0, run.splice(LONGEST_RUN >>> 1));
  }

  /** Takes out an order that is there, with what it is sorted by as it was when it was added. */
  remove(extras: OrderExtras): void {
    const at = this.#runOf(extras);
    const run = this.#runs[at] as OrderExtras[];
    run.splice(this.#positionIn(run, extras), 1);
    if (run.length === 0) this.#runs.splice(at, 1);
  }

  /** Gives the orders, the next to be taken first, as long as `wants` says so. */
  takeWhile(wants: (extras: OrderExtras) => boolean, taken: OrderExtras[]): void {
    for (let at = this.#runs.length - 1; at >= 0; at -= 1) {
      const run = this.#runs[at] as OrderExtras[];
      for (let position = run.length - 1; position >= 0; position -= 1) {
        const extras = run[position] as OrderExtras;
        if (!wants(extras)) return;
        taken.push(extras);
      }
    }
  }

  /** All of them, the last to be taken first. */
  all(): OrderExtras[] {
    return this.#runs.flat();
  }

  /** The last run that does not begin before the order; the first when all do. */
  #runOf(extras: OrderExtras): number {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const first = this.#runs[middle]?.[0] as OrderExtras;
      if (first === extras || this.#isBehind(first, extras)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #positionIn(run: readonly OrderExtras[], extras: OrderExtras): number {
    let low = 0;
    let high = run.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBehind(run[middle] as OrderExtras, extras)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
