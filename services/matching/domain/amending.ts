// Amending an order (AMD-1 to AMD-3): one command, no moment without the order. The checks stand
// in amend-checks.ts; here is what a good amend does.
import { type Amendment, amendedOrder } from './amendment.ts';
import type { Book } from './book.ts';
import { type Incoming, setIncoming } from './incoming.ts';
import { OrderExtras } from './order-extras.ts';
import type { OrderLife } from './order-life.ts';
import * as orderFields from './order-store.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { ACCOUNT, ARRIVAL, LEVEL, PLACEMENT, QUANTITY, REMAINING, VERSION } = orderFields;

/** Takes an order that lost its place out of its level; from here on it arrives anew (AMD-1). */
export function beginArrival(
  incoming: Incoming,
  life: OrderLife,
  book: Book,
  amendment: Amendment,
): void {
  const { order } = amendment;
  const { orders } = life.resting;
  life.lift(life.resting.sideOf(book, order), order);
  setQuantity(life, amendment, amendment.quantityUnits - amendment.filledUnits);
  orders.words[order + VERSION] = (orders.words[order + VERSION] as number) + 1;
  const extras = extrasOf(life, book, amendment);
  if (extras !== undefined) setTerms(extras, amendment);
  setIncoming(incoming, orders, book, order, amendment.priceUnits);
  incoming.extras = extras;
}

/** Changes an order in its place. */
export function amendInPlace(life: OrderLife, book: Book, amendment: Amendment): void {
  const { order } = amendment;
  const { resting } = life;
  const { words } = resting.orders;
  const side = resting.sideOf(book, order);
  const extras = extrasOf(life, book, amendment);
  words[order + VERSION] = (words[order + VERSION] as number) + 1;
  life.reduce(side, order, amendment.quantityBefore - amendment.quantityUnits);
  if (extras !== undefined) {
    setTerms(extras, amendment);
    life.showLess(side, extras);
    life.changed(extras);
  }
  resting.checksum.change(order);
}

/** Changes an order that waits; another stop price gives it a new age (TYP-3). */
export function amendWaiting(life: OrderLife, amendment: Amendment, extras: OrderExtras): void {
  const { words } = life.resting.orders;
  const { order } = extras;
  const isMoved = amendment.stopPriceUnits !== amendment.stopBefore;
  if (isMoved) life.stopWaiting(extras);
  words[order + VERSION] = (words[order + VERSION] as number) + 1;
  setQuantity(life, amendment, amendment.quantityUnits - amendment.filledUnits);
  setTerms(extras, amendment);
  extras.priceUnits = amendment.priceUnits;
  if (isMoved) {
    extras.stopPriceUnits = amendment.stopPriceUnits;
    life.wait(extras);
  } else life.changed(extras);
}

function setQuantity(life: OrderLife, amendment: Amendment, openUnits: number): void {
  const { floats } = life.resting.orders;
  floats[(amendment.order >>> 1) + QUANTITY] = amendment.quantityUnits;
  floats[(amendment.order >>> 1) + REMAINING] = openUnits;
}

function setTerms(extras: OrderExtras, amendment: Amendment): void {
  extras.displayUnits = amendment.displayUnits;
  extras.expireTimeUs = amendment.expireTimeUs;
}

/** Extras of the order; a plain one that becomes an iceberg gets them now (TYP-5). */
function extrasOf(life: OrderLife, book: Book, amendment: Amendment): OrderExtras | undefined {
  const { order, extras } = amendment;
  if (extras !== undefined || amendment.displayUnits === 0) return extras;
  const { words, floats } = life.resting.orders;
  const name = {
    accountNumber: (words[order + ACCOUNT] as number) >>> 0,
    placement: floats[(order >>> 1) + PLACEMENT] as number,
  };
  const isResting = words[order + LEVEL] !== 0;
  const terms = amendedOrder(life, book.rules.instrumentNumber, amendment);
  const made = new OrderExtras(order, book.number, name, terms);
  made.age = floats[(order >>> 1) + ARRIVAL] as number;
  if (isResting) made.place = 'RESTING';
  life.extras.add(made);
  return made;
}
