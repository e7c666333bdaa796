// The life of an order outside of trading: it rests, waits, is triggered, ends; and what its end
// means for the orders of its group (TYP-3, TYP-5, TYP-7). Plain orders pass straight through.
import { assert, assertDefined } from '../../lib/base/assert.ts';
import { worstPrice } from '../../lib/rules/cost.ts';
import { betterPrice } from '../../lib/rules/stop-price.ts';
import type { Book } from './book.ts';
import type { BookSide } from './book-side.ts';
import { DueOrders } from './due-orders.ts';
import { ExtrasChecksum } from './extras-checksum.ts';
import { HiddenUnits } from './hidden-units.ts';
import { ExtrasStore, type OrderExtras, type OrderGroup } from './order-extras.ts';
import * as orderFields from './order-store.ts';
import type { RestingOrders } from './resting-orders.ts';
import type { CancelReason } from './rules.ts';
import type { EventSink } from './sink.ts';
import { isTriggeredAt } from './waiting-orders.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { ARRIVAL, FLAGS, HAS_EXTRAS, HOLDER, LEVEL, QUANTITY, REMAINING } = orderFields;

/** What an order's end means for its group. */
type GroupEffect = {
  /** The other leg of an OCO ends too. */
  readonly endsPartner: boolean;
  /** The exits of a bracket appear, if the entry has filled something. */
  readonly exitsAppear: boolean;
};

const BOTH: GroupEffect = { endsPartner: true, exitsAppear: true };
const OWN_LEG: GroupEffect = { endsPartner: false, exitsAppear: true };
const NEITHER: GroupEffect = { endsPartner: false, exitsAppear: false };

/** A cancel that covers the other leg as well reaches it by itself. */
const EFFECTS: Partial<Record<CancelReason, GroupEffect>> = {
  SELF_TRADE: OWN_LEG,
  MASS: OWN_LEG,
  DEAD_MAN_SWITCH: OWN_LEG,
  OPERATOR: OWN_LEG,
  OCO: NEITHER,
  GROUP: NEITHER,
  INSTRUMENT_RETIRED: NEITHER,
};

/** Lets the orders of a shard rest, wait and end. */
export class OrderLife {
  readonly resting: RestingOrders;
  readonly extras: ExtrasStore;
  /** All books, by their numbers. */
  readonly books: Book[] = [];
  readonly due = new DueOrders();
  readonly hidden = new HiddenUnits();
  readonly checksum: ExtrasChecksum;
  readonly #sink: EventSink;

  constructor(resting: RestingOrders, sink: EventSink) {
    this.resting = resting;
    this.extras = new ExtrasStore(resting.orders);
    this.checksum = new ExtrasChecksum(resting.orders);
    this.#sink = sink;
  }

  /** The book that an order with extras belongs to. */
  bookOf(extras: OrderExtras): Book {
    return assertDefined(this.books[extras.bookNumber], 'an order has a book');
  }

  /** What an order has open, hidden quantity included, in quantity units. */
  openUnits(order: number): number {
    const { words, floats } = this.resting.orders;
    const shown = floats[(order >>> 1) + REMAINING] as number;
    const isPlain = ((words[order + FLAGS] as number) & HAS_EXTRAS) === 0;
    return isPlain ? shown : shown + this.extras.get(order).hiddenUnits;
  }

  /** Number by which resting orders of one price are queued: the smaller, the earlier. */
  placeInQueue(order: number): number {
    const turn = this.extras.find(order)?.turn ?? 0;
    return turn > 0 ? turn : (this.resting.orders.floats[(order >>> 1) + ARRIVAL] as number);
  }

  /** Lets an order rest at the back of a price (MAT-1, MAT-3); an iceberg shows its first part. */
  rest(book: Book, side: BookSide, order: number, priceUnits: number): void {
    const extras = this.extras.find(order);
    if (extras !== undefined) this.#showPart(extras);
    this.resting.rest(book, side, order, priceUnits);
    if (extras === undefined) return;
    const { words, floats } = this.resting.orders;
    extras.priceUnits = priceUnits;
    extras.age = floats[(order >>> 1) + ARRIVAL] as number;
    extras.turn = 0;
    this.hidden.add(side, words[order + LEVEL] as number, extras.hiddenUnits);
    if (extras.group?.legs.length === 2) book.restingPartners += 1;
    this.#enter(extras, 'RESTING');
  }

  /** Lets an order wait until it is triggered; a condition that already holds does so at once. */
  wait(extras: OrderExtras): void {
    const { order } = extras;
    const book = this.bookOf(extras);
    const { words, floats } = this.resting.orders;
    const isTrading = book.state === 'CONTINUOUS';
    extras.age = book.nextArrival();
    floats[(order >>> 1) + ARRIVAL] = extras.age;
    if (words[order + HOLDER] === 0) {
      this.resting.index.add(order);
      this.resting.holders.add(order, book.rules.instrumentNumber);
    } else this.resting.holders.moveToYoungest(order);
    // While nothing waited nothing was checked: conditions hold as of now.
    if (isTrading && book.waiting.count === 0) book.checkedPriceUnits = book.lastPriceUnits;
    book.waiting.add(extras);
    this.#enter(extras, 'WAITING');
    const { lastPriceUnits } = book;
    if (!isTrading || lastPriceUnits === 0) return;
    if (isTriggeredAt(extras, lastPriceUnits)) this.trigger(extras, lastPriceUnits);
  }

  /** Takes a waiting order out: it arrives in its turn, and its other leg has ended (TYP-7). */
  trigger(extras: OrderExtras, lastPriceUnits: number): void {
    const { order, stopPriceUnits } = extras;
    const book = this.bookOf(extras);
    this.stopWaiting(extras);
    extras.place = 'QUEUED';
    if (extras.type === 'TRAILING_STOP') {
      const present = worstPrice(book.rules, extras.side, stopPriceUnits);
      extras.priceUnits = betterPrice(extras.side, extras.priceUnits, present);
    }
    const { priceUnits } = extras;
    this.#sink.orderTriggered(book, order, { stopPriceUnits, lastPriceUnits, priceUnits });
    this.endPartner(extras);
    book.unsettled.addTriggered(extras);
  }

  /** After a fill of a resting order: its other leg ends, its next part is shown, or it ends. */
  filled(side: BookSide, order: number, extras: OrderExtras): void {
    this.endPartner(extras);
    if ((this.resting.orders.floats[(order >>> 1) + REMAINING] as number) > 0) {
      this.resting.checksum.change(order);
      this.checksum.count(extras);
    } else if (extras.hiddenUnits > 0) this.#showNextPart(side, order, extras);
    else this.#end(extras, OWN_LEG);
  }

  /** Cancels an order that rests or waits. */
  cancel(book: Book, order: number, reason: CancelReason): void {
    const extras = this.extras.find(order);
    this.#sink.orderCanceled(book, order, reason, this.openUnits(order));
    if (extras === undefined) this.resting.end(this.resting.sideOf(book, order), order);
    else this.#end(extras, EFFECTS[reason] ?? BOTH);
  }

  /** Ends an order that rests or waits because its time has come (TIF-4, TIF-5). */
  expire(extras: OrderExtras): void {
    this.#sink.orderExpired(this.bookOf(extras), extras.order, this.openUnits(extras.order));
    this.#end(extras, OWN_LEG);
  }

  /** Ends a resting order without an event of its own: an amend asked for no more (AMD-2). */
  endAmended(book: Book, order: number): void {
    const extras = this.extras.find(order);
    if (extras === undefined) this.resting.end(this.resting.sideOf(book, order), order);
    else this.#end(extras, BOTH);
  }

  /** Frees an arriving order that is final; its last event is out. */
  endArriving(order: number, extras: OrderExtras | undefined, reason?: CancelReason): void {
    if (extras === undefined) this.resting.forget(order);
    else this.#end(extras, reason === undefined ? OWN_LEG : (EFFECTS[reason] ?? BOTH));
  }

  /** Ends the other leg of an OCO, wherever it is (TYP-7). */
  endPartner(extras: OrderExtras): void {
    const partner = extras.group?.partnerOf(extras);
    if (partner === undefined) return;
    const { order } = partner;
    this.#sink.orderCanceled(this.bookOf(partner), order, 'OCO', this.openUnits(order));
    this.#end(partner, NEITHER);
  }

  /** Takes a resting order out of its queue because it is about to lose its place (AMD-1). */
  lift(side: BookSide, order: number): void {
    const extras = this.extras.find(order);
    if (extras !== undefined) this.#stopResting(side, extras);
    this.resting.lift(side, order);
    if (extras === undefined) return;
    const { floats } = this.resting.orders;
    const at = (order >>> 1) + REMAINING;
    floats[at] = (floats[at] as number) + extras.hiddenUnits;
    extras.hiddenUnits = 0;
    extras.place = 'ARRIVING';
  }

  /** Takes quantity off a resting order that keeps its place: the hidden part first (TYP-5). */
  reduce(side: BookSide, order: number, reducedUnits: number): void {
    const extras = this.extras.find(order);
    if (extras === undefined) {
      this.resting.reduce(side, order, reducedUnits);
      return;
    }
    const { words, floats } = this.resting.orders;
    const fromHidden = Math.min(extras.hiddenUnits, reducedUnits);
    extras.hiddenUnits -= fromHidden;
    this.hidden.add(side, words[order + LEVEL] as number, -fromHidden);
    floats[(order >>> 1) + QUANTITY] = (floats[(order >>> 1) + QUANTITY] as number) - fromHidden;
    this.resting.reduce(side, order, reducedUnits - fromHidden);
  }

  /** Shows less of a resting order, which keeps its place (TYP-5). */
  showLess(side: BookSide, extras: OrderExtras): void {
    const { order, displayUnits } = extras;
    const { words, floats } = this.resting.orders;
    const shown = floats[(order >>> 1) + REMAINING] as number;
    const more = displayUnits === 0 ? 0 : Math.max(shown - displayUnits, 0);
    extras.hiddenUnits += more;
    this.hidden.add(side, words[order + LEVEL] as number, more);
    if (more > 0) this.resting.fill(side, order, more);
  }

  /** Counts a changed order that rests or waits anew, and finds it by its new times. */
  changed(extras: OrderExtras): void {
    if (extras.dueAt >= 0) {
      this.due.remove(extras);
      this.due.add(extras);
    }
    this.checksum.count(extras);
  }

  /** Puts the extras of a restored order where they belong; the order has its place already. */
  restore(extras: OrderExtras): void {
    const { order, place } = extras;
    const book = this.bookOf(extras);
    if (place === 'WAITING') {
      book.waiting.add(extras);
      this.#enter(extras, place);
      return;
    }
    assert(place === 'RESTING', 'a restored order rests or waits');
    const level = this.resting.orders.words[order + LEVEL] as number;
    this.hidden.add(book.sideOf(extras.side), level, extras.hiddenUnits);
    if (extras.group?.legs.length === 2) book.restingPartners += 1;
    this.#enter(extras, place);
  }

  /** Takes an order out of those that wait; its place is the caller's to say. */
  stopWaiting(extras: OrderExtras): void {
    this.bookOf(extras).waiting.remove(extras);
    this.#leave(extras);
  }

  #enter(extras: OrderExtras, place: 'RESTING' | 'WAITING'): void {
    extras.place = place;
    if (extras.timeInForce === 'GTD') this.due.add(extras);
    if (extras.timeInForce === 'DAY') this.bookOf(extras).dayOrders.add(extras);
    this.checksum.count(extras);
  }

  #leave(extras: OrderExtras): void {
    if (extras.dueAt >= 0) this.due.remove(extras);
    if (extras.timeInForce === 'DAY') this.bookOf(extras).dayOrders.remove(extras);
    this.checksum.remove(extras);
  }

  #stopResting(side: BookSide, extras: OrderExtras): void {
    const level = this.resting.orders.words[extras.order + LEVEL] as number;
    this.hidden.add(side, level, -extras.hiddenUnits);
    if (extras.group?.legs.length === 2) this.bookOf(extras).restingPartners -= 1;
    this.#leave(extras);
  }

  #end(extras: OrderExtras, effect: GroupEffect): void {
    const { order, group } = extras;
    const book = this.bookOf(extras);
    const total = this.resting.orders.floats[(order >>> 1) + QUANTITY] as number;
    const filledUnits = total - this.openUnits(order);
    const side = book.sideOf(extras.side);
    const { place } = extras;
    if (place === 'RESTING') this.#stopResting(side, extras);
    else if (place === 'WAITING') this.stopWaiting(extras);
    extras.place = 'ENDED';
    this.extras.remove(extras);
    if (place === 'RESTING') this.resting.end(side, order);
    else this.resting.forget(order);
    if (group === undefined) return;
    const partner = group.partnerOf(extras);
    if (effect.endsPartner) this.endPartner(extras);
    else if (partner !== undefined && partner.counted !== 0) this.checksum.count(partner);
    if (group.entry !== extras) return;
    group.entry = undefined;
    book.openBrackets -= 1;
    if (effect.exitsAppear && filledUnits > 0) {
      book.unsettled.addEndedEntry({ group, filledUnits });
    } else this.breakPromise(book, group);
  }

  /** Gives back the room that a bracket's exits had been promised. */
  breakPromise(book: Book, group: OrderGroup): void {
    book.promisedWaiting -= group.exits.length;
    for (const exit of group.exits) if (exit.type === 'TRAILING_STOP') book.promisedTrailing -= 1;
  }

  #showPart(extras: OrderExtras): void {
    const { floats } = this.resting.orders;
    const at = (extras.order >>> 1) + REMAINING;
    const open = floats[at] as number;
    const shown = extras.displayUnits === 0 ? open : Math.min(open, extras.displayUnits);
    floats[at] = shown;
    extras.hiddenUnits = open - shown;
  }

  /** The next part joins the back of its level; the order keeps its age (TYP-5). */
  #showNextPart(side: BookSide, order: number, extras: OrderExtras): void {
    const { levels } = this.resting;
    const { words, floats } = this.resting.orders;
    const level = words[order + LEVEL] as number;
    const shown = Math.min(extras.displayUnits, extras.hiddenUnits);
    levels.unlink(order, floats[(order >>> 1) + REMAINING] as number);
    floats[(order >>> 1) + REMAINING] = shown;
    levels.append(level, order, shown);
    side.quantityUnits += shown;
    extras.hiddenUnits -= shown;
    this.hidden.add(side, level, -shown);
    extras.turn = this.bookOf(extras).nextArrival();
    this.resting.checksum.change(order);
    this.checksum.count(extras);
  }
}
