// Entering and canceling groups of orders (TYP-7): all legs are decided before the first is
// accepted, so that both are or neither.
import { checkGroupForm } from '../../lib/rules/check-group.ts';
import type { Book } from './book.ts';
import type { PlaceOrderGroup } from './command.ts';
import type { Forbids } from './forbids.ts';
import { OrderGroup } from './order-extras.ts';
import type { OrderLife } from './order-life.ts';
import {
  checkExit,
  checkKnownPrevention,
  checkLeg,
  isOrderName,
  isTaken,
  type LegsAhead,
  type PlacingContext,
  type PlacingProblem,
} from './placing.ts';
import type { RejectReason } from './rules.ts';
import type { OrderName } from './sink.ts';

/** What the checks of a group come to: a reason for each leg, or why there is no event at all. */
export type GroupDecision =
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'rejected'; readonly reasons: readonly RejectReason[] }
  | { readonly kind: 'accepted' };

/** Id of a leg of a group. */
export function legName(group: OrderName, leg: number): OrderName {
  return { accountNumber: group.accountNumber, placement: group.placement + leg };
}

/** Decides about a group; it changes nothing. */
export function decideGroup(
  context: PlacingContext,
  forbids: Forbids,
  book: Book,
  command: PlaceOrderGroup,
): GroupDecision {
  const { groupType, legs } = command;
  if (!(command.placement > 0) || !isOrderName(legName(command, legs.length))) {
    return { kind: 'refused', reason: 'NUMBER_OUT_OF_RANGE' };
  }
  if (legs.some((_, leg) => isTaken(context.life, book, legName(command, leg)))) {
    return { kind: 'refused', reason: 'ALREADY_EXISTS' };
  }
  const form = checkGroupForm(groupType, legs);
  if (form !== undefined) return { kind: 'refused', reason: form.reason };
  for (const terms of legs) {
    const unknown = checkKnownPrevention(terms);
    if (unknown?.kind === 'refused') return unknown;
  }
  const ahead: LegsAhead = { orders: 0, resting: 0, waiting: 0, trailing: 0 };
  const problems = legs.map((terms, leg): PlacingProblem | undefined => {
    const name = legName(command, leg);
    const isForbidden = forbids.count > 0 && forbids.has({ ...name, amendHoldId: '' });
    if (isForbidden) return { kind: 'rejected', reason: 'NOT_DELIVERED' };
    const isExit = groupType === 'BRACKET' && leg > 0;
    return isExit
      ? checkExit(context, book, terms, ahead)
      : checkLeg(context, book, name, terms, ahead);
  });
  const refusal = problems.find((found) => found?.kind === 'refused');
  if (refusal !== undefined) return { kind: 'refused', reason: refusal.reason };
  if (problems.every((found) => found === undefined)) return { kind: 'accepted' };
  const reasons = problems.map((found) =>
    found?.kind === 'rejected' ? found.reason : 'GROUP_REJECTED',
  );
  return { kind: 'rejected', reasons };
}

/** The open orders of a group, in the order of its legs; none when nothing of it is open. */
export function openLegsOf(life: OrderLife, book: Book, group: OrderName): number[] {
  const open: number[] = [];
  for (let leg = 0; leg < 3; leg += 1) {
    const { accountNumber, placement } = legName(group, leg);
    const order = life.resting.index.find(accountNumber, placement);
    const extras = order === 0 ? undefined : life.extras.find(order);
    if (extras?.bookNumber === book.number && extras.group?.placement === group.placement)
      open.push(order);
  }
  return open;
}

/** The group of accepted legs. */
export function makeGroup(command: PlaceOrderGroup): OrderGroup {
  const { accountNumber, placement, groupType, legs } = command;
  const group = new OrderGroup(accountNumber, placement, groupType);
  if (groupType === 'BRACKET') group.exits = legs.slice(1);
  return group;
}

/** Promises the exits of a bracket their room (TYP-7). */
export function promiseRoom(book: Book, group: OrderGroup): void {
  book.openBrackets += 1;
  book.promisedWaiting += group.exits.length;
  for (const exit of group.exits) if (exit.type === 'TRAILING_STOP') book.promisedTrailing += 1;
}
