// Canceling every order of an account in an instrument (CXL-1), a step at a time (LOG-17): while
// it goes on nothing else happens in the instrument, so all was accepted before it.
import type { Book } from './book.ts';
import { mixNumber, mixText } from './checksum.ts';
import type { MatchingLimits } from './limits.ts';
import { ARRIVAL, HOLDER_NEXT, type OrderStore, REMAINING } from './order-store.ts';
import type { RestingOrders } from './resting-orders.ts';
import type { Side } from './rules.ts';
import type { EventSink } from './sink.ts';

/** How far a mass cancel is. */
export type MassCancel = {
  readonly book: Book;
  readonly accountNumber: number;
  /** Both sides when undefined. */
  readonly side: Side | undefined;
  /** Next order of the account to look at, oldest first; 0 at the end. */
  nextOrder: number;
  canceledCount: number;
};

/** Cancels on; false when the step is full and there is more. */
export function proceedMassCancel(
  massCancel: MassCancel,
  resting: RestingOrders,
  sink: EventSink,
  limits: MatchingLimits,
): boolean {
  const { book, accountNumber, side } = massCancel;
  const { words, floats } = resting.orders;
  while (massCancel.nextOrder !== 0) {
    if (sink.count >= limits.eventsPerStep) return false;
    const order = massCancel.nextOrder;
    massCancel.nextOrder = words[order + HOLDER_NEXT] as number;
    const own = resting.sideOf(book, order);
    if (side !== undefined && own.side !== side) continue;
    sink.orderCanceled(book, order, 'MASS', floats[(order >>> 1) + REMAINING] as number);
    resting.end(own, order);
    massCancel.canceledCount += 1;
  }
  sink.ordersCanceled(book, accountNumber, massCancel.canceledCount);
  return true;
}

/** Hash of a mass cancel that waits for its next step. */
export function hashOfMassCancel(massCancel: MassCancel, orders: OrderStore): number {
  const { book, accountNumber, side, nextOrder, canceledCount } = massCancel;
  let hash = mixText(0x38495ab5, side ?? 'both');
  hash = mixNumber(hash, book.rules.instrumentNumber);
  hash = mixNumber(hash, accountNumber);
  hash = mixNumber(hash, nextOrder === 0 ? 0 : (orders.floats[(nextOrder >>> 1) + ARRIVAL] ?? 0));
  return mixNumber(hash, canceledCount);
}
