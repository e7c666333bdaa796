// Which books are in an auction, when each ends, and how a volatility auction begins (STA-1,
// BND-1).
import type { Book } from './book.ts';
import type { EventSink } from './sink.ts';

/** The end of an auction; of no more use when the book has another end or state meanwhile. */
type AuctionEnd = { readonly book: Book; readonly timeUs: number };

/** The auctions of a shard. */
export class Auctions {
  /** Binary heap by time, then number of the book. */
  readonly #ends: AuctionEnd[] = [];
  readonly #sink: EventSink;

  constructor(sink: EventSink) {
    this.#sink = sink;
  }

  /** The book whose auction ends next; undefined when there is none. */
  next(): Book | undefined {
    for (;;) {
      const end = this.#ends[0];
      if (end === undefined) return undefined;
      const { book, timeUs } = end;
      if (book.state === 'AUCTION' && book.auctionEndTimeUs === timeUs) return book;
      this.#pop();
    }
  }

  /** Notes the end of the auction that a book is in, if it is in one. */
  note(book: Book): void {
    if (book.state !== 'AUCTION') return;
    const end = { book, timeUs: book.auctionEndTimeUs };
    const ends = this.#ends;
    let at = ends.length;
    ends.push(end);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = ends[parent] as AuctionEnd;
      if (!isBefore(end, above)) break;
      ends[at] = above;
      at = parent;
    }
    ends[at] = end;
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

  #pop(): void {
    const ends = this.#ends;
    const moved = ends.pop();
    if (moved === undefined || ends.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= ends.length) break;
      const right = ends[child + 1];
      if (right !== undefined && isBefore(right, ends[child] as AuctionEnd)) child += 1;
      const least = ends[child] as AuctionEnd;
      if (!isBefore(least, moved)) break;
      ends[at] = least;
      at = child;
    }
    ends[at] = moved;
  }
}

function isBefore(one: AuctionEnd, other: AuctionEnd): boolean {
  if (one.timeUs !== other.timeUs) return one.timeUs < other.timeUs;
  return one.book.number < other.book.number;
}
