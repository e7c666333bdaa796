// The naive book as a venue, so that scenarios run against it as they do against the engine.

import type { InstrumentRules, InstrumentState } from '../../../services/lib/rules/terms.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type {
  ShownBook,
  ShownLevel,
  ShownOrder,
  Told,
  Venue,
} from '../../support/matching/venue.ts';
import { byAge } from './naive-auction.ts';
import { NaiveBook, type NaiveLimits } from './naive-book.ts';
import { advanceTo, applyTo } from './naive-machine.ts';
import type { NaiveOrder } from './naive-order.ts';

export const OPEN_LIMITS: NaiveLimits = {
  ordersPerBook: 1_000_000,
  waitingPerBook: 1_000_000,
  trailingPerBook: 1_000_000,
  forbids: 1_000_000,
};

/** The naive book with one instrument. */
export class NaiveVenue implements Venue {
  readonly #limits: NaiveLimits;
  #book: NaiveBook | undefined;

  constructor(limits: Partial<NaiveLimits> = {}) {
    this.#limits = { ...OPEN_LIMITS, ...limits };
  }

  get book(): NaiveBook {
    if (this.#book === undefined) throw new Error('the instrument is not open yet');
    return this.#book;
  }

  open(rules: InstrumentRules, state: InstrumentState): Told {
    this.#book = new NaiveBook(rules, state, this.#limits);
    this.#book.emit({ kind: 'instrumentSet', rules, state });
    return this.#book.events;
  }

  apply(command: MatchingCommand, nowUs: number): Told {
    this.book.nowUs = nowUs;
    return applyTo(this.book, command) ? [...this.book.events] : ['refused'];
  }

  advance(nowUs: number): Told {
    advanceTo(this.book, nowUs);
    return [...this.book.events];
  }

  show(): ShownBook {
    return showBook(this.book);
  }
}

/** The book as a venue shows it. */
export function showBook(book: NaiveBook): ShownBook {
  return {
    state: book.state,
    lastPriceUnits: book.lastPriceUnits,
    bids: levelsOf(book.sorted('BUY')),
    asks: levelsOf(book.sorted('SELL')),
    resting: [...book.sorted('BUY'), ...book.sorted('SELL')].map(shownOrder),
    waiting: byAge(book.waiting).map((order) => ({
      ...shownOrder(order),
      stopPriceUnits: order.stopPriceUnits,
      shownUnits: order.remainingUnits,
    })),
  };
}

/** Level quantity is the sum of what its orders display (MAT-5). */
function levelsOf(sorted: readonly NaiveOrder[]): ShownLevel[] {
  const levels: { priceUnits: number; quantityUnits: number }[] = [];
  for (const { priceUnits, shownUnits } of sorted) {
    const last = levels.at(-1);
    if (last?.priceUnits === priceUnits) last.quantityUnits += shownUnits;
    else levels.push({ priceUnits, quantityUnits: shownUnits });
  }
  return levels;
}

function shownOrder(order: NaiveOrder): ShownOrder {
  const { accountNumber, placement, priceUnits, quantityUnits, remainingUnits } = order;
  const { shownUnits, version } = order;
  const { side } = order.terms;
  const counts = { priceUnits, stopPriceUnits: 0, quantityUnits, remainingUnits, shownUnits };
  return { accountNumber, placement, side, ...counts, version };
}
