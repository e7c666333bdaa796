// What follows once a command is complete (TYP-3, TYP-7): legs arrive one after the other, prints
// are taken one by one as they happened, exits appear, triggered orders arrive in their turn, and
// so on until the book is quiet; a step at a time (LOG-17).
import { isWaitingType } from '../../lib/rules/order-types.ts';
import type { Arriving } from './arriving.ts';
import type { Book } from './book.ts';
import { type Incoming, setIncoming } from './incoming.ts';
import type { OrderExtras } from './order-extras.ts';
import type { OrderLife } from './order-life.ts';
import { acceptedTerms, makeExtras, makeRecord, type PlacingContext } from './placing.ts';
import type { EventSink } from './sink.ts';
import type { EndedEntry } from './unsettled.ts';

/** Looks at trailing stops that count as much as one event in a step. */
const LOOKS_PER_EVENT = 64;

/** Brings books to quiet. */
export class Settling {
  readonly #context: PlacingContext;
  readonly #life: OrderLife;
  readonly #arriving: Arriving;
  readonly #sink: EventSink;
  readonly #eventsPerStep: number;
  /** Work of this step that has no events, counted as if it had. */
  #effort = 0;

  constructor(context: PlacingContext, arriving: Arriving, sink: EventSink) {
    this.#context = context;
    this.#life = context.life;
    this.#arriving = arriving;
    this.#sink = sink;
    this.#eventsPerStep = context.limits.eventsPerStep;
  }

  /** Begins a step. */
  beginStep(): void {
    this.#effort = 0;
  }

  /**
   * Carries a book on until it is quiet.
   *
   * @returns false when the step is full and there is more
   */
  run(book: Book, incoming: Incoming): boolean {
    if (incoming.isActive && !this.#arriving.proceed(incoming)) return false;
    const { unsettled } = book;
    if (unsettled.isEmpty) return true;
    for (;;) {
      if (this.#isFull()) return false;
      if (unsettled.hasLeg) {
        if (!this.#beginLeg(unsettled.nextLeg(), incoming)) return false;
      } else if (unsettled.hasTriggering) {
        const extras = unsettled.nextTriggering();
        if (extras?.place === 'WAITING') this.#life.trigger(extras, unsettled.triggeringPriceUnits);
      } else if (unsettled.hasPrint) this.#takePrint(book, unsettled.nextPrint() as number);
      else if (unsettled.hasEndedEntry) this.#enterExits(book, unsettled.nextEndedEntry());
      else if (unsettled.hasInQueue) {
        const extras = unsettled.nextInQueue();
        if (extras?.place === 'QUEUED' && !this.#arriving.beginTriggered(incoming, extras)) {
          return false;
        }
      } else break;
    }
    unsettled.clear();
    return true;
  }

  #isFull(): boolean {
    return this.#sink.count + this.#effort / LOOKS_PER_EVENT >= this.#eventsPerStep;
  }

  /** A leg arrives, if the one before it has not ended it (TYP-7). */
  #beginLeg(leg: OrderExtras | undefined, incoming: Incoming): boolean {
    if (leg === undefined || leg.place !== 'ARRIVING') return true;
    if (isWaitingType(leg.type)) {
      this.#life.wait(leg);
      return true;
    }
    setIncoming(
      incoming,
      this.#life.resting.orders,
      this.#life.bookOf(leg),
      leg.order,
      leg.priceUnits,
    );
    incoming.minimumUnits = leg.minimumUnits;
    incoming.extras = leg;
    return this.#arriving.begin(incoming);
  }

  /**
   * Takes one print: trailing stops move, then what its price triggers leaves, nearest first as
   * seen from the last price before it, then by age. Only CONTINUOUS triggers.
   */
  #takePrint(book: Book, priceUnits: number): void {
    const { waiting, unsettled } = book;
    this.#effort += waiting.trailingCount;
    waiting.trail(priceUnits, book.rules.tickUnits);
    if (book.state !== 'CONTINUOUS') return;
    const before = book.checkedPriceUnits;
    book.checkedPriceUnits = priceUnits;
    const triggered = waiting.triggeredAt(priceUnits);
    this.#effort += triggered.length;
    sortByDistance(triggered, before);
    unsettled.setTriggering(triggered, priceUnits);
  }

  /** The exits of a bracket appear, of the size that its entry has filled, as an OCO (TYP-7). */
  #enterExits(book: Book, ended: EndedEntry | undefined): void {
    if (ended === undefined) return;
    const { group, filledUnits } = ended;
    const { accountNumber, placement } = group;
    this.#life.breakPromise(book, group);
    const legs: OrderExtras[] = [];
    for (const [at, exit] of group.exits.entries()) {
      const name = { accountNumber, placement: placement + 1 + at };
      const terms = acceptedTerms(book, { ...exit, quantityUnits: filledUnits });
      const order = makeRecord(this.#life, name, terms);
      const extras = makeExtras(this.#life, book, order, name, terms);
      extras.group = group;
      legs.push(extras);
      this.#sink.orderAccepted(book, name, terms, placement);
    }
    group.exits = [];
    group.legs = legs;
    for (const leg of legs) {
      const isOver = leg.expireTimeUs !== 0 && leg.expireTimeUs <= this.#context.logTimeUs;
      if (isOver) this.#life.expire(leg);
    }
    for (const leg of legs) if (leg.place === 'ARRIVING') this.#life.wait(leg);
  }
}

/** Nearest first, seen from the last price before; then by age. Nearly always they stand so. */
function sortByDistance(triggered: OrderExtras[], before: number): void {
  const isBehind = (one: OrderExtras, other: OrderExtras): number => {
    const further =
      before === 0
        ? 0
        : Math.abs(one.stopPriceUnits - before) - Math.abs(other.stopPriceUnits - before);
    return further === 0 ? one.age - other.age : further;
  };
  for (let at = 1; at < triggered.length; at += 1) {
    if (isBehind(triggered[at - 1] as OrderExtras, triggered[at] as OrderExtras) > 0) {
      triggered.sort(isBehind);
      return;
    }
  }
}
