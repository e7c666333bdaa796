// The uncross (STA-2): everything that is crossed trades at one price by price-time priority;
// nobody is the aggressor, the buyer stands as maker. Prevention does not act (STP-2).
import { type UncrossLevel, type UncrossPrice, uncrossPrice } from '../../lib/rules/uncross.ts';
import type { Book } from './book.ts';
import type { BookSide } from './book-side.ts';
import { chargeBoth } from './fees.ts';
import { FIRST, LEVEL_PRICE, LEVEL_QUANTITY } from './level-store.ts';
import type { OrderLife } from './order-life.ts';
import { REMAINING } from './order-store.ts';
import type { EventSink, Fill } from './sink.ts';

/** How far an uncross is. */
export type UncrossProgress = {
  /** 0 before it is known, and when nothing is executable. */
  priceUnits: number;
  volumeUnits: number;
};

/** What would be the price of an uncross now; undefined when nothing is executable. */
export function findUncrossPrice(life: OrderLife, book: Book): UncrossPrice | undefined {
  const { rules, lastPriceUnits } = book;
  const bid = book.bids.bestPriceUnits;
  const ask = book.asks.bestPriceUnits;
  if (bid === 0 || ask === 0 || bid < ask) return undefined;
  const bids = crossingLevels(life, book.bids, (price) => price >= ask);
  const asks = crossingLevels(life, book.asks, (price) => price <= bid);
  const reference = lastPriceUnits === 0 ? rules.referencePriceUnits : lastPriceUnits;
  return uncrossPrice(bids, asks, rules.tickUnits, reference);
}

function crossingLevels(
  life: OrderLife,
  side: BookSide,
  crosses: (priceUnits: number) => boolean,
): UncrossLevel[] {
  const { floats } = life.resting.levels;
  const crossing: UncrossLevel[] = [];
  for (let level = side.best; level !== 0; level = side.worseThan(level)) {
    const priceUnits = floats[(level >>> 1) + LEVEL_PRICE] as number;
    if (!crosses(priceUnits)) break;
    const shown = floats[(level >>> 1) + LEVEL_QUANTITY] as number;
    crossing.push({ priceUnits, quantityUnits: shown + life.hidden.atLevel(level) });
  }
  return crossing;
}

/** Uncrosses books. */
export class Uncrossing {
  readonly #life: OrderLife;
  readonly #sink: EventSink;
  readonly #eventsPerStep: number;
  /** Reused for every trade. */
  readonly #fill: Fill = {
    priceUnits: 0,
    quantityUnits: 0,
    aggressorSide: undefined,
    sameOwner: false,
    makerFeeUnits: 0,
    takerFeeUnits: 0,
    unspentUnits: 0n,
  };

  constructor(life: OrderLife, sink: EventSink, eventsPerStep: number) {
    this.#life = life;
    this.#sink = sink;
    this.#eventsPerStep = eventsPerStep;
  }

  /**
   * Trades what is crossed.
   *
   * @returns false when the step is full and there is more
   */
  proceed(book: Book, progress: UncrossProgress): boolean {
    for (;;) {
      if (progress.priceUnits === 0) {
        const found = findUncrossPrice(this.#life, book);
        if (found === undefined) break;
        progress.priceUnits = found.priceUnits;
      }
      if (!this.#tradeAll(book, progress)) return false;
      this.#finish(book, progress);
      // Orders that ended one another may have left others crossed, at another price (TYP-7).
      progress.priceUnits = 0;
      progress.volumeUnits = 0;
    }
    book.mayBeCrossed = false;
    return true;
  }

  #tradeAll(book: Book, progress: UncrossProgress): boolean {
    const { priceUnits } = progress;
    while (book.bids.isMetBy(priceUnits) && book.asks.isMetBy(priceUnits)) {
      if (this.#sink.count >= this.#eventsPerStep) return false;
      progress.volumeUnits += this.#trade(book, priceUnits);
    }
    return this.#sink.count < this.#eventsPerStep;
  }

  #trade(book: Book, priceUnits: number): number {
    const { resting } = this.#life;
    const { orders, levels } = resting;
    const buyer = levels.words[book.bids.best + FIRST] as number;
    const seller = levels.words[book.asks.best + FIRST] as number;
    const quantityUnits = Math.min(
      orders.floats[(buyer >>> 1) + REMAINING] as number,
      orders.floats[(seller >>> 1) + REMAINING] as number,
    );
    const fill = this.#fill;
    fill.priceUnits = priceUnits;
    fill.quantityUnits = quantityUnits;
    fill.sameOwner = orders.haveOneOwner(buyer, seller);
    const buyerRatePpm = orders.auctionRatePpm(buyer);
    const sellerRatePpm = orders.auctionRatePpm(seller);
    chargeBoth(orders, book.rules, fill, buyer, buyerRatePpm, seller, sellerRatePpm);
    book.addPrint(priceUnits);
    resting.fill(book.bids, buyer, quantityUnits);
    resting.fill(book.asks, seller, quantityUnits);
    this.#emit(book, buyer, seller);
    this.#afterFill(book.bids, buyer);
    this.#afterFill(book.asks, seller);
    return quantityUnits;
  }

  /** The event counts what icebergs hide. */
  #emit(book: Book, buyer: number, seller: number): void {
    const { floats } = this.#life.resting.orders;
    const atBuyer = (buyer >>> 1) + REMAINING;
    const atSeller = (seller >>> 1) + REMAINING;
    const buyerShows = floats[atBuyer] as number;
    const sellerShows = floats[atSeller] as number;
    floats[atBuyer] = this.#life.openUnits(buyer);
    floats[atSeller] = this.#life.openUnits(seller);
    this.#sink.traded(book, buyer, seller, this.#fill);
    floats[atBuyer] = buyerShows;
    floats[atSeller] = sellerShows;
  }

  #afterFill(side: BookSide, order: number): void {
    const { resting } = this.#life;
    const extras = this.#life.extras.find(order);
    if (extras !== undefined) this.#life.filled(side, order, extras);
    else if (resting.orders.floats[(order >>> 1) + REMAINING] === 0) resting.end(side, order);
    else resting.checksum.change(order);
  }

  /** What is left over at the price, or better, is the surplus; its price is the static one. */
  #finish(book: Book, { priceUnits, volumeUnits }: UncrossProgress): void {
    const left = (side: BookSide, crosses: (price: number) => boolean): number =>
      crossingLevels(this.#life, side, crosses).reduce(
        (sum, level) => sum + level.quantityUnits,
        0,
      );
    const bids = left(book.bids, (price) => price >= priceUnits);
    const asks = left(book.asks, (price) => price <= priceUnits);
    book.setStaticReference(priceUnits);
    this.#sink.uncrossed(book, {
      priceUnits,
      volumeUnits,
      surplusUnits: Math.max(bids, asks),
      surplusSide: bids + asks === 0 ? undefined : bids > 0 ? 'BUY' : 'SELL',
    });
  }
}
