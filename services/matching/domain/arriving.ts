// What becomes of an order that arrives at a book, new or amended: it trades, and what is left of
// it rests or is canceled (MAT-3, TIF-1 to TIF-3, TYP-2).
import { assertNever } from '../../lib/base/assert.ts';
import { wouldFillWhole } from './fill-or-kill.ts';
import type { Incoming } from './incoming.ts';
import { REMAINING } from './order-store.ts';
import type { RestingOrders } from './resting-orders.ts';
import type { CancelReason } from './rules.ts';
import type { EventSink } from './sink.ts';
import type { Trading } from './trading.ts';

/** Carries arriving orders to their rest or end. */
export class Arriving {
  readonly #resting: RestingOrders;
  readonly #trading: Trading;
  readonly #sink: EventSink;

  constructor(resting: RestingOrders, trading: Trading, sink: EventSink) {
    this.#resting = resting;
    this.#trading = trading;
    this.#sink = sink;
  }

  /**
   * Begins with an order whose arrival is already an event.
   *
   * @returns false when the step is full; `proceed` goes on in the next one (LOG-17)
   */
  begin(incoming: Incoming): boolean {
    if (incoming.timeInForce === 'FOK' && !wouldFillWhole(incoming, this.#resting)) {
      this.#cancel(incoming, 'FOK');
      return true;
    }
    return this.proceed(incoming);
  }

  /** Goes on with an order that has begun. */
  proceed(incoming: Incoming): boolean {
    if (!this.#trading.sweep(incoming)) return false;
    this.#finish(incoming);
    return true;
  }

  #finish(incoming: Incoming): void {
    const { book, order, side, state } = incoming;
    switch (state) {
      case 'PREVENTED':
        this.#resting.forget(order);
        return;
      case 'SPENT':
        if (!incoming.hasTraded) {
          this.#cancel(incoming, 'NO_LIQUIDITY');
          return;
        }
        this.#sink.orderFilled(book, order, incoming.unspentUnits);
        this.#resting.forget(order);
        return;
      case 'TRADING':
        break;
      default:
        assertNever(state);
    }
    const isFilled = this.#resting.orders.floats[(order >>> 1) + REMAINING] === 0;
    if (isFilled && !incoming.byBudget) this.#resting.forget(order);
    else if (incoming.timeInForce === 'GTC') {
      this.#resting.rest(book, book.sideOf(side), order, incoming.limitUnits);
    } else this.#cancel(incoming, endReason(incoming));
  }

  #cancel(incoming: Incoming, reason: CancelReason): void {
    const { book, order } = incoming;
    const open = this.#resting.orders.floats[(order >>> 1) + REMAINING] as number;
    this.#sink.orderCanceled(book, order, reason, open);
    this.#resting.forget(order);
  }
}

/** Why what is left of an order that must not rest is canceled. */
function endReason(incoming: Incoming): CancelReason {
  if (!incoming.isMarket) return 'IOC_REMAINDER';
  const isEmpty = incoming.book.oppositeOf(incoming.side).best === 0;
  return isEmpty ? 'NO_LIQUIDITY' : 'WORST_PRICE';
}
