// A book that can be driven and looked at: the engine, or a model that keeps the same rules.

import type { InstrumentRules, InstrumentState, Side } from '../../../services/lib/rules/terms.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';

/** An open order as the book has it. */
export type ShownOrder = {
  readonly accountNumber: number;
  readonly placement: number;
  readonly side: Side;
  readonly priceUnits: number;
  /** 0 of what does not wait. */
  readonly stopPriceUnits: number;
  readonly quantityUnits: number;
  readonly remainingUnits: number;
  /** Part of an iceberg that its level shows; else all that remains. */
  readonly shownUnits: number;
  readonly version: number;
};

export type ShownLevel = { readonly priceUnits: number; readonly quantityUnits: number };

/** The whole book of the instrument. */
export type ShownBook = {
  readonly state: InstrumentState;
  /** 0 before the first trade. */
  readonly lastPriceUnits: number;
  /** Best first. */
  readonly bids: readonly ShownLevel[];
  readonly asks: readonly ShownLevel[];
  /** Bids, then asks, each in price-time priority. */
  readonly resting: readonly ShownOrder[];
  /** By age. */
  readonly waiting: readonly ShownOrder[];
};

/** The note between the steps of a long command (LOG-17). */
export const STEP_ENDS = '… goes on in the next entry';

/** What happened, in order; a text is a note: a step ended, or the command was refused. */
export type Told = (MatchingEvent | string)[];

/** One instrument, number 1. */
export interface Venue {
  open(rules: InstrumentRules, state: InstrumentState): Told;
  apply(command: MatchingCommand, nowUs: number): Told;
  advance(nowUs: number): Told;
  show(): ShownBook;
}
