// Entering an order: everything that can refuse it is decided first, then it is accepted and
// arrives at the book (TYP-1, TYP-2, TYP-6, BND-2).
import { checkOrder, checkState } from '../../lib/rules/check-order.ts';
import { worstPrice } from '../../lib/rules/cost.ts';
import type { Book } from './book.ts';
import type { PlaceOrder } from './command.ts';
import { type Incoming, preventionBits } from './incoming.ts';
import type { MatchingLimits } from './limits.ts';
import {
  ACCOUNT,
  FEE_PART,
  FEE_WHOLE,
  FLAGS,
  HOLDER,
  LEVEL,
  OWNED_BY_GROUP,
  OWNER,
  PLACEMENT,
  POST_ONLY,
  QUANTITY,
  REMAINING,
  SELLS,
  VERSION,
} from './order-store.ts';
import type { RestingOrders } from './resting-orders.ts';
import type { OrderTerms, RejectReason } from './rules.ts';
import { affordableUnits } from './trading.ts';

/** Why a placement is not accepted: a rejection is an event, a refusal is none. */
export type PlacingProblem =
  | { readonly kind: 'rejected'; readonly reason: RejectReason }
  | { readonly kind: 'refused'; readonly reason: string };

function rejected(reason: RejectReason): PlacingProblem {
  return { kind: 'rejected', reason };
}

/** The first reason why a placement is not accepted, in order of precedence. */
export function checkPlacement(
  resting: RestingOrders,
  limits: MatchingLimits,
  book: Book,
  command: PlaceOrder,
): PlacingProblem | undefined {
  const { terms } = command;
  if (resting.index.find(command.accountNumber, command.placement) !== 0) {
    return { kind: 'refused', reason: 'ALREADY_EXISTS' };
  }
  if (checkState(book.state) !== undefined) return rejected('INSTRUMENT_STATE');
  const problem = checkOrder(book.rules, terms);
  if (problem !== undefined) {
    const { reason } = problem;
    switch (reason) {
      case 'FIELDS_CONFLICT':
      case 'FIELD_REQUIRED':
      case 'NUMBER_OUT_OF_RANGE':
        return { kind: 'refused', reason };
      default: {
        const isStale = terms.instrumentVersion !== book.rules.version;
        return rejected(isStale ? 'INSTRUMENT_CHANGED' : reason);
      }
    }
  }
  return terms.timeInForce === 'GTC'
    ? checkRest(resting, limits, book, command)
    : checkReference(book, terms);
}

/** Limits and book for an order that may rest. */
function checkRest(
  resting: RestingOrders,
  limits: MatchingLimits,
  book: Book,
  command: PlaceOrder,
): PlacingProblem | undefined {
  const { terms } = command;
  const open = resting.holders.openCount(command.accountNumber, terms.instrumentNumber);
  if (open >= book.rules.maximumOpenOrders) return rejected('TOO_MANY_OPEN_ORDERS');
  if (terms.postOnly && book.oppositeOf(terms.side).isMetBy(terms.priceUnits)) {
    return rejected('POST_ONLY_WOULD_TAKE');
  }
  const total = book.sideOf(terms.side).quantityUnits + terms.quantityUnits;
  if (book.orderCount >= limits.ordersPerBook || total > Number.MAX_SAFE_INTEGER) {
    return rejected('BOOK_FULL');
  }
  return undefined;
}

/** A market order needs a price to start from, and a budget that buys a lot there (TYP-2). */
function checkReference(book: Book, terms: OrderTerms): PlacingProblem | undefined {
  if (terms.type !== 'MARKET') return undefined;
  const opposite = book.oppositeOf(terms.side);
  const best = opposite.bestPriceUnits;
  if (best === 0) return terms.priceUnits === 0 ? rejected('NO_REFERENCE_PRICE') : undefined;
  if (terms.quoteBudgetUnits === 0n) return undefined;
  if (terms.priceUnits !== 0 && !opposite.isMetBy(terms.priceUnits)) return undefined;
  const { side, takerRatePpm } = terms;
  const budget = { side, takerRatePpm, unspentUnits: terms.quoteBudgetUnits, weightedSum: 0n };
  const buysNothing = affordableUnits(book.rules, budget, best) === 0;
  return buysNothing ? rejected('NOTIONAL_BELOW_MINIMUM') : undefined;
}

/** The terms of an accepted order: the bare engine fixes a worst price where none is stated. */
export function acceptedTerms(book: Book, terms: OrderTerms): OrderTerms {
  if (terms.priceUnits !== 0) return terms;
  const best = book.oppositeOf(terms.side).bestPriceUnits;
  return { ...terms, priceUnits: worstPrice(book.rules, terms.side, best) };
}

/** Makes the record of an accepted order and begins its time as the incoming one. */
export function beginPlacement(
  resting: RestingOrders,
  incoming: Incoming,
  book: Book,
  command: PlaceOrder,
  terms: OrderTerms,
): void {
  const order = resting.orders.allocate();
  const { words, floats } = resting.orders;
  const at = order >>> 1;
  floats[at + PLACEMENT] = command.placement;
  floats[at + REMAINING] = terms.quantityUnits;
  floats[at + QUANTITY] = terms.quantityUnits;
  floats[at + FEE_WHOLE] = 0;
  words[order + FEE_PART] = 0;
  words[order + LEVEL] = 0;
  words[order + HOLDER] = 0;
  words[order + ACCOUNT] = command.accountNumber;
  words[order + VERSION] = 1;
  words[order + OWNER] = terms.selfTradeGroup > 0 ? terms.selfTradeGroup : command.accountNumber;
  resting.orders.packRates(order, terms.makerRatePpm, terms.takerRatePpm, terms.auctionRatePpm);
  words[order + FLAGS] =
    (terms.side === 'SELL' ? SELLS : 0) |
    (terms.postOnly ? POST_ONLY : 0) |
    (terms.selfTradeGroup > 0 ? OWNED_BY_GROUP : 0) |
    preventionBits(terms.selfTradePrevention);
  incoming.book = book;
  incoming.order = order;
  incoming.side = terms.side;
  incoming.accountNumber = command.accountNumber;
  incoming.limitUnits = terms.priceUnits;
  incoming.isMarket = terms.type === 'MARKET';
  incoming.timeInForce = terms.timeInForce;
  incoming.prevention = terms.selfTradePrevention;
  incoming.takerRatePpm = terms.takerRatePpm;
  incoming.state = 'TRADING';
  incoming.hasTraded = false;
  incoming.byBudget = terms.quantityUnits === 0;
  incoming.unspentUnits = terms.quoteBudgetUnits;
  incoming.allowanceUnits = 0;
  incoming.allowancePriceUnits = 0;
}
