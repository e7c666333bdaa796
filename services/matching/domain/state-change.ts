// Changing the state of an instrument (STA-1), a step at a time (LOG-17): what is crossed trades
// before continuous trading begins, the orders of the session end before the book is closed.
import { isCallPhase, mayFollow } from '../../lib/rules/admission.ts';
import type { Auctions } from './auctions.ts';
import type { Book, StateAfterAuction } from './book.ts';
import { mixNumber, mixText } from './checksum.ts';
import type { SetInstrumentState } from './command.ts';
import type { OrderLife } from './order-life.ts';
import type { InstrumentState } from './rules.ts';
import type { EventSink } from './sink.ts';
import type { Uncrossing, UncrossProgress } from './uncrossing.ts';

/** A change of state under way. */
export type StateChange = {
  readonly kind: 'stateChange';
  readonly book: Book;
  readonly to: InstrumentState;
  readonly comment: string;
  readonly auctionEndTimeUs: number;
  readonly stateAfterAuction: StateAfterAuction;
  phase: 'UNCROSS' | 'SET';
  readonly uncross: UncrossProgress;
};

const STATES: readonly InstrumentState[] = [
  'PRE_OPEN',
  'AUCTION',
  'CONTINUOUS',
  'POST_ONLY',
  'CANCEL_ONLY',
  'HALTED',
  'CLOSED',
  'RETIRED',
];

const STATES_AFTER: readonly StateAfterAuction[] = ['CONTINUOUS', 'POST_ONLY', 'CLOSED'];

/** Whether the name is one of a state. */
export function isState(state: string): boolean {
  return STATES.includes(state as InstrumentState);
}

/** What a command for a state comes to. */
export type StateDecision =
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'same' }
  | { readonly kind: 'change'; readonly change: StateChange };

/** Decides what a command for a state does; it changes nothing. */
export function decideState(
  book: Book,
  command: SetInstrumentState,
  logTimeUs: number,
): StateDecision {
  const { state: to, comment } = command;
  const from = book.state;
  if (!isState(to)) return { kind: 'refused', reason: 'NUMBER_OUT_OF_RANGE' };
  const isSame = from === to && from !== 'RETIRED';
  if (isSame && to !== 'AUCTION') return { kind: 'same' };
  if (!isSame && !mayFollow(from, to, book.stateBefore)) {
    return { kind: 'refused', reason: 'INSTRUMENT_STATE' };
  }
  const goesOn = from === 'CANCEL_ONLY' && to === 'AUCTION';
  const auctionEndTimeUs = goesOn ? book.auctionEndTimeUs : command.auctionEndTimeUs;
  const stateAfterAuction = goesOn ? book.stateAfterAuction : command.stateAfterAuction;
  if (to === 'AUCTION' && !goesOn) {
    if (!Number.isSafeInteger(auctionEndTimeUs) || !STATES_AFTER.includes(stateAfterAuction)) {
      return { kind: 'refused', reason: 'NUMBER_OUT_OF_RANGE' };
    }
    if (auctionEndTimeUs <= logTimeUs) return { kind: 'refused', reason: 'TOO_LATE' };
    const isUnchanged =
      auctionEndTimeUs === book.auctionEndTimeUs && stateAfterAuction === book.stateAfterAuction;
    if (isSame && isUnchanged) return { kind: 'same' };
  }
  const uncrosses = book.mayBeCrossed && (to === 'CONTINUOUS' || to === 'POST_ONLY');
  const phase = uncrosses ? 'UNCROSS' : 'SET';
  const change = { book, to, comment, auctionEndTimeUs, stateAfterAuction, phase } as const;
  return { kind: 'change', change: makeStateChange(change) };
}

function makeStateChange(change: Omit<StateChange, 'kind' | 'uncross'>): StateChange {
  return { kind: 'stateChange', ...change, uncross: { priceUnits: 0, volumeUnits: 0 } };
}

/** The end of an auction: an uncross, then the state that follows it. */
export function endOfAuction(book: Book): StateChange {
  return makeStateChange({
    book,
    to: book.stateAfterAuction,
    comment: '',
    auctionEndTimeUs: 0,
    stateAfterAuction: 'CONTINUOUS',
    phase: 'UNCROSS',
  });
}

/** Carries changes of state. */
export class StateChanging {
  readonly #life: OrderLife;
  readonly #uncrossing: Uncrossing;
  readonly #auctions: Auctions;
  readonly #sink: EventSink;
  readonly #eventsPerStep: number;

  constructor(
    parts: {
      readonly life: OrderLife;
      readonly uncrossing: Uncrossing;
      readonly auctions: Auctions;
      readonly sink: EventSink;
    },
    eventsPerStep: number,
  ) {
    this.#life = parts.life;
    this.#uncrossing = parts.uncrossing;
    this.#auctions = parts.auctions;
    this.#sink = parts.sink;
    this.#eventsPerStep = eventsPerStep;
  }

  /**
   * Goes on with a change.
   *
   * @returns false when the step is full and there is more
   */
  proceed(change: StateChange): boolean {
    const { book, to } = change;
    if (change.phase === 'UNCROSS') {
      if (!this.#uncrossing.proceed(book, change.uncross)) return false;
      change.phase = 'SET';
    }
    if (to === 'CLOSED' && !this.#endSession(book)) return false;
    if (this.#sink.count >= this.#eventsPerStep) return false;
    this.#set(change);
    return true;
  }

  /** Entering CLOSED expires the orders of the session, by age (TIF-5). */
  #endSession(book: Book): boolean {
    for (;;) {
      const { oldest } = book.dayOrders;
      if (oldest === undefined) return true;
      if (this.#sink.count >= this.#eventsPerStep) return false;
      this.#life.expire(oldest);
    }
  }

  #set(change: StateChange): void {
    const { book, to } = change;
    const from = book.state;
    if (from === 'CONTINUOUS' && to !== from) book.checkedPriceUnits = book.lastPriceUnits;
    if (to === 'CANCEL_ONLY') book.stateBefore = from;
    if (isCallPhase(to)) book.mayBeCrossed = true;
    const isInterrupted = to === 'CANCEL_ONLY' && from === 'AUCTION';
    if (!isInterrupted) {
      book.auctionEndTimeUs = to === 'AUCTION' ? change.auctionEndTimeUs : 0;
      book.stateAfterAuction = to === 'AUCTION' ? change.stateAfterAuction : 'CONTINUOUS';
    }
    book.state = to;
    this.#auctions.note(book);
    const endTimeUs = to === 'AUCTION' ? book.auctionEndTimeUs : 0;
    this.#sink.instrumentStateChanged(book, to, change.comment, endTimeUs);
    if (to !== 'CONTINUOUS') return;
    // The prints of an uncross trigger nothing: they only move trailing stops (TYP-4).
    const { waiting, unsettled, rules } = book;
    while (unsettled.hasPrint) waiting.trail(unsettled.nextPrint() as number, rules.tickUnits);
    // Conditions are checked against the last price as if it were printed now (TYP-3).
    if (book.waiting.count > 0 && book.lastPriceUnits > 0) {
      book.unsettled.addPrint(book.lastPriceUnits);
    } else book.checkedPriceUnits = book.lastPriceUnits;
  }
}

/** Hash of a change of state that waits for its next step. */
export function hashOfStateChange(change: StateChange): number {
  let hash = mixText(0x7feb352d, `${change.to} ${change.phase} ${change.stateAfterAuction}`);
  hash = mixText(hash, change.comment);
  hash = mixNumber(hash, change.book.rules.instrumentNumber);
  hash = mixNumber(hash, change.auctionEndTimeUs);
  hash = mixNumber(hash, change.uncross.priceUnits);
  return mixNumber(hash, change.uncross.volumeUnits);
}
