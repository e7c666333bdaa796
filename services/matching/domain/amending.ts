// Amending an order (AMD-1 to AMD-3): one command, no moment without the order; everything that
// can refuse it is decided first, and a refused amend changes nothing.
import { safeProductOfThree } from '../../lib/base/product.ts';
import { checkAmend, checkState } from '../../lib/rules/check-order.ts';
import { type CostTerms, worstCost } from '../../lib/rules/cost.ts';
import type { Book } from './book.ts';
import type { AmendOrder } from './command.ts';
import { type Incoming, preventionOf } from './incoming.ts';
import { weightedSumOf } from './order-fees.ts';
import { ACCOUNT, FLAGS, POST_ONLY, QUANTITY, REMAINING, VERSION } from './order-store.ts';
import type { RestingOrders } from './resting-orders.ts';
import type { RejectReason } from './rules.ts';

/** An open order before an amend, and what the amend makes of it. */
export type Amendment = {
  readonly order: number;
  readonly filledUnits: number;
  readonly quantityBefore: number;
  readonly priceBefore: number;
  readonly quantityUnits: number;
  readonly priceUnits: number;
};

/** Works out what an amend makes of an open order. */
export function amendmentOf(resting: RestingOrders, command: AmendOrder, order: number): Amendment {
  const { floats } = resting.orders;
  const quantityBefore = floats[(order >>> 1) + QUANTITY] as number;
  const filledUnits = quantityBefore - (floats[(order >>> 1) + REMAINING] as number);
  const priceBefore = resting.priceOf(order);
  return {
    order,
    filledUnits,
    quantityBefore,
    priceBefore,
    quantityUnits: command.quantityUnits ?? quantityBefore,
    priceUnits: command.priceUnits ?? priceBefore,
  };
}

/** Whether the amend ends the order, all that it asks for being filled already (AMD-2). */
export function isEnding(amendment: Amendment): boolean {
  return amendment.quantityUnits <= amendment.filledUnits;
}

/** Whether the order keeps its place: the same price and not more quantity (AMD-1). */
export function keepsPlace(amendment: Amendment): boolean {
  return (
    amendment.priceUnits === amendment.priceBefore &&
    amendment.quantityUnits <= amendment.quantityBefore
  );
}

/** The first reason why an amend is refused, in order of precedence. */
export function checkAmendment(
  resting: RestingOrders,
  book: Book,
  command: AmendOrder,
  amendment: Amendment,
): RejectReason | undefined {
  const { words } = resting.orders;
  const { order } = amendment;
  const version = words[order + VERSION] as number;
  if (command.expectedVersion !== undefined && command.expectedVersion !== version) {
    return 'VERSION_MISMATCH';
  }
  if (isEnding(amendment)) return undefined;
  if (!keepsPlace(amendment) && checkState(book.state) !== undefined) return 'INSTRUMENT_STATE';
  const problem = checkRules(resting, book, amendment);
  if (problem !== undefined) {
    return command.instrumentVersion !== book.rules.version ? 'INSTRUMENT_CHANGED' : problem;
  }
  if (!keepsPlace(amendment) && !isCovered(resting, book, command, amendment)) {
    return 'HOLD_TOO_SMALL';
  }
  const isPostOnly = ((words[order + FLAGS] as number) & POST_ONLY) !== 0;
  const side = resting.sideOf(book, order);
  if (isPostOnly && book.oppositeOf(side.side).isMetBy(amendment.priceUnits)) {
    return 'POST_ONLY_WOULD_TAKE';
  }
  const added = amendment.quantityUnits - amendment.quantityBefore;
  return side.quantityUnits + added > Number.MAX_SAFE_INTEGER ? 'BOOK_FULL' : undefined;
}

function checkRules(
  resting: RestingOrders,
  book: Book,
  amendment: Amendment,
): RejectReason | undefined {
  const before = {
    side: resting.sideOf(book, amendment.order).side,
    quantityUnits: amendment.quantityBefore,
    priceUnits: amendment.priceBefore,
    makerRatePpm: resting.orders.makerRatePpm(amendment.order),
    takerRatePpm: resting.orders.takerRatePpm(amendment.order),
    filledUnits: amendment.filledUnits,
  };
  const problem = checkAmend(book.rules, before, amendment);
  // The form was checked before the order was looked up.
  return problem === undefined ? undefined : (problem.reason as RejectReason);
}

/**
 * Whether the holds cover the amended order (HLD-5): it may cost no more than what it could cost
 * before plus the amend's own hold.
 */
function isCovered(
  resting: RestingOrders,
  book: Book,
  command: AmendOrder,
  amendment: Amendment,
): boolean {
  const { order } = amendment;
  const { side } = resting.sideOf(book, order);
  const before = amendment.quantityBefore - amendment.filledUnits;
  const after = amendment.quantityUnits - amendment.filledUnits;
  const isDearer = side === 'BUY' && amendment.priceUnits > amendment.priceBefore;
  if (after <= before && !isDearer) return true;
  if (side === 'SELL' || highestRate(resting, order) === 0) {
    // No fee can be due, so that a difference of products tells; beyond 2^53 it is not a number.
    const factor = side === 'SELL' ? book.rules.baseFactor : book.rules.notionalFactor;
    const priceAfter = side === 'SELL' ? 1 : amendment.priceUnits;
    const priceBefore = side === 'SELL' ? 1 : amendment.priceBefore;
    const more =
      safeProductOfThree(priceAfter, after, factor) -
      safeProductOfThree(priceBefore, before, factor);
    if (!Number.isNaN(more)) return more <= command.amendHoldUnits;
  }
  const terms = (priceUnits: number, remainingUnits: number): CostTerms => ({
    side,
    priceUnits,
    remainingUnits,
    makerRatePpm: resting.orders.makerRatePpm(order),
    takerRatePpm: resting.orders.takerRatePpm(order),
    weightedSum: weightedSumOf(resting.orders, order),
  });
  const covered = worstCost(book.rules, terms(amendment.priceBefore, before));
  const needed = worstCost(book.rules, terms(amendment.priceUnits, after));
  return needed <= covered + command.amendHoldUnits;
}

function highestRate({ orders }: RestingOrders, order: number): number {
  return Math.max(orders.makerRatePpm(order), orders.takerRatePpm(order), 0);
}

/** Takes an order that lost its place out of its level; from here on it arrives anew (AMD-1). */
export function beginArrival(
  resting: RestingOrders,
  incoming: Incoming,
  book: Book,
  amendment: Amendment,
): void {
  const { order } = amendment;
  const { words, floats } = resting.orders;
  const side = resting.sideOf(book, order);
  resting.lift(side, order);
  floats[(order >>> 1) + QUANTITY] = amendment.quantityUnits;
  floats[(order >>> 1) + REMAINING] = amendment.quantityUnits - amendment.filledUnits;
  words[order + VERSION] = (words[order + VERSION] as number) + 1;
  incoming.book = book;
  incoming.order = order;
  incoming.side = side.side;
  incoming.accountNumber = (words[order + ACCOUNT] as number) >>> 0;
  incoming.limitUnits = amendment.priceUnits;
  incoming.isMarket = false;
  incoming.timeInForce = 'GTC';
  incoming.prevention = preventionOf(words[order + FLAGS] as number);
  incoming.takerRatePpm = resting.orders.takerRatePpm(order);
  incoming.state = 'TRADING';
  incoming.hasTraded = false;
  incoming.byBudget = false;
  incoming.unspentUnits = 0n;
  incoming.allowanceUnits = 0;
  incoming.allowancePriceUnits = 0;
}

/** Changes an order in its place. */
export function amendInPlace(resting: RestingOrders, book: Book, amendment: Amendment): void {
  const { order } = amendment;
  const { words } = resting.orders;
  words[order + VERSION] = (words[order + VERSION] as number) + 1;
  const less = amendment.quantityBefore - amendment.quantityUnits;
  resting.reduce(resting.sideOf(book, order), order, less);
  resting.checksum.change(order);
}
