// Placing orders and groups of orders: what is refused and why, in which order, and what happens
// to what is accepted (TYP, STA-1, BND, MAT-7).

import type { PlaceOrder, PlaceOrderGroup } from '../../../services/matching/domain/command.ts';
import type { OrderTerms, RejectReason } from '../../../services/matching/domain/rules.ts';
import { accept, fixPrices, newOrder } from './naive-accepting.ts';
import { isOutsideStaticBand } from './naive-band.ts';
import type { NaiveBook } from './naive-book.ts';
import { checkRules, hasForm, isAdmitted, type Problem } from './naive-checks.ts';
import { enter } from './naive-matching.ts';
import {
  accepts,
  affordableUnits,
  isLimited,
  isWaitingType,
  type NaiveOrder,
  type OrderName,
  rests,
} from './naive-order.ts';
import { triggerAtOnce } from './naive-triggers.ts';

/** What the legs of the same group before an order will take of the book's room. */
type Before = { orders: number; resting: number; waiting: number; trailing: number };

const NOTHING: Before = { orders: 0, resting: 0, waiting: 0, trailing: 0 };

/** Places one order; false when the command is refused. */
export function place(book: NaiveBook, command: PlaceOrder): boolean {
  const { terms } = command;
  const name = { accountNumber: command.accountNumber, placement: command.placement };
  const problem = isForbidden(book, name)
    ? 'NOT_DELIVERED'
    : book.isTaken(name)
      ? 'FORM'
      : problemOf(book, name, terms, NOTHING);
  if (problem === 'FORM') return false;
  if (problem !== undefined) reject(book, name, problem);
  else take(book, [newOrder(name, terms)]);
  return true;
}

export function isForbidden(book: NaiveBook, name: OrderName): boolean {
  return book.forbidden.has(`${name.accountNumber}-${name.placement}/`);
}

function reject(book: NaiveBook, { accountNumber, placement }: OrderName, reason: RejectReason) {
  book.emit({ kind: 'orderRejected', accountNumber, placement, reason });
}

/** Accepts orders, all of them before the first arrives, then lets them arrive in turn. */
function take(book: NaiveBook, orders: readonly NaiveOrder[]): void {
  for (const order of orders) {
    accept(book, order);
    book.arriving.push(order);
  }
  for (const order of orders) {
    // An order of an OCO may have been ended by the other one's fill.
    if (!book.arriving.includes(order)) continue;
    if (!isWaitingType(order.terms.type)) {
      enter(book, order);
      continue;
    }
    book.arriving = book.arriving.filter((other) => other !== order);
    order.age = book.tick();
    book.waiting.push(order);
    triggerAtOnce(book, order);
  }
}

/** The first thing that is wrong with an order here and now. */
function problemOf(book: NaiveBook, name: OrderName, terms: OrderTerms, before: Before): Problem {
  const { rules } = book;
  const { type, side } = terms;
  if (!isAdmitted(book.state, terms)) return 'INSTRUMENT_STATE';
  if (!hasForm(terms, false)) return 'FORM';
  const ruleProblem = checkRules(rules, terms, false);
  if (ruleProblem !== undefined) {
    return terms.instrumentVersion === rules.version ? ruleProblem : 'INSTRUMENT_CHANGED';
  }
  if (terms.timeInForce === 'GTD' && terms.expireTimeUs <= book.nowUs) return 'TOO_LATE';
  if (isLimited(type) && isOutsideStaticBand(book, side, terms.priceUnits)) return 'PRICE_BAND';
  const staysOpen = rests(terms) || isWaitingType(type);
  const own = book.open().filter((order) => order.accountNumber === name.accountNumber).length;
  if (staysOpen && own + before.orders >= rules.maximumOpenOrders) return 'TOO_MANY_OPEN_ORDERS';
  if (type === 'TRAILING_STOP' && book.lastPriceUnits === 0) return 'NO_REFERENCE_PRICE';
  const best = book.firstAgainst(side);
  if (type === 'MARKET' && terms.priceUnits === 0 && best === undefined) {
    return 'NO_REFERENCE_PRICE';
  }
  const order = newOrder(name, terms);
  fixPrices(book, order);
  const meets = best !== undefined && accepts(order, best.priceUnits);
  const mayTrade = book.state === 'CONTINUOUS' || book.state === 'POST_ONLY';
  if (terms.postOnly && type === 'LIMIT' && mayTrade && meets) return 'POST_ONLY_WOULD_TAKE';
  if (terms.quoteBudgetUnits > 0n && meets) {
    if (affordableUnits(rules, order, best.priceUnits) === 0) return 'NOTIONAL_BELOW_MINIMUM';
  }
  return hasRoom(book, terms, before) ? undefined : 'BOOK_FULL';
}

/** MAT-7: the exits of open entries have their room among the waiting orders kept. */
function hasRoom(book: NaiveBook, terms: OrderTerms, before: Before): boolean {
  const { ordersPerBook, waitingPerBook, trailingPerBook } = book.limits;
  if (!isWaitingType(terms.type)) {
    const isOut = book.orders.length + before.resting >= ordersPerBook;
    const onSide = book.sorted(terms.side).reduce((sum, order) => sum + order.remainingUnits, 0);
    // The sum of a side's quantities stays a number that can be counted with.
    const isTooMuch = !Number.isSafeInteger(onSide + terms.quantityUnits);
    return !(rests(terms) && (isOut || isTooMuch));
  }
  if (waitingCount(book) + before.waiting >= waitingPerBook) return false;
  const isTrailing = terms.type === 'TRAILING_STOP';
  return !(isTrailing && trailingCount(book) + before.trailing >= trailingPerBook);
}

function waitingCount(book: NaiveBook): number {
  return book.waiting.length + book.open().reduce((sum, order) => sum + order.exits.length, 0);
}

function trailingCount(book: NaiveBook): number {
  const terms = [
    ...book.waiting.map((order) => order.terms),
    ...book.open().flatMap((order) => order.exits),
  ];
  return terms.filter((one) => one.type === 'TRAILING_STOP').length;
}

/** Places a group, whole or not at all (TYP-7); false when the command is refused. */
export function placeGroup(book: NaiveBook, command: PlaceOrderGroup): boolean {
  const { accountNumber, placement, groupType, legs } = command;
  const names = legs.map((_, index) => ({ accountNumber, placement: placement + index }));
  if (names.some((name) => book.isTaken(name))) return false;
  const isExit = (leg: number) => groupType === 'BRACKET' && leg > 0;
  if (!legs.every((terms, leg) => hasForm(terms, isExit(leg)))) return false;
  const problems =
    groupType === 'OCO' ? ocoProblems(book, names, legs) : bracketProblems(book, names, legs);
  if (problems === undefined || problems.includes('FORM')) return false;
  if (problems.some((problem) => problem !== undefined)) {
    names.forEach((name, index) => {
      reject(book, name, (problems[index] as RejectReason | undefined) ?? 'GROUP_REJECTED');
    });
    return true;
  }
  book.emit({ kind: 'orderGroupAccepted', accountNumber, placement, groupType, legs });
  const entered = groupType === 'OCO' ? legs : legs.slice(0, 1);
  const orders = entered.map((terms, index) => {
    const order = newOrder(names[index] as OrderName, terms);
    order.groupPlacement = placement;
    order.groupType = groupType;
    if (groupType === 'BRACKET') order.exits = legs.slice(1);
    return order;
  });
  take(book, orders);
  return true;
}

/** Undefined when the legs do not make an OCO. */
function ocoProblems(
  book: NaiveBook,
  names: readonly OrderName[],
  legs: readonly OrderTerms[],
): Problem[] | undefined {
  const [first, second] = legs;
  if (legs.length !== 2 || first?.side !== second?.side) return undefined;
  const fits = legs.every((leg) => rests(leg) || isWaitingType(leg.type));
  if (!fits) return undefined;
  const before = { ...NOTHING };
  return legs.map((terms, index) => {
    const name = names[index] as OrderName;
    const problem = isForbidden(book, name)
      ? 'NOT_DELIVERED'
      : problemOf(book, name, terms, before);
    count(before, terms);
    return problem;
  });
}

const TAKE_PROFITS = ['TAKE_PROFIT', 'TAKE_PROFIT_LIMIT'];
const STOPS = ['STOP', 'STOP_LIMIT', 'TRAILING_STOP'];

/** Undefined when the legs do not make a bracket. */
function bracketProblems(
  book: NaiveBook,
  names: readonly OrderName[],
  legs: readonly OrderTerms[],
): Problem[] | undefined {
  const [entry, takeProfit, stop] = legs;
  if (entry === undefined || takeProfit === undefined || stop === undefined) return undefined;
  if (legs.length !== 3 || takeProfit.side === entry.side || stop.side === entry.side) {
    return undefined;
  }
  if (!TAKE_PROFITS.includes(takeProfit.type) || !STOPS.includes(stop.type)) return undefined;
  const before = { ...NOTHING };
  return legs.map((terms, leg) => {
    const name = names[leg] as OrderName;
    const problem = leg === 0 ? problemOf(book, name, terms, NOTHING) : exitProblem(book, terms);
    const isFull = leg > 0 && !hasRoom(book, terms, before);
    count(before, terms);
    if (isForbidden(book, name)) return 'NOT_DELIVERED';
    return problem ?? (isFull ? 'BOOK_FULL' : undefined);
  });
}

/** What an order takes of the room that is left for those of its group behind it. */
function count(before: Before, terms: OrderTerms): void {
  const isWaiting = isWaitingType(terms.type);
  before.orders += 1;
  before.resting += rests(terms) && !isWaiting ? 1 : 0;
  before.waiting += isWaiting ? 1 : 0;
  before.trailing += terms.type === 'TRAILING_STOP' ? 1 : 0;
}

function exitProblem(book: NaiveBook, terms: OrderTerms): Problem {
  if (!hasForm(terms, true)) return 'FORM';
  const problem = checkRules(book.rules, terms, true);
  if (problem !== undefined) {
    return terms.instrumentVersion === book.rules.version ? problem : 'INSTRUMENT_CHANGED';
  }
  if (terms.timeInForce === 'GTD' && terms.expireTimeUs <= book.nowUs) return 'TOO_LATE';
  const isOutside =
    isLimited(terms.type) && isOutsideStaticBand(book, terms.side, terms.priceUnits);
  return isOutside ? 'PRICE_BAND' : undefined;
}
