// Everything that a matching shard remembers of one slot, and the parts that work on it, put
// together.
import { Arriving } from './arriving.ts';
import { Auctions } from './auctions.ts';
import type { Book } from './book.ts';
import { DueWork } from './due-work.ts';
import { type ForbidRoom, Forbids } from './forbids.ts';
import { DEFAULT_LIMITS, type MatchingLimits } from './limits.ts';
import { MassCanceling } from './mass-cancel.ts';
import { OrderLife } from './order-life.ts';
import type { OrderStore } from './order-store.ts';
import type { PlacingContext } from './placing.ts';
import { RestingOrders } from './resting-orders.ts';
import { Settling } from './settling.ts';
import type { EventSink } from './sink.ts';
import { StateChanging } from './state-change.ts';
import { checksumOf } from './state-checksum.ts';
import { Trading } from './trading.ts';
import { Uncrossing } from './uncrossing.ts';
import { Work } from './work.ts';

/** State and parts of one slot. */
export class Shard {
  readonly limits: MatchingLimits;
  readonly life: OrderLife;
  readonly sink: EventSink;
  readonly forbids: Forbids;
  readonly auctions: Auctions;
  readonly context: PlacingContext;
  readonly arriving: Arriving;
  readonly massCanceling: MassCanceling;
  readonly work: Work;
  readonly due: DueWork;
  /** Books by instrument number, in the order in which they came. */
  readonly books = new Map<number, Book>();
  readonly #settling: Settling;
  #lastBook: Book | undefined;

  constructor(
    limits: Partial<MatchingLimits>,
    forbidRoom: ForbidRoom,
    makeSink: (orders: OrderStore) => EventSink,
  ) {
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    this.forbids = new Forbids(forbidRoom);
    const resting = new RestingOrders();
    const sink = makeSink(resting.orders);
    const life = new OrderLife(resting, sink);
    const { eventsPerStep } = this.limits;
    this.sink = sink;
    this.life = life;
    this.auctions = new Auctions(sink);
    this.context = { life, limits: this.limits, logTimeUs: 0 };
    const trading = new Trading(life, sink, eventsPerStep);
    const { auctions } = this;
    this.arriving = new Arriving(this.context, trading, auctions, sink);
    const settling = new Settling(this.context, this.arriving, sink);
    const uncrossing = new Uncrossing(life, sink, eventsPerStep);
    const parts = { life, uncrossing, auctions, sink };
    const stateChanging = new StateChanging(parts, eventsPerStep);
    this.massCanceling = new MassCanceling(life, auctions, sink, this.limits);
    this.#settling = settling;
    this.work = new Work({ settling, massCanceling: this.massCanceling, stateChanging });
    const { forbids, work } = this;
    this.due = new DueWork({ life, forbids, auctions, work, sink }, this.limits);
  }

  /** Begins a step at a log time. */
  beginStep(logTimeUs: number): void {
    this.context.logTimeUs = logTimeUs;
    this.#settling.beginStep();
  }

  /** Whether something must go on before a command may come (LOG-17). */
  get hasUnfinishedWork(): boolean {
    return this.work.cursor !== undefined || this.due.caused.length > 0;
  }

  /** The book of an instrument; undefined when it has none here. */
  findBook(instrumentNumber: number): Book | undefined {
    const last = this.#lastBook;
    if (last !== undefined && last.plainRules.instrumentNumber === instrumentNumber) return last;
    const book = this.books.get(instrumentNumber);
    if (book === undefined) return undefined;
    this.#lastBook = book;
    return book;
  }

  checksum(): string {
    return checksumOf({
      life: this.life,
      books: this.books.values(),
      forbids: this.forbids,
      cursor: this.work.cursor,
      incoming: this.work.incoming,
      caused: this.due.caused,
    });
  }
}
