// Reading a book without changing it: levels, open orders, waiting orders.
import { isCallPhase } from '../../lib/rules/admission.ts';
import type { UncrossPrice } from '../../lib/rules/uncross.ts';
import type { Book } from './book.ts';
import type { BookSide } from './book-side.ts';
import { FIRST, LEVEL_PRICE, LEVEL_QUANTITY, ORDER_COUNT } from './level-store.ts';
import type { OrderExtras } from './order-extras.ts';
import type { OrderLife } from './order-life.ts';
import { ACCOUNT, NEXT, PLACEMENT, QUANTITY, REMAINING, VERSION } from './order-store.ts';
import type { InstrumentRules, InstrumentState, OrderType, Side } from './rules.ts';
import { findUncrossPrice } from './uncrossing.ts';

/** One price of one side. */
export type BookLevel = {
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly orderCount: number;
};

/** A book as it is now, best levels first. */
export type BookView = {
  readonly instrumentSequence: number;
  readonly state: InstrumentState;
  readonly rules: InstrumentRules;
  /** 0 before the first trade. */
  readonly lastPriceUnits: number;
  /** What limit prices are measured by (BND-1); 0 when there is none. */
  readonly staticReferencePriceUnits: number;
  /** Log time in microseconds at which the auction ends; 0 when there is none. */
  readonly auctionEndTimeUs: number;
  /** What an uncross would come to now; undefined outside of a call phase (STA-2). */
  readonly indicative: UncrossPrice | undefined;
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
};

/** One resting order. */
export type OpenOrder = {
  readonly accountNumber: number;
  readonly placement: number;
  readonly side: Side;
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly remainingUnits: number;
  /** Less than what remains of an iceberg (TYP-5). */
  readonly shownUnits: number;
  readonly version: number;
};

/** One order that waits to be triggered. */
export type WaitingOrder = {
  readonly accountNumber: number;
  readonly placement: number;
  readonly side: Side;
  readonly type: OrderType;
  readonly stopPriceUnits: number;
  /** Limit price, or worst price of one that will trade as a market order. */
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly remainingUnits: number;
  readonly version: number;
};

/** The best `depth` levels of both sides. */
export function viewBook(life: OrderLife, book: Book, depth: number): BookView {
  return {
    instrumentSequence: book.sequence,
    state: book.state,
    rules: book.rules,
    lastPriceUnits: book.lastPriceUnits,
    staticReferencePriceUnits: book.staticReferenceUnits,
    auctionEndTimeUs: book.state === 'AUCTION' ? book.auctionEndTimeUs : 0,
    indicative: isCallPhase(book.state) ? findUncrossPrice(life, book) : undefined,
    bids: levelsOf(life, book.bids, depth),
    asks: levelsOf(life, book.asks, depth),
  };
}

function levelsOf({ resting }: OrderLife, side: BookSide, depth: number): BookLevel[] {
  const { words, floats } = resting.levels;
  const seen: BookLevel[] = [];
  for (let level = side.best; level !== 0 && seen.length < depth; ) {
    seen.push({
      priceUnits: floats[(level >>> 1) + LEVEL_PRICE] as number,
      quantityUnits: floats[(level >>> 1) + LEVEL_QUANTITY] as number,
      orderCount: words[level + ORDER_COUNT] as number,
    });
    level = side.worseThan(level);
  }
  return seen;
}

/** Every resting order of a side in price-time priority (MAT-1). */
export function openOrdersOf(life: OrderLife, side: BookSide): OpenOrder[] {
  const { resting } = life;
  const { words, floats } = resting.orders;
  const { words: levels } = resting.levels;
  const open: OpenOrder[] = [];
  for (let level = side.best; level !== 0; level = side.worseThan(level)) {
    let order = levels[level + FIRST] as number;
    for (; order !== 0; order = words[order + NEXT] as number) {
      open.push({
        accountNumber: (words[order + ACCOUNT] as number) >>> 0,
        placement: floats[(order >>> 1) + PLACEMENT] as number,
        side: side.side,
        priceUnits: resting.priceOf(order),
        quantityUnits: floats[(order >>> 1) + QUANTITY] as number,
        remainingUnits: life.openUnits(order),
        shownUnits: floats[(order >>> 1) + REMAINING] as number,
        version: words[order + VERSION] as number,
      });
    }
  }
  return open;
}

/** Every order of a book that waits to be triggered, by age. */
export function waitingOrdersOf(life: OrderLife, book: Book): WaitingOrder[] {
  return book.waiting.byAge().map((extras) => waitingOrderOf(life, extras));
}

function waitingOrderOf(life: OrderLife, extras: OrderExtras): WaitingOrder {
  const { words, floats } = life.resting.orders;
  const { accountNumber, placement, side, type, stopPriceUnits, priceUnits, order } = extras;
  return {
    accountNumber,
    placement,
    side,
    type,
    stopPriceUnits,
    priceUnits,
    quantityUnits: floats[(order >>> 1) + QUANTITY] as number,
    remainingUnits: floats[(order >>> 1) + REMAINING] as number,
    version: words[order + VERSION] as number,
  };
}
