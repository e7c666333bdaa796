// Amends (AMD-1 to AMD-3): what may change in which state, what keeps its place, and what follows.

import type { AmendOrder } from '../../../services/matching/domain/command.ts';
import type { RejectReason } from '../../../services/matching/domain/rules.ts';
import { isOutsideStaticBand } from './naive-band.ts';
import type { NaiveBook } from './naive-book.ts';
import type { Problem } from './naive-checks.ts';
import { arrive } from './naive-matching.ts';
import { accepts, costOf, isLimited, type NaiveOrder, notionalOf, rests } from './naive-order.ts';
import { triggerAtOnce } from './naive-triggers.ts';

/** What an order is to be, where the amend says nothing as it is. */
type Amended = {
  readonly quantityUnits: number;
  readonly priceUnits: number;
  readonly stopPriceUnits: number;
  readonly displayUnits: number;
  readonly expireTimeUs: number;
};

const FIELDS = [
  'quantityUnits',
  'priceUnits',
  'stopPriceUnits',
  'displayUnits',
  'expireTimeUs',
] as const;

/** Amends one order; false when the command is refused. */
export function amend(book: NaiveBook, command: AmendOrder): boolean {
  const { accountNumber, placement, amendHoldId } = command;
  const reject = (reason: RejectReason): boolean => {
    book.emit({ kind: 'amendRejected', accountNumber, placement, reason, amendHoldId });
    return true;
  };
  const key = `${accountNumber}-${placement}/${amendHoldId}`;
  if (amendHoldId !== '' && book.forbidden.has(key)) return reject('NOT_DELIVERED');
  const order = book.find(command);
  if (order === undefined) return reject('ORDER_UNKNOWN');
  if ((command.expectedVersion ?? order.version) !== order.version) {
    return reject('VERSION_MISMATCH');
  }
  const after = {
    quantityUnits: command.quantityUnits ?? order.quantityUnits,
    priceUnits: command.priceUnits ?? order.priceUnits,
    stopPriceUnits: command.stopPriceUnits ?? order.stopPriceUnits,
    displayUnits: command.displayUnits ?? order.displayUnits,
    expireTimeUs: command.expireTimeUs ?? order.expireTimeUs,
  };
  if (!hasForm(book, command, order, after)) return false;
  if (after.quantityUnits <= filledOf(order)) {
    change(book, order, { ...shapeOf(order), quantityUnits: filledOf(order) }, true, amendHoldId);
    book.finish(order);
    return true;
  }
  const problem = problemOf(book, command, order, after);
  if (problem !== undefined) return reject(problem as RejectReason);
  if (book.waiting.includes(order)) amendWaiting(book, order, after, amendHoldId);
  else amendResting(book, order, after, amendHoldId);
  return true;
}

function filledOf(order: NaiveOrder): number {
  return order.quantityUnits - order.remainingUnits;
}

function shapeOf(order: NaiveOrder): Amended {
  const { quantityUnits, priceUnits, stopPriceUnits, displayUnits, expireTimeUs } = order;
  return { quantityUnits, priceUnits, stopPriceUnits, displayUnits, expireTimeUs };
}

function hasForm(book: NaiveBook, command: AmendOrder, order: NaiveOrder, after: Amended): boolean {
  const { type, timeInForce } = order.terms;
  for (const field of FIELDS) {
    const asked = command[field];
    if (asked === undefined) continue;
    if (!Number.isSafeInteger(asked) || asked < 0) return false;
    if (asked === 0 && field !== 'displayUnits') return false;
  }
  const isTrailing = type === 'TRAILING_STOP';
  if (isTrailing && command.priceUnits !== undefined) return false;
  const isWaiting = book.waiting.includes(order) && !isTrailing;
  if (command.stopPriceUnits !== undefined && !isWaiting) return false;
  if (command.expireTimeUs !== undefined && timeInForce !== 'GTD') return false;
  if (command.displayUnits === undefined) return true;
  return rests(order.terms) && after.displayUnits < after.quantityUnits;
}

function problemOf(
  book: NaiveBook,
  command: AmendOrder,
  order: NaiveOrder,
  after: Amended,
): Problem {
  const { terms } = order;
  const isMore = after.quantityUnits > order.quantityUnits;
  const isOther = FIELDS.slice(1).some((field) => after[field] !== order[field]);
  const mayTrade = book.state === 'CONTINUOUS' || book.state === 'POST_ONLY';
  const isCall = book.state === 'PRE_OPEN' || book.state === 'AUCTION';
  if (!mayTrade && !isCall && (isMore || isOther)) return 'INSTRUMENT_STATE';
  const isLater = after.expireTimeUs !== order.expireTimeUs;
  if (isLater && after.expireTimeUs <= book.nowUs) return 'TOO_LATE';
  const problem = ruleProblem(book, order, after);
  if (problem !== undefined) {
    return command.instrumentVersion === book.rules.version ? problem : 'INSTRUMENT_CHANGED';
  }
  const isPriced = after.priceUnits !== order.priceUnits;
  const { side, type } = terms;
  if (isPriced && isLimited(type) && isOutsideStaticBand(book, side, after.priceUnits)) {
    return 'PRICE_BAND';
  }
  const needed = costOf(book.rules, order, after.priceUnits, after.quantityUnits - filledOf(order));
  const covered = costOf(book.rules, order, order.priceUnits, order.remainingUnits);
  if (needed > covered + command.amendHoldUnits) return 'HOLD_TOO_SMALL';
  if (book.waiting.includes(order)) return undefined;
  const met = mayTrade ? book.firstAgainst(side) : undefined;
  const meets =
    met !== undefined && accepts({ ...order, priceUnits: after.priceUnits }, met.priceUnits);
  const mustNotTake = terms.postOnly || book.state === 'POST_ONLY';
  if (mustNotTake && meets) return 'POST_ONLY_WOULD_TAKE';
  const onSide = book.sorted(side).reduce((sum, other) => sum + other.remainingUnits, 0);
  const isTooMuch = !Number.isSafeInteger(onSide - order.quantityUnits + after.quantityUnits);
  return isMore && isTooMuch ? 'BOOK_FULL' : undefined;
}

/** Only what changes is checked: what rests may stay although the rules have changed since. */
function ruleProblem(book: NaiveBook, order: NaiveOrder, after: Amended): Problem {
  const { rules } = book;
  const { type } = order.terms;
  const changes = (field: keyof Amended) => after[field] !== order[field];
  const isOffTick = (field: 'priceUnits' | 'stopPriceUnits') =>
    changes(field) && after[field] % rules.tickUnits !== 0;
  if ((isLimited(type) && isOffTick('priceUnits')) || isOffTick('stopPriceUnits')) {
    return 'PRICE_OFF_TICK';
  }
  const isOffLot = (field: 'quantityUnits' | 'displayUnits') =>
    changes(field) && after[field] % rules.lotUnits !== 0;
  if (isOffLot('quantityUnits') || isOffLot('displayUnits')) return 'QUANTITY_OFF_LOT';
  const { quantityUnits, priceUnits, stopPriceUnits, displayUnits } = after;
  if (quantityUnits < order.quantityUnits && quantityUnits < rules.minimumQuantityUnits) {
    return 'QUANTITY_BELOW_MINIMUM';
  }
  if (quantityUnits > order.quantityUnits && quantityUnits > rules.maximumQuantityUnits) {
    return 'QUANTITY_ABOVE_MAXIMUM';
  }
  const isShowing = changes('displayUnits') || quantityUnits > order.quantityUnits;
  if (isShowing && displayUnits > 0 && displayUnits * 100 < quantityUnits) {
    return 'DISPLAY_QUANTITY_TOO_SMALL';
  }
  const isHigher = (now: number, before: number) => now > before && now > rules.maximumPriceUnits;
  if (isHigher(priceUnits, order.priceUnits) || isHigher(stopPriceUnits, order.stopPriceUnits)) {
    return 'PRICE_ABOVE_MAXIMUM';
  }
  const paid = notionalOf(rules, priceUnits, quantityUnits);
  const isPaid = changes('priceUnits') || changes('quantityUnits');
  const isShort = isPaid && isLimited(type) && paid < rules.minimumNotionalUnits;
  return isShort ? 'NOTIONAL_BELOW_MINIMUM' : undefined;
}

/** Makes the order what it is to be, and says so. */
function change(
  book: NaiveBook,
  order: NaiveOrder,
  after: Amended,
  placeKept: boolean,
  amendHoldId: string,
): void {
  const filledUnits = filledOf(order);
  Object.assign(order, after);
  order.remainingUnits = order.quantityUnits - filledUnits;
  order.version += 1;
  const { accountNumber, placement, version, remainingUnits } = order;
  const told = { accountNumber, placement, version, remainingUnits, ...after };
  book.emit({ kind: 'orderAmended', ...told, placeKept, amendHoldId });
}

/** A changed stop price takes a new age; a condition that then holds triggers at once. */
function amendWaiting(
  book: NaiveBook,
  order: NaiveOrder,
  after: Amended,
  amendHoldId: string,
): void {
  const placeKept = after.stopPriceUnits === order.stopPriceUnits;
  change(book, order, after, placeKept, amendHoldId);
  if (!placeKept) order.age = book.tick();
  triggerAtOnce(book, order);
}

/** AMD-1: another price, more quantity or more shown goes to the back and may trade. */
function amendResting(
  book: NaiveBook,
  order: NaiveOrder,
  after: Amended,
  amendHoldId: string,
): void {
  const showsMore =
    order.displayUnits > 0 && (after.displayUnits === 0 || after.displayUnits > order.displayUnits);
  const isMore = after.quantityUnits > order.quantityUnits;
  const placeKept = after.priceUnits === order.priceUnits && !isMore && !showsMore;
  change(book, order, after, placeKept, amendHoldId);
  if (placeKept) {
    const most = order.displayUnits === 0 ? order.remainingUnits : order.displayUnits;
    order.shownUnits = Math.min(order.shownUnits, order.remainingUnits, most);
    return;
  }
  book.orders = book.orders.filter((other) => other !== order);
  arrive(book, order);
}
