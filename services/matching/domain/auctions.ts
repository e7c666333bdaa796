// Which books are in an auction, when each ends, and how a volatility auction begins (STA-1,
// BND-1).
import type { Book } from './book.ts';
import type { EventSink } from './sink.ts';

/** The auctions of a shard. */
export class Auctions {
  readonly #books = new Set<Book>();
  readonly #sink: EventSink;

  constructor(sink: EventSink) {
    this.#sink = sink;
  }

  /** The auction that ends next; undefined when there is none. */
  next(): Book | undefined {
    let next: Book | undefined;
    for (const book of this.#books) {
      if (next === undefined || isBefore(book, next)) next = book;
    }
    return next;
  }

  /** Notes that a book is in an auction now, or no longer. */
  note(book: Book): void {
    if (book.state === 'AUCTION') this.#books.add(book);
    else this.#books.delete(book);
  }

  /**
   * Begins a volatility auction: an order has come to the edge of the dynamic band (BND-1).
   *
   * @param lastBeforeUnits last price before that order: conditions were checked up to it
   */
  interrupt(book: Book, lastBeforeUnits: number, logTimeUs: number): void {
    book.state = 'AUCTION';
    book.auctionEndTimeUs = logTimeUs + book.rules.volatilityAuctionUs;
    book.stateAfterAuction = 'CONTINUOUS';
    book.mayBeCrossed = true;
    book.checkedPriceUnits = lastBeforeUnits;
    this.note(book);
    this.#sink.instrumentStateChanged(book, 'AUCTION', '', book.auctionEndTimeUs);
  }
}

function isBefore(one: Book, other: Book): boolean {
  if (one.auctionEndTimeUs !== other.auctionEndTimeUs) {
    return one.auctionEndTimeUs < other.auctionEndTimeUs;
  }
  return one.number < other.number;
}
