// The hidden quantities of icebergs (TYP-5), summed by level and by side: the levels themselves
// count only what is shown.
import type { BookSide } from './book-side.ts';

/** Hidden quantities of all books of a shard. */
export class HiddenUnits {
  readonly #byLevel = new Map<number, number>();
  readonly #bySide = new Map<number, number>();

  /** Adds to what is hidden at a level, or takes off it when negative. */
  add(side: BookSide, level: number, units: number): void {
    if (units === 0) return;
    addTo(this.#byLevel, level, units);
    addTo(this.#bySide, side.number, units);
  }

  /** Hidden at a level, in quantity units. */
  atLevel(level: number): number {
    return this.#bySide.size === 0 ? 0 : (this.#byLevel.get(level) ?? 0);
  }

  /** Hidden on a side of a book, in quantity units. */
  onSide(side: BookSide): number {
    return this.#bySide.size === 0 ? 0 : (this.#bySide.get(side.number) ?? 0);
  }
}

function addTo(sums: Map<number, number>, key: number, units: number): void {
  const sum = (sums.get(key) ?? 0) + units;
  if (sum === 0) sums.delete(key);
  else sums.set(key, sum);
}
