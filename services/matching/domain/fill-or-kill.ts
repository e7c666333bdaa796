// Whether a fill-or-kill order would trade whole if it were run, found before the first trade
// (TIF-3): under cancel-maker and none all orders in reach count, own ones only under none; under
// the other preventions only what lies before the first own order.
import type { BookSide } from './book-side.ts';
import type { Incoming } from './incoming.ts';
import { FIRST, LEVEL_PRICE, LEVEL_QUANTITY } from './level-store.ts';
import { ARRIVAL, FLAGS, HOLDER_NEXT, LEVEL, NEXT, REMAINING, SELLS } from './order-store.ts';
import type { RestingOrders } from './resting-orders.ts';

/** Whether all of an incoming order by quantity would trade now. */
export function wouldFillWhole(incoming: Incoming, resting: RestingOrders): boolean {
  const wanted = resting.orders.floats[(incoming.order >>> 1) + REMAINING] as number;
  if (incoming.prevention === 'NONE') return quantityInReach(incoming, resting, wanted) >= wanted;
  const own = ownOrdersInReach(incoming, resting);
  if (incoming.prevention === 'CANCEL_MAKER') {
    const all = quantityInReach(incoming, resting, wanted + own.quantityUnits);
    return all - own.quantityUnits >= wanted;
  }
  if (own.first === 0) return quantityInReach(incoming, resting, wanted) >= wanted;
  return quantityBefore(incoming, resting, own.first) >= wanted;
}

/** Sum of the levels that the limit reaches, best first; stops once it is `enough`. */
function quantityInReach(incoming: Incoming, resting: RestingOrders, enough: number): number {
  const { floats } = resting.levels;
  const side = incoming.book.oppositeOf(incoming.side);
  let sum = 0;
  let level = side.best;
  while (level !== 0 && sum < enough && isReached(incoming, floats[(level >>> 1) + LEVEL_PRICE])) {
    sum += floats[(level >>> 1) + LEVEL_QUANTITY] as number;
    level = side.worseThan(level);
  }
  return sum;
}

function isReached(incoming: Incoming, priceUnits: number | undefined): boolean {
  const price = priceUnits as number;
  return incoming.side === 'BUY' ? price <= incoming.limitUnits : price >= incoming.limitUnits;
}

/** Orders of the same owner that the limit reaches: their sum, and which is met first. */
function ownOrdersInReach(
  incoming: Incoming,
  resting: RestingOrders,
): { readonly quantityUnits: number; readonly first: number } {
  const { words, floats } = resting.orders;
  const { instrumentNumber } = incoming.book.rules;
  const oppositeBit = incoming.side === 'BUY' ? SELLS : 0;
  let quantityUnits = 0;
  let first = 0;
  let own = resting.holders.oldest(incoming.accountNumber, instrumentNumber);
  for (; own !== 0; own = words[own + HOLDER_NEXT] as number) {
    if (((words[own + FLAGS] as number) & SELLS) !== oppositeBit) continue;
    // An amended order is among its owner's orders while it trades, but in no level.
    if (words[own + LEVEL] === 0 || !isReached(incoming, resting.priceOf(own))) continue;
    quantityUnits += floats[(own >>> 1) + REMAINING] as number;
    if (first === 0 || isMetBefore(incoming, resting, own, first)) first = own;
  }
  return { quantityUnits, first };
}

/** Price-time priority between two orders of the opposite side (MAT-1). */
function isMetBefore(
  incoming: Incoming,
  resting: RestingOrders,
  order: number,
  other: number,
): boolean {
  const price = resting.priceOf(order);
  const otherPrice = resting.priceOf(other);
  if (price !== otherPrice)
    return incoming.side === 'BUY' ? price < otherPrice : price > otherPrice;
  const { floats } = resting.orders;
  const arrival = floats[(order >>> 1) + ARRIVAL] as number;
  return arrival < (floats[(other >>> 1) + ARRIVAL] as number);
}

/** What would trade before a resting order is met. */
function quantityBefore(incoming: Incoming, resting: RestingOrders, order: number): number {
  const { words, floats } = resting.levels;
  const side: BookSide = incoming.book.oppositeOf(incoming.side);
  const last = resting.orders.words[order + LEVEL] as number;
  let sum = 0;
  let level = side.best;
  for (; level !== last; level = side.worseThan(level)) {
    sum += floats[(level >>> 1) + LEVEL_QUANTITY] as number;
  }
  let ahead = words[last + FIRST] as number;
  for (; ahead !== order; ahead = resting.orders.words[ahead + NEXT] as number) {
    sum += resting.orders.floats[(ahead >>> 1) + REMAINING] as number;
  }
  return sum;
}
