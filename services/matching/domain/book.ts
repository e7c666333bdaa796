// The book of one instrument: its two sides, its rules and state, and its own numberings.
import { BookSide, type LevelStores } from './book-side.ts';
import type { InstrumentRules, InstrumentState, Side } from './rules.ts';

/** One instrument's book. */
export class Book {
  rules: InstrumentRules;
  state: InstrumentState;
  /** Slot of the instrument (MOV-1). */
  readonly slot: number;
  readonly bids: BookSide;
  readonly asks: BookSide;
  /** Sequence of the last event; 0 before the first. */
  sequence = 0;
  /** Last number given to an order for its place in the queue. */
  arrivals = 0;
  /** Price of the last trade, in price units; 0 before the first. */
  lastPriceUnits = 0;

  constructor(
    rules: InstrumentRules,
    state: InstrumentState,
    place: { readonly slot: number; readonly bookNumber: number },
    stores: LevelStores,
  ) {
    this.rules = rules;
    this.state = state;
    this.slot = place.slot;
    this.bids = new BookSide('BUY', place.bookNumber * 2, stores);
    this.asks = new BookSide('SELL', place.bookNumber * 2 + 1, stores);
  }

  nextSequence(): number {
    this.sequence += 1;
    return this.sequence;
  }

  nextArrival(): number {
    this.arrivals += 1;
    return this.arrivals;
  }

  /** Side where orders of this side rest. */
  sideOf(side: Side): BookSide {
    return side === 'BUY' ? this.bids : this.asks;
  }

  /** Side that orders of this side trade against. */
  oppositeOf(side: Side): BookSide {
    return side === 'BUY' ? this.asks : this.bids;
  }

  /** Orders that rest, both sides together (MAT-7). */
  get orderCount(): number {
    return this.bids.orderCount + this.asks.orderCount;
  }
}
