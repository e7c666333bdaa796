// Canceling every order of an account, or of all, in an instrument (CXL-1, CXL-2), and retiring
// the instrument; a step at a time (LOG-17). While it goes on nothing else arrives in the
// instrument, so all was accepted before it.
import type { Auctions } from './auctions.ts';
import type { Book } from './book.ts';
import type { BookSide } from './book-side.ts';
import { mixNumber, mixText } from './checksum.ts';
import { FIRST } from './level-store.ts';
import type { MatchingLimits } from './limits.ts';
import type { OrderExtras } from './order-extras.ts';
import type { OrderLife } from './order-life.ts';
import { ARRIVAL, FLAGS, HOLDER_NEXT, type OrderStore, SELLS } from './order-store.ts';
import type { CancelReason, Side } from './rules.ts';
import type { EventSink } from './sink.ts';

/** How far a mass cancel is. */
export type MassCancel = {
  readonly kind: 'massCancel';
  readonly book: Book;
  /** 0 for all accounts. */
  readonly accountNumber: number;
  /** Both sides when undefined. */
  readonly side: Side | undefined;
  readonly reason: CancelReason;
  readonly comment: string;
  /** The instrument is retired at the end. */
  readonly retires: boolean;
  /** Of one account: its next order to look at, oldest first; 0 at the end. */
  nextOrder: number;
  /** Of all accounts: what waits, by age, once the book is empty. */
  waiting: readonly OrderExtras[] | undefined;
  waitingDone: number;
  canceledCount: number;
};

/** Cancels many orders. */
export class MassCanceling {
  readonly #life: OrderLife;
  readonly #auctions: Auctions;
  readonly #sink: EventSink;
  readonly #limits: MatchingLimits;

  constructor(life: OrderLife, auctions: Auctions, sink: EventSink, limits: MatchingLimits) {
    this.#life = life;
    this.#auctions = auctions;
    this.#sink = sink;
    this.#limits = limits;
  }

  begin(
    book: Book,
    asked: Pick<MassCancel, 'accountNumber' | 'side' | 'reason' | 'comment' | 'retires'>,
  ): MassCancel {
    const { instrumentNumber } = book.rules;
    const nextOrder =
      asked.accountNumber === 0
        ? 0
        : this.#life.resting.holders.oldest(asked.accountNumber, instrumentNumber);
    const { accountNumber, side, reason, comment, retires } = asked;
    return {
      kind: 'massCancel',
      book,
      accountNumber,
      side,
      reason,
      comment,
      retires,
      nextOrder,
      waiting: undefined,
      waitingDone: 0,
      canceledCount: 0,
    };
  }

  /**
   * Cancels on.
   *
   * @returns false when the step is full and there is more
   */
  proceed(massCancel: MassCancel): boolean {
    const { book, accountNumber, side, reason, comment } = massCancel;
    const isDone =
      accountNumber === 0
        ? (side === 'SELL' || this.#cancelSide(massCancel, book.bids)) &&
          (side === 'BUY' || this.#cancelSide(massCancel, book.asks)) &&
          this.#cancelWaiting(massCancel)
        : this.#cancelOfAccount(massCancel);
    if (!isDone || this.#isFull()) return false;
    if (!massCancel.retires) {
      this.#sink.ordersCanceled(book, accountNumber, massCancel.canceledCount, reason, comment);
      return true;
    }
    book.state = 'RETIRED';
    book.mayBeCrossed = false;
    book.auctionEndTimeUs = 0;
    this.#auctions.note(book);
    this.#sink.instrumentStateChanged(book, 'RETIRED', comment);
    return true;
  }

  /** Before an order ends by itself between two steps: the work goes on behind it. */
  passOver(massCancel: MassCancel, order: number): void {
    if (massCancel.nextOrder !== order) return;
    massCancel.nextOrder = this.#life.resting.orders.words[order + HOLDER_NEXT] as number;
  }

  #isFull(): boolean {
    return this.#sink.count >= this.#limits.eventsPerStep;
  }

  #cancelOfAccount(massCancel: MassCancel): boolean {
    const { side } = massCancel;
    const { orders } = this.#life.resting;
    while (massCancel.nextOrder !== 0) {
      if (this.#isFull()) return false;
      const order = massCancel.nextOrder;
      massCancel.nextOrder = orders.words[order + HOLDER_NEXT] as number;
      const sells = ((orders.words[order + FLAGS] as number) & SELLS) !== 0;
      if (side === undefined || (side === 'SELL') === sells) this.#cancel(massCancel, order);
    }
    return true;
  }

  #cancelSide(massCancel: MassCancel, side: BookSide): boolean {
    const { levels } = this.#life.resting;
    while (side.best !== 0) {
      if (this.#isFull()) return false;
      this.#cancel(massCancel, levels.words[side.best + FIRST] as number);
    }
    return true;
  }

  #cancelWaiting(massCancel: MassCancel): boolean {
    massCancel.waiting ??= massCancel.book.waiting.byAge();
    const { waiting, side } = massCancel;
    for (; massCancel.waitingDone < waiting.length; massCancel.waitingDone += 1) {
      if (this.#isFull()) return false;
      const extras = waiting[massCancel.waitingDone] as OrderExtras;
      if (extras.place !== 'WAITING') continue;
      if (side === undefined || side === extras.side) this.#cancel(massCancel, extras.order);
    }
    return true;
  }

  #cancel(massCancel: MassCancel, order: number): void {
    this.#life.cancel(massCancel.book, order, massCancel.reason);
    massCancel.canceledCount += 1;
  }
}

/** Hash of a mass cancel that waits for its next step. */
export function hashOfMassCancel(massCancel: MassCancel, orders: OrderStore): number {
  const { book, accountNumber, side, reason, comment, nextOrder, canceledCount } = massCancel;
  let hash = mixText(0x38495ab5, `${side ?? 'both'} ${reason} ${massCancel.retires}`);
  hash = mixText(hash, comment);
  hash = mixNumber(hash, book.rules.instrumentNumber);
  hash = mixNumber(hash, accountNumber);
  hash = mixNumber(hash, nextOrder === 0 ? 0 : (orders.floats[(nextOrder >>> 1) + ARRIVAL] ?? 0));
  return mixNumber(hash, canceledCount);
}
