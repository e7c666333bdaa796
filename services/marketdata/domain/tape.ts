// The tape of one instrument: its trades in order, a bounded run of the newest, found by sequence.

import type { Side } from './market-event.ts';

/** Trades kept per instrument; older ones are dropped. */
export const TRADES_KEPT = 20_000;

export type TapeTrade = {
  readonly instrumentSequence: number;
  /** Sequence of the trade before this one; 0 for the first. */
  readonly previousTradeSequence: number;
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly notionalUnits: bigint;
  /** Undefined in an uncross (STA-2). */
  readonly aggressorSide: Side | undefined;
  readonly sameOwner: boolean;
  readonly timeUs: number;
};

export class Tape {
  readonly #trades: TapeTrade[] = [];
  #droppedThrough = 0;
  #count = 0;

  add(trade: Omit<TapeTrade, 'previousTradeSequence'>): TapeTrade {
    const added = { ...trade, previousTradeSequence: this.last?.instrumentSequence ?? 0 };
    this.#trades.push(added);
    this.#count += 1;
    if (this.#trades.length > TRADES_KEPT * 2) {
      const dropped = this.#trades.splice(0, this.#trades.length - TRADES_KEPT);
      this.#droppedThrough = (dropped[dropped.length - 1] as TapeTrade).instrumentSequence;
    }
    return added;
  }

  /** Trades so far, with those that are dropped. */
  get count(): number {
    return this.#count;
  }

  /** Trades from an ordinal on, counted from 0, as far as they are kept. */
  from(ordinal: number): readonly TapeTrade[] {
    const first = this.#count - this.#trades.length;
    return this.#trades.slice(Math.max(0, ordinal - first));
  }

  /** Begins with the newest `trades` of `count`. */
  restore(trades: readonly TapeTrade[], count: number): void {
    this.#trades.push(...trades);
    this.#count = count;
    this.#droppedThrough = trades[0]?.previousTradeSequence ?? 0;
  }

  get last(): TapeTrade | undefined {
    return this.#trades[this.#trades.length - 1];
  }

  /** Trades at or below this sequence are gone; 0 while all are kept. */
  get droppedThrough(): number {
    return this.#droppedThrough;
  }

  /** @returns trades after a sequence, oldest first; undefined when some of them are gone. */
  after(instrumentSequence: number): TapeTrade[] | undefined {
    if (instrumentSequence < this.#droppedThrough) return undefined;
    return this.#trades.slice(this.#indexAfter(instrumentSequence));
  }

  /** @returns up to `limit` trades below a sequence, newest first. */
  before(instrumentSequence: number, limit: number): TapeTrade[] {
    const end = this.#indexAfter(instrumentSequence - 1);
    return this.#trades.slice(Math.max(0, end - limit), end).reverse();
  }

  #indexAfter(instrumentSequence: number): number {
    let low = 0;
    let high = this.#trades.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#trades[middle] as TapeTrade).instrumentSequence <= instrumentSequence) {
        low = middle + 1;
      } else high = middle;
    }
    return low;
  }
}
