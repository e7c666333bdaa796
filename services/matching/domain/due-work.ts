// What happens by itself (LOG-15, TIF-6): whatever is due at an entry's log time happens before
// its commands. Expiries first, by time, then age; then what they have caused; then the ends of
// auctions. One step at a time: what is left stays due.
import type { Auctions } from './auctions.ts';
import type { Book } from './book.ts';
import type { Forbids } from './forbids.ts';
import type { MatchingLimits } from './limits.ts';
import type { OrderLife } from './order-life.ts';
import type { EventSink } from './sink.ts';
import { endOfAuction } from './state-change.ts';
import type { Work } from './work.ts';

/** Due work of a shard. */
export class DueWork {
  readonly #life: OrderLife;
  readonly #forbids: Forbids;
  readonly #auctions: Auctions;
  readonly #work: Work;
  readonly #sink: EventSink;
  readonly #limits: MatchingLimits;
  /** Books in which an expiry has caused something that is not done yet, in that order. */
  readonly #caused: Book[] = [];
  /** Log time of the last step. */
  #logTimeUs = 0;

  constructor(
    parts: {
      readonly life: OrderLife;
      readonly forbids: Forbids;
      readonly auctions: Auctions;
      readonly work: Work;
      readonly sink: EventSink;
    },
    limits: MatchingLimits,
  ) {
    this.#life = parts.life;
    this.#forbids = parts.forbids;
    this.#auctions = parts.auctions;
    this.#work = parts.work;
    this.#sink = parts.sink;
    this.#limits = limits;
  }

  /** Books that wait for what an expiry has caused in them. */
  get caused(): readonly Book[] {
    return this.#caused;
  }

  /**
   * Log time of the earliest due work. While a command is under way only expiries are: the rest
   * waits for its end.
   */
  nextTimeUs(): number | undefined {
    const expireTimeUs = this.#life.due.next?.expireTimeUs;
    const early = earlier(this.#forbids.nextDueTimeUs(), expireTimeUs);
    const { cursor } = this.#work;
    if (cursor !== undefined) return earlier(early, cursor.dueTimeUs);
    if (this.#caused.length > 0) return earlier(early, this.#logTimeUs);
    return earlier(early, this.#auctions.next()?.auctionEndTimeUs);
  }

  /** One step of what is due at or before a log time. */
  advance(logTimeUs: number): void {
    this.#logTimeUs = logTimeUs;
    if (!this.#forbids.forgetDue(logTimeUs, this.#limits.eventsPerStep)) return;
    if (!this.#expire(logTimeUs)) return;
    const { cursor } = this.#work;
    if (cursor !== undefined) {
      // A command under way goes on by itself.
      if (cursor.dueTimeUs === undefined) return;
      if (this.#work.proceed().kind === 'unfinished') return;
    }
    for (;;) {
      if (this.#isFull()) return;
      const book = this.#caused.shift() ?? this.#dueAuction(logTimeUs);
      if (book === undefined) return;
      const endsAuction = book.unsettled.isEmpty && isDue(book, logTimeUs);
      const job = endsAuction ? endOfAuction(book) : undefined;
      if (this.#work.begin(book, job, logTimeUs).kind === 'unfinished') return;
    }
  }

  #expire(logTimeUs: number): boolean {
    for (;;) {
      const { next } = this.#life.due;
      if (next === undefined || next.expireTimeUs > logTimeUs) return true;
      if (this.#isFull()) return false;
      this.#work.passOver(next.order);
      const book = this.#life.bookOf(next);
      this.#life.expire(next);
      const isUnderWay = this.#work.cursor?.book === book;
      if (book.unsettled.isEmpty || isUnderWay || this.#caused.includes(book)) continue;
      this.#caused.push(book);
    }
  }

  #dueAuction(logTimeUs: number): Book | undefined {
    const book = this.#auctions.next();
    return book !== undefined && isDue(book, logTimeUs) ? book : undefined;
  }

  #isFull(): boolean {
    return this.#sink.count >= this.#limits.eventsPerStep;
  }
}

function isDue(book: Book, logTimeUs: number): boolean {
  return book.state === 'AUCTION' && book.auctionEndTimeUs <= logTimeUs;
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other === undefined || one < other ? one : other;
}
