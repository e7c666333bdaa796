// Commands to the naive book: which rules each follows, and what time brings.

import type {
  CancelAllOrders,
  CancelOrderGroup,
  ForbidOrder,
  MatchingCommand,
  SetInstrument,
  SetInstrumentState,
} from '../../../services/matching/domain/command.ts';
import { amend } from './naive-amending.ts';
import { byAge, endAuction, enterState, mayChange } from './naive-auction.ts';
import type { NaiveBook } from './naive-book.ts';
import type { NaiveOrder, OrderName } from './naive-order.ts';
import { place, placeGroup } from './naive-placing.ts';
import { settle } from './naive-triggers.ts';

/** A forbid is remembered this much longer than its command is valid (HLD-3, LOG-11). */
const ANSWER_WINDOW_US = 60_000_000;

/** Applies a command and all that follows from it; false when it is refused. */
export function applyTo(book: NaiveBook, command: MatchingCommand): boolean {
  book.events = [];
  const isDone = run(book, command);
  settle(book);
  return isDone;
}

function run(book: NaiveBook, command: MatchingCommand): boolean {
  switch (command.kind) {
    case 'placeOrder':
      return place(book, command);
    case 'placeOrderGroup':
      return placeGroup(book, command);
    case 'amendOrder':
      return amend(book, command);
    case 'cancelOrder':
      return cancel(book, command);
    case 'cancelOrderGroup':
      return cancelGroup(book, command);
    case 'cancelAllOrders':
      return cancelAll(book, command);
    case 'forbidOrder':
      return forbid(book, command);
    case 'setInstrument':
      return setRules(book, command);
    case 'setInstrumentState':
      return setState(book, command);
    case 'retireInstrument':
      return retire(book, command.comment);
    default:
      throw new Error(`not in this model: ${command.kind}`);
  }
}

/** Time passes: expiries by time, then age; what follows from them; then a call's end (TIF-6). */
export function advanceTo(book: NaiveBook, nowUs: number): void {
  book.events = [];
  book.nowUs = nowUs;
  for (const [key, validUntilUs] of book.forbidden) {
    if (validUntilUs + ANSWER_WINDOW_US <= nowUs) book.forbidden.delete(key);
  }
  const due = book
    .open()
    .filter((order) => order.expireTimeUs > 0 && order.expireTimeUs <= nowUs)
    .sort((a, b) => a.expireTimeUs - b.expireTimeUs || a.age - b.age);
  for (const order of due) book.expire(order);
  settle(book);
  if (book.state === 'AUCTION' && book.auctionEndTimeUs <= nowUs) endAuction(book);
  settle(book);
}

function cancel(book: NaiveBook, { accountNumber, placement }: OrderName): boolean {
  const order = book.find({ accountNumber, placement });
  if (order !== undefined) book.cancel(order, 'OWNER');
  else {
    book.emit({ kind: 'cancelRejected', accountNumber, placement, reason: 'ORDER_UNKNOWN' });
  }
  return true;
}

/** Cancels what is open of a group; the exits of a bracket never appear (TYP-7). */
function cancelGroup(book: NaiveBook, command: CancelOrderGroup): boolean {
  const { accountNumber, placement } = command;
  const legs = book
    .open()
    .filter((order) => order.accountNumber === accountNumber && order.groupPlacement === placement)
    .sort((a, b) => a.placement - b.placement);
  for (const leg of legs) {
    leg.exits = [];
    book.cancel(leg, 'GROUP');
  }
  if (legs.length === 0) {
    book.emit({ kind: 'cancelRejected', accountNumber, placement, reason: 'ORDER_UNKNOWN' });
  }
  return true;
}

/** CXL-1: everything accepted before it, waiting orders included, by age. */
function cancelAll(book: NaiveBook, command: CancelAllOrders): boolean {
  const { accountNumber, side, reason, comment } = command;
  const covered = book
    .open()
    .filter((order) => accountNumber === 0 || order.accountNumber === accountNumber)
    .filter((order) => side === undefined || order.terms.side === side);
  const ordered = accountNumber === 0 ? byBook(book, covered) : byAge(covered);
  for (const order of ordered) book.cancel(order, reason);
  const canceledCount = covered.length;
  book.emit({ kind: 'ordersCanceled', accountNumber, canceledCount, reason, comment });
  return true;
}

/** Over all accounts: the book from its best prices on, bids first, then what waits, by age. */
function byBook(book: NaiveBook, covered: readonly NaiveOrder[]): NaiveOrder[] {
  const all = [...book.sorted('BUY'), ...book.sorted('SELL'), ...byAge(book.waiting)];
  return all.filter((order) => covered.includes(order));
}

/** HLD-3: keeps a placement, or an amend, from ever arriving. */
function forbid(book: NaiveBook, command: ForbidOrder): boolean {
  const { accountNumber, placement, amendHoldId, forbiddenValidUntilUs } = command;
  if (amendHoldId === '' && book.find(command) !== undefined) {
    book.emit({ kind: 'forbidRefused', accountNumber, placement, amendHoldId, open: true });
    return true;
  }
  const key = `${accountNumber}-${placement}/${amendHoldId}`;
  const known = book.forbidden.get(key);
  if (known === undefined && book.forbidden.size >= book.limits.forbids) return false;
  book.forbidden.set(key, Math.max(known ?? 0, forbiddenValidUntilUs));
  book.emit({ kind: 'orderForbidden', accountNumber, placement, amendHoldId });
  return true;
}

/** New rules; equal or older versions change nothing. */
function setRules(book: NaiveBook, { rules }: SetInstrument): boolean {
  if (book.state === 'RETIRED') return false;
  if (rules.version <= book.rules.version) return true;
  const isOther = rules.referencePriceUnits !== book.rules.referencePriceUnits;
  if (isOther && rules.referencePriceUnits > 0)
    book.referencePriceUnits = rules.referencePriceUnits;
  book.rules = rules;
  book.emit({ kind: 'instrumentSet', rules, state: book.state });
  return true;
}

function setState(book: NaiveBook, command: SetInstrumentState): boolean {
  const { state, comment, stateAfterAuction } = command;
  if (state === 'RETIRED') return false;
  const isAuction = state === 'AUCTION';
  const resumes = isAuction && book.state === 'CANCEL_ONLY';
  if (isAuction && !resumes && command.auctionEndTimeUs <= book.nowUs) return false;
  let auctionEndTimeUs = isAuction ? command.auctionEndTimeUs : 0;
  if (state === book.state) {
    const isOther =
      isAuction &&
      (auctionEndTimeUs !== book.auctionEndTimeUs || stateAfterAuction !== book.stateAfterAuction);
    if (!isOther) return true;
    book.stateAfterAuction = stateAfterAuction;
    enterState(book, { state, comment, auctionEndTimeUs });
    return true;
  }
  if (!mayChange(book, state)) return false;
  // An auction that was interrupted by CANCEL_ONLY goes on as it was.
  if (resumes) auctionEndTimeUs = book.auctionEndTimeUs;
  else if (isAuction) book.stateAfterAuction = stateAfterAuction;
  enterState(book, { state, comment, auctionEndTimeUs });
  return true;
}

function retire(book: NaiveBook, comment: string): boolean {
  if (book.state === 'RETIRED') return true;
  for (const order of byBook(book, book.open())) book.cancel(order, 'INSTRUMENT_RETIRED');
  enterState(book, { state: 'RETIRED', comment, auctionEndTimeUs: 0 });
  book.endedEntries = [];
  return true;
}
