// The book of one instrument: its two sides, its rules and state, its own numberings, and what
// its rules of price and of time need to remember.
import { NO_BAND, type PriceBand, staticBand } from '../../lib/rules/band.ts';
import { BookSide, type LevelStores } from './book-side.ts';
import { DayOrders } from './day-orders.ts';
import { PlainRules } from './plain-rules.ts';
import type { InstrumentRules, InstrumentState, Side } from './rules.ts';
import { Unsettled } from './unsettled.ts';
import { WaitingOrders } from './waiting-orders.ts';

/** State that follows an auction. */
export type StateAfterAuction = 'CONTINUOUS' | 'POST_ONLY' | 'CLOSED';

/** One instrument's book. */
export class Book {
  rules: InstrumentRules;
  /** What they ask of a plain order. */
  plainRules: PlainRules;
  state: InstrumentState;
  /** Number of the book in its shard: the earlier it came, the smaller. */
  readonly number: number;
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
  /** Orders that wait to be triggered (TYP-3). */
  readonly waiting = new WaitingOrders();
  /** Orders of the session (TIF-5). */
  readonly dayOrders = new DayOrders();
  /** What follows once the present command is complete. */
  readonly unsettled = new Unsettled();
  /** Last price that conditions were checked against; 0 before the first (TYP-3). */
  checkedPriceUnits = 0;
  /** Static reference price (BND-1), in price units; 0 when there is none. */
  staticReferenceUnits = 0;
  /** Limit prices that new orders may have (BND-1). */
  bidBand: PriceBand = NO_BAND;
  askBand: PriceBand = NO_BAND;
  /** Orders may have crossed since the last uncross (STA-1). */
  mayBeCrossed = false;
  /** State from which CANCEL_ONLY was entered. */
  stateBefore: InstrumentState = 'CONTINUOUS';
  /** Log time, in microseconds, at which the present auction ends, or the interrupted one. */
  auctionEndTimeUs = 0;
  stateAfterAuction: StateAfterAuction = 'CONTINUOUS';
  /** Room that the exits of open brackets have been promised among the waiting orders (TYP-7). */
  promisedWaiting = 0;
  promisedTrailing = 0;
  /** Brackets whose entry is open. */
  openBrackets = 0;
  /** Resting orders that end another resting order when they trade (TYP-7). */
  restingPartners = 0;

  constructor(
    rules: InstrumentRules,
    state: InstrumentState,
    place: { readonly slot: number; readonly bookNumber: number },
    stores: LevelStores,
  ) {
    this.rules = rules;
    this.plainRules = new PlainRules(rules);
    this.state = state;
    this.slot = place.slot;
    this.number = place.bookNumber;
    this.bids = new BookSide('BUY', place.bookNumber * 2, stores);
    this.asks = new BookSide('SELL', place.bookNumber * 2 + 1, stores);
    this.mayBeCrossed = state === 'PRE_OPEN';
    this.setStaticReference(rules.referencePriceUnits);
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

  /** Limit prices that a new order of this side may have (BND-1). */
  bandOf(side: Side): PriceBand {
    return side === 'BUY' ? this.bidBand : this.askBand;
  }

  /** New rules; an operator's new reference price is the static one from here on (BND-1). */
  setRules(rules: InstrumentRules): void {
    const { referencePriceUnits } = rules;
    const isNew = referencePriceUnits !== this.rules.referencePriceUnits;
    this.rules = rules;
    this.plainRules = new PlainRules(rules);
    const isGiven = isNew && referencePriceUnits !== 0;
    this.setStaticReference(isGiven ? referencePriceUnits : this.staticReferenceUnits);
  }

  setStaticReference(priceUnits: number): void {
    this.staticReferenceUnits = priceUnits;
    this.bidBand = staticBand(this.rules, 'BUY', priceUnits);
    this.askBand = staticBand(this.rules, 'SELL', priceUnits);
  }

  /** Remembers the price of a trade for what waits (TYP-3). */
  addPrint(priceUnits: number): void {
    this.lastPriceUnits = priceUnits;
    if (this.waiting.count !== 0) this.unsettled.addPrint(priceUnits);
  }
}
