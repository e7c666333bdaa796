// A client's copy of an order book, kept from a stream of level totals, and its comparison with a
// recorded one. Prices and quantities are whole numbers of the recording.

import type { RecordedBook, RecordedLevels } from './lobster-line.ts';

export type LevelTotal = { readonly price: number; readonly quantity: number };

export class CopiedBook {
  readonly #bids = new Map<number, number>();
  readonly #asks = new Map<number, number>();
  #topBids: [number, number][] | undefined;
  #topAsks: [number, number][] | undefined;

  clear(): void {
    this.#bids.clear();
    this.#asks.clear();
    this.#topBids = undefined;
    this.#topAsks = undefined;
  }

  /** Sets new totals; quantity 0 removes a level. */
  apply(bids: readonly LevelTotal[], asks: readonly LevelTotal[]): void {
    if (bids.length > 0) this.#topBids = undefined;
    if (asks.length > 0) this.#topAsks = undefined;
    for (const { price, quantity } of bids) setTotal(this.#bids, price, quantity);
    for (const { price, quantity } of asks) setTotal(this.#asks, price, quantity);
  }

  get isEmpty(): boolean {
    return this.#bids.size === 0 && this.#asks.size === 0;
  }

  /** @returns the first difference to a recorded book in words; undefined when they agree. */
  findDifference(recorded: RecordedBook, depth: number): string | undefined {
    this.#topBids ??= sorted(this.#bids, -1);
    this.#topAsks ??= sorted(this.#asks, 1);
    return (
      findLevelDifference('ask', this.#topAsks, recorded.asks, depth) ??
      findLevelDifference('bid', this.#topBids, recorded.bids, depth)
    );
  }
}

function setTotal(side: Map<number, number>, price: number, quantity: number): void {
  if (quantity === 0) side.delete(price);
  else side.set(price, quantity);
}

function sorted(side: Map<number, number>, sign: 1 | -1): [number, number][] {
  return [...side].sort((a, b) => (a[0] - b[0]) * sign);
}

function findLevelDifference(
  name: string,
  mine: RecordedLevels,
  recorded: RecordedLevels,
  depth: number,
): string | undefined {
  const levels = Math.min(depth, Math.max(mine.length, recorded.length));
  for (let i = 0; i < levels; i += 1) {
    const [price, quantity] = mine[i] ?? [];
    const [wantPrice, wantQuantity] = recorded[i] ?? [];
    if (price !== wantPrice || quantity !== wantQuantity) {
      return `${name} ${i + 1}: ${show(price, quantity)}, recorded ${show(wantPrice, wantQuantity)}`;
    }
  }
  return undefined;
}

function show(price: number | undefined, quantity: number | undefined): string {
  return price === undefined ? 'none' : `${quantity} @ ${price}`;
}
