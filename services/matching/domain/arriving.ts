// What becomes of an order that arrives at a book, new, triggered or amended: it trades, and what
// is left of it rests or is canceled (MAT-3, TIF-1 to TIF-5, TYP-2, TYP-8, BND-1).
import { assertNever } from '../../lib/base/assert.ts';
import { isCallPhase } from '../../lib/rules/admission.ts';
import { dynamicBand, NO_BAND } from '../../lib/rules/band.ts';
import { hasLimit, mayRest } from '../../lib/rules/order-types.ts';
import type { Auctions } from './auctions.ts';
import { wouldTrade } from './fill-or-kill.ts';
import { type Incoming, setIncoming } from './incoming.ts';
import type { OrderExtras } from './order-extras.ts';
import type { OrderLife } from './order-life.ts';
import * as orderFields from './order-store.ts';
import { hasRoom, isOutsideBand, type PlacingContext } from './placing.ts';
import type { CancelReason } from './rules.ts';
import type { EventSink } from './sink.ts';
import type { Trading } from './trading.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { FLAGS, POST_ONLY, REMAINING } = orderFields;

/** Carries arriving orders to their rest or end. */
export class Arriving {
  readonly #context: PlacingContext;
  readonly #life: OrderLife;
  readonly #trading: Trading;
  readonly #auctions: Auctions;
  readonly #sink: EventSink;

  constructor(context: PlacingContext, trading: Trading, auctions: Auctions, sink: EventSink) {
    this.#context = context;
    this.#life = context.life;
    this.#trading = trading;
    this.#auctions = auctions;
    this.#sink = sink;
  }

  /**
   * Begins with an order whose arrival is already an event.
   *
   * @returns false when the step is full; `proceed` goes on in the next one (LOG-17)
   */
  begin(incoming: Incoming): boolean {
    const { book } = incoming;
    incoming.lastBeforeUnits = book.lastPriceUnits;
    if (isCallPhase(book.state)) {
      this.#rest(incoming);
      return true;
    }
    const band =
      book.rules.dynamicBandPpm === 0 ? NO_BAND : dynamicBand(book.rules, book.lastPriceUnits);
    incoming.lowestUnits = band.lowest;
    incoming.highestUnits = band.highest;
    if (incoming.timeInForce === 'FOK' && !incoming.byBudget) {
      const wanted = this.#life.resting.orders.floats[(incoming.order >>> 1) + REMAINING] as number;
      if (!wouldTrade(incoming, this.#life, wanted)) {
        this.#cancel(incoming, 'FOK');
        return true;
      }
    }
    if (incoming.minimumUnits > 0 && !wouldTrade(incoming, this.#life, incoming.minimumUnits)) {
      this.#cancel(incoming, 'MINIMUM_QUANTITY');
      return true;
    }
    return this.proceed(incoming);
  }

  /** Goes on with an order that has begun. */
  proceed(incoming: Incoming): boolean {
    const expireTimeUs = incoming.extras?.expireTimeUs ?? 0;
    if (expireTimeUs !== 0 && expireTimeUs <= this.#context.logTimeUs) {
      this.#expire(incoming);
      return true;
    }
    if (!this.#trading.sweep(incoming)) return false;
    this.#finish(incoming);
    return true;
  }

  /** Lets a triggered order arrive in its turn; what refuses it now cancels it (TYP-3). */
  beginTriggered(incoming: Incoming, extras: OrderExtras): boolean {
    const book = this.#life.bookOf(extras);
    const { order } = extras;
    const { orders } = this.#life.resting;
    extras.place = 'ARRIVING';
    setIncoming(incoming, orders, book, order, extras.priceUnits);
    incoming.extras = extras;
    incoming.isMarket = !hasLimit(extras.type);
    incoming.rests = mayRest(extras);
    incoming.timeInForce = extras.timeInForce;
    incoming.minimumUnits = extras.minimumUnits;
    if (extras.expireTimeUs !== 0 && extras.expireTimeUs <= this.#context.logTimeUs) {
      this.#expire(incoming);
      return true;
    }
    const refusal = this.#refusalOf(incoming, extras);
    if (refusal === undefined) return this.begin(incoming);
    this.#cancel(incoming, refusal);
    return true;
  }

  #refusalOf(incoming: Incoming, extras: OrderExtras): CancelReason | undefined {
    const { book, order, side } = incoming;
    const { words, floats } = this.#life.resting.orders;
    const isTrading = book.state === 'CONTINUOUS';
    if (!isTrading) {
      // A volatility auction has begun: what may rest takes part in it.
      const joins = isCallPhase(book.state) && incoming.rests && extras.minimumUnits === 0;
      if (!joins) return 'INSTRUMENT_STATE';
    }
    if (isOutsideBand(book, extras)) return 'PRICE_BAND';
    if (!incoming.rests) return undefined;
    const isPostOnly = ((words[order + FLAGS] as number) & POST_ONLY) !== 0;
    if (isPostOnly && isTrading && book.oppositeOf(side).isMetBy(incoming.limitUnits)) {
      return 'POST_ONLY_WOULD_TAKE';
    }
    const quantityUnits = floats[(order >>> 1) + REMAINING] as number;
    return hasRoom(this.#context, book, { side, quantityUnits }) ? undefined : 'BOOK_FULL';
  }

  #finish(incoming: Incoming): void {
    const { book, order, state } = incoming;
    switch (state) {
      case 'PREVENTED':
        this.#end(incoming, 'SELF_TRADE');
        return;
      case 'SPENT':
        if (!incoming.hasTraded) {
          this.#cancel(incoming, 'NO_LIQUIDITY');
          return;
        }
        this.#sink.orderFilled(book, order, incoming.unspentUnits);
        this.#end(incoming);
        return;
      case 'AT_EDGE':
        if (incoming.rests) this.#rest(incoming);
        else this.#cancel(incoming, 'PRICE_BAND');
        this.#auctions.interrupt(book, incoming.lastBeforeUnits, this.#context.logTimeUs);
        return;
      case 'TRADING':
        break;
      default:
        assertNever(state);
    }
    const isFilled = this.#life.resting.orders.floats[(order >>> 1) + REMAINING] === 0;
    if (isFilled && !incoming.byBudget) this.#end(incoming);
    else if (incoming.rests) this.#rest(incoming);
    else this.#cancel(incoming, endReason(incoming));
  }

  #rest(incoming: Incoming): void {
    const { book, side, order, limitUnits } = incoming;
    incoming.isActive = false;
    this.#life.rest(book, book.sideOf(side), order, limitUnits);
  }

  #expire(incoming: Incoming): void {
    const { book, order } = incoming;
    this.#sink.orderExpired(book, order, this.#life.openUnits(order));
    this.#end(incoming);
  }

  #cancel(incoming: Incoming, reason: CancelReason): void {
    const { book, order } = incoming;
    this.#sink.orderCanceled(book, order, reason, this.#life.openUnits(order));
    this.#end(incoming, reason);
  }

  #end(incoming: Incoming, reason?: CancelReason): void {
    incoming.isActive = false;
    this.#life.endArriving(incoming.order, incoming.extras, reason);
    incoming.extras = undefined;
  }
}

/** Why what is left of an order that must not rest is canceled. */
function endReason(incoming: Incoming): CancelReason {
  if (!incoming.isMarket) return 'IOC_REMAINDER';
  const isEmpty = incoming.book.oppositeOf(incoming.side).best === 0;
  return isEmpty ? 'NO_LIQUIDITY' : 'WORST_PRICE';
}
