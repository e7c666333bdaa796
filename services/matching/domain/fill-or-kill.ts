// What an order would trade if it were run, found before the first trade (TIF-3, TYP-8): under
// cancel-maker and none all orders in reach count, own ones only under none; under the other
// preventions only what lies before the first own order. Where orders may hide quantity or end
// one another, the sweep is played through order by order.
import type { BookSide } from './book-side.ts';
import type { Incoming } from './incoming.ts';
import { FIRST, LEVEL_PRICE, LEVEL_QUANTITY } from './level-store.ts';
import type { OrderLife } from './order-life.ts';
import {
  ACCOUNT,
  FLAGS,
  HOLDER_NEXT,
  LEVEL,
  NEXT,
  OWNED_BY_GROUP,
  REMAINING,
  SELLS,
} from './order-store.ts';
import type { RestingOrders } from './resting-orders.ts';

/** Whether an incoming order by quantity would trade at least `wanted` quantity units now. */
export function wouldTrade(incoming: Incoming, life: OrderLife, wanted: number): boolean {
  const { resting } = life;
  const { book, order, prevention } = incoming;
  // An amend may have left less than the minimum.
  if ((resting.orders.floats[(order >>> 1) + REMAINING] as number) < wanted) return false;
  const opposite = book.oppositeOf(incoming.side);
  // Where the best price lies in reach, all worse ones do up to the limit or the band's edge.
  if (opposite.best === 0 || !isReached(incoming, opposite.bestPriceUnits)) return false;
  const isGrouped = ((resting.orders.words[order + FLAGS] as number) & OWNED_BY_GROUP) !== 0;
  const isSpecial = life.hidden.onSide(opposite) > 0 || book.restingPartners > 0;
  if (isSpecial || (isGrouped && prevention !== 'NONE')) {
    return playThrough(incoming, life, opposite, wanted) >= wanted;
  }
  if (prevention === 'NONE') return quantityInReach(incoming, resting, wanted) >= wanted;
  const own = ownOrdersInReach(incoming, life);
  if (prevention === 'CANCEL_MAKER') {
    const all = quantityInReach(incoming, resting, wanted + own.quantityUnits);
    return all - own.quantityUnits >= wanted;
  }
  if (own.first === 0) return quantityInReach(incoming, resting, wanted) >= wanted;
  return quantityBefore(incoming, resting, own.first) >= wanted;
}

/** Whether the order may trade at a price: neither its limit nor the band keeps it from it. */
function isReached(incoming: Incoming, priceUnits: number): boolean {
  const isInLimit =
    incoming.side === 'BUY' ? priceUnits <= incoming.limitUnits : priceUnits >= incoming.limitUnits;
  return isInLimit && priceUnits >= incoming.lowestUnits && priceUnits <= incoming.highestUnits;
}

/** Sum of the levels that the limit reaches, best first; stops once it is `enough`. */
function quantityInReach(incoming: Incoming, resting: RestingOrders, enough: number): number {
  const { floats } = resting.levels;
  const side = incoming.book.oppositeOf(incoming.side);
  let sum = 0;
  let level = side.best;
  while (level !== 0 && sum < enough) {
    if (!isReached(incoming, floats[(level >>> 1) + LEVEL_PRICE] as number)) break;
    sum += floats[(level >>> 1) + LEVEL_QUANTITY] as number;
    level = side.worseThan(level);
  }
  return sum;
}

/** Orders of the same owner that the limit reaches: their sum, and which is met first. */
function ownOrdersInReach(
  incoming: Incoming,
  life: OrderLife,
): { readonly quantityUnits: number; readonly first: number } {
  const { resting } = life;
  const { orders } = resting;
  const { words, floats } = orders;
  const { instrumentNumber } = incoming.book.rules;
  const account = (words[incoming.order + ACCOUNT] as number) >>> 0;
  const oppositeBit = incoming.side === 'BUY' ? SELLS : 0;
  let quantityUnits = 0;
  let first = 0;
  let own = resting.holders.oldest(account, instrumentNumber);
  for (; own !== 0; own = words[own + HOLDER_NEXT] as number) {
    if (((words[own + FLAGS] as number) & SELLS) !== oppositeBit) continue;
    // One that waits or is being amended is among its holder's orders, but in no level.
    if (words[own + LEVEL] === 0 || !orders.haveOneOwner(own, incoming.order)) continue;
    if (!isReached(incoming, resting.priceOf(own))) continue;
    quantityUnits += floats[(own >>> 1) + REMAINING] as number;
    if (first === 0 || isMetBefore(incoming, life, own, first)) first = own;
  }
  return { quantityUnits, first };
}

/** Price-time priority between two orders of the opposite side (MAT-1). */
function isMetBefore(incoming: Incoming, life: OrderLife, order: number, other: number): boolean {
  const price = life.resting.priceOf(order);
  const otherPrice = life.resting.priceOf(other);
  if (price !== otherPrice)
    return incoming.side === 'BUY' ? price < otherPrice : price > otherPrice;
  return life.placeInQueue(order) < life.placeInQueue(other);
}

/** What would trade before a resting order is met. */
function quantityBefore(incoming: Incoming, resting: RestingOrders, order: number): number {
  const { words, floats } = resting.levels;
  const side = incoming.book.oppositeOf(incoming.side);
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

/** What is left of a resting order while a sweep is played through. */
type Played = { readonly order: number; shownUnits: number; hiddenUnits: number };

/** What a sweep would trade: hidden parts come back behind their level, legs end one another. */
function playThrough(incoming: Incoming, life: OrderLife, side: BookSide, wanted: number): number {
  const { levels } = life.resting;
  const gone = new Set<number>();
  let sum = 0;
  let level = side.best;
  for (; level !== 0 && sum < wanted; level = side.worseThan(level)) {
    if (!isReached(incoming, levels.floats[(level >>> 1) + LEVEL_PRICE] as number)) break;
    const queue = queueOf(life, level);
    for (let at = 0; at < queue.length && sum < wanted; at += 1) {
      const played = queue[at] as Played;
      if (gone.has(played.order)) continue;
      if (isPrevented(incoming, life, played.order)) {
        if (incoming.prevention !== 'CANCEL_MAKER') return sum;
        gone.add(played.order);
        continue;
      }
      sum += played.shownUnits;
      const extras = life.extras.find(played.order);
      const partner = extras?.group?.partnerOf(extras);
      if (partner !== undefined) gone.add(partner.order);
      if (extras === undefined || played.hiddenUnits === 0) continue;
      const shownUnits = Math.min(extras.displayUnits, played.hiddenUnits);
      const hiddenUnits = played.hiddenUnits - shownUnits;
      queue.push({ order: played.order, shownUnits, hiddenUnits });
    }
  }
  return sum;
}

function isPrevented(incoming: Incoming, life: OrderLife, order: number): boolean {
  if (incoming.prevention === 'NONE') return false;
  return life.resting.orders.haveOneOwner(order, incoming.order);
}

function queueOf(life: OrderLife, level: number): Played[] {
  const { orders, levels } = life.resting;
  const queue: Played[] = [];
  let order = levels.words[level + FIRST] as number;
  for (; order !== 0; order = orders.words[order + NEXT] as number) {
    const shownUnits = orders.floats[(order >>> 1) + REMAINING] as number;
    queue.push({ order, shownUnits, hiddenUnits: life.openUnits(order) - shownUnits });
  }
  return queue;
}
