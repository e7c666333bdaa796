// Settlement: a range of a matching shard's events, applied once and in order (SET-1). It cannot
// fail (LOG-14): what no hold covers goes to suspense (SET-5).
import { assertNever } from '../../lib/base/assert.ts';
import type { Outcome } from '../../lib/shard/state-machine.ts';
import type { Account } from './account.ts';
import { beginLegs, confirmExits, exitsNeverAppear } from './bracket.ts';
import type { Cause } from './cause.ts';
import type { Settle } from './command.ts';
import type { Answer, Emit, Fill } from './event.ts';
import { type FillContext, settleTrade } from './fills.ts';
import type { LiveGroup } from './live-group.ts';
import type { LiveOrder } from './live-order.ts';
import type { MatchingEvent } from './matching-event.ts';
import { type ExecutionType, isFinal, type OrderStatus } from './order.ts';
import { beginRange, checkImports, checkRange, endRange } from './ranges.ts';
import { releaseSurplus } from './release.ts';
import type { LedgerState } from './state.ts';

/**
 * Applies a range; refuses one that leaves a gap or repeats something, unchanged.
 *
 * @param slot the only one whose accounts it is about (MOV-7)
 */
export function settle(
  state: LedgerState,
  command: Settle,
  context: { readonly logTimeUs: number },
  emit: Emit,
  slot?: number,
): Outcome<Answer> {
  const problem = checkRange(state, command, slot) ?? checkImports(state, command, slot);
  if (problem !== undefined) return problem;

  // From here on it must succeed.
  const { sourceShardId } = command;
  beginRange(state, command, slot);
  for (const entry of command.entries) {
    for (const { identity, events } of entry.commands) {
      const eventTimeUs = entry.logTimeUs;
      const { logTimeUs } = context;
      for (const event of events) {
        settleEvent({ state, emit, sourceShardId, identity, eventTimeUs, logTimeUs, event });
      }
    }
  }
  endRange(state, command, slot, emit);
  return { kind: 'done' };
}

function settleEvent(cause: Cause): void {
  const { event } = cause;
  switch (event.kind) {
    case 'traded':
      settleTrade(cause, event, reportTrade);
      break;
    case 'matchPrevented':
      settlePrevented(cause, event);
      break;
    case 'slotImported':
      break;
    default: {
      const found = findOrder(cause, event);
      if (found !== undefined) settleOrderEvent(cause, event, found);
    }
  }
}

type NotOfOrder = { kind: 'traded' | 'matchPrevented' | 'slotImported' };
type OrderEvent = Exclude<MatchingEvent, NotOfOrder>;

/** An event of one order, which is this shard's and was open until now. */
function settleOrderEvent(cause: Cause, event: OrderEvent, found: Found): void {
  switch (event.kind) {
    case 'orderAccepted':
      accept(cause, event, found);
      break;
    case 'orderTriggered':
      trigger(cause, event, found);
      break;
    case 'orderExpired':
      finish(cause, found, 'EXPIRED', 'EXPIRED');
      break;
    case 'orderRejected':
      found.order.rejectReason = event.reason;
      finish(cause, found, 'REJECTED', 'REJECTED');
      break;
    case 'orderCanceled':
      found.order.cancelReason = event.reason;
      finish(cause, found, 'CANCELED', 'CANCELED');
      break;
    case 'orderFilled':
      finish(cause, found, 'FILLED', 'RESTATED');
      break;
    case 'orderAmended':
      amend(cause, event, found);
      break;
    case 'amendRejected':
      releaseAmend(cause, event.amendHoldId, found);
      break;
    case 'orderForbidden':
      forbid(cause, event.amendHoldId, found);
      break;
    default:
      assertNever(event);
  }
}

type Found = { readonly account: Account; readonly order: LiveOrder };

/** The order when it is this shard's and not final; else the event has no effect here. */
function findOrder(
  { state }: Cause,
  named: { readonly accountNumber: number; readonly placement: number },
): Found | undefined {
  if (!state.settles(named.accountNumber)) return undefined;
  const account = state.accountsByNumber.get(named.accountNumber);
  const order = account?.liveOrders.get(named.placement);
  return account === undefined || order === undefined ? undefined : { account, order };
}

type Accepted = Extract<MatchingEvent, { kind: 'orderAccepted' }>;

function accept(cause: Cause, { waiting }: Accepted, found: Found): void {
  const { account, order } = found;
  if (order.status !== 'PENDING') return;
  const { group, terms } = order;
  if (waiting !== undefined && terms !== undefined) {
    order.terms = { ...terms, ...waiting };
    order.remainingUnits = waiting.quantityUnits;
  }
  order.holdState = 'CONFIRMED';
  order.status = waiting === undefined ? 'ACTIVE' : 'UNTRIGGERED';
  order.version = 1;
  if (group?.isEntry(order)) confirmExits(cause.state, group);
  const releasedUnits = group?.phase === 'ENTRY' ? beginLegs(cause.state, found, group) : 0n;
  report(cause, { account, order }, { executionType: 'NEW', releasedUnits });
}

type Triggered = Extract<MatchingEvent, { kind: 'orderTriggered' }>;

/** TYP-3: it is about to arrive in the book; its price is never beyond what is held for it. */
function trigger(cause: Cause, event: Triggered, { account, order }: Found): void {
  const { stopPriceUnits, priceUnits } = event;
  if (order.terms !== undefined) order.terms = { ...order.terms, stopPriceUnits, priceUnits };
  order.status = 'ACTIVE';
  const releasedUnits = releaseSurplus(cause.state, account, order);
  report(cause, { account, order }, { executionType: 'TRIGGERED', releasedUnits });
}

/** Closes the hold of an order that has become final and releases what is left (HLD-8). */
function finish(
  cause: Cause,
  found: Found,
  status: OrderStatus,
  executionType: ExecutionType,
): void {
  found.order.status = status;
  found.order.remainingUnits = 0;
  const releasedUnits = releaseSurplus(cause.state, found.account, found.order);
  report(cause, found, { executionType, releasedUnits });
}

type Amended = Extract<MatchingEvent, { kind: 'orderAmended' }>;

/** AMD-1, AMD-2: the amend's own hold becomes the order's; what it needs no longer goes back. */
function amend(cause: Cause, event: Amended, { account, order }: Found): void {
  const { quantityUnits, priceUnits, stopPriceUnits, displayUnits, expireTimeUs } = event;
  const { remainingUnits } = event;
  if (order.terms !== undefined) {
    const amended = { quantityUnits, priceUnits, stopPriceUnits, displayUnits, expireTimeUs };
    order.terms = { ...order.terms, ...amended };
  }
  order.version = event.version;
  order.remainingUnits = remainingUnits;
  order.takeAmendHold(event.amendHoldId);
  if (remainingUnits === 0) order.status = 'FILLED';
  const releasedUnits = releaseSurplus(cause.state, account, order);
  report(cause, { account, order }, { executionType: 'REPLACED', releasedUnits });
}

/** The amend will not happen: what was held for it goes back, the order stays as it was. */
function releaseAmend(cause: Cause, amendHoldId: string, { account, order }: Found): void {
  const amountUnits = order.takeAmendHold(amendHoldId);
  if (amountUnits === 0n) return;
  const { state } = cause;
  const { hold, placement } = order;
  state.ledger.release(account.balance(hold.holdAssetNumber), amountUnits);
  hold.heldUnits -= amountUnits;
  order.accountSequence = state.nextSequence(account);
  state.digest.mark(order);
  state.digest.mark(hold);
  const { heldUnits } = hold;
  const body = {
    kind: 'amendHoldReleased',
    placement,
    amendHoldId,
    amountUnits,
    heldUnits,
  } as const;
  state.emitFor(account, [hold.holdAssetNumber], body, cause.emit);
}

/** HLD-3: only a hold that is still placed ends by a forbid; the order never reached the book. */
function forbid(cause: Cause, amendHoldId: string, found: Found): void {
  if (amendHoldId !== '') {
    releaseAmend(cause, amendHoldId, found);
    return;
  }
  const { account, order } = found;
  if (order.holdState !== 'PLACED') return;
  // A group is forbidden by its first leg, and as a whole.
  const { group } = order;
  if (group?.groupType === 'BRACKET') group.phase = 'LEGS';
  for (const leg of group?.legs ?? [order]) {
    leg.rejectReason = 'NOT_DELIVERED';
    finish(cause, { account, order: leg }, 'REJECTED', 'REJECTED');
  }
}

type Prevented = Extract<MatchingEvent, { kind: 'matchPrevented' }>;

/** STP-2: decrement takes quantity off both; the other modes are told by the cancels that follow. */
function settlePrevented(cause: Cause, event: Prevented): void {
  const { decrementedUnits } = event;
  if (decrementedUnits === 0) return;
  const parties = [
    { accountNumber: event.makerAccountNumber, placement: event.makerPlacement },
    { accountNumber: event.takerAccountNumber, placement: event.takerPlacement },
  ];
  for (const party of parties) {
    const found = findOrder(cause, party);
    if (found !== undefined) restateQuantity(cause, decrementedUnits, found);
  }
}

function restateQuantity(cause: Cause, decrementedUnits: number, { account, order }: Found): void {
  const taken = Math.min(decrementedUnits, order.remainingUnits);
  order.remainingUnits -= taken;
  if (order.terms !== undefined && order.terms.quantityUnits > taken) {
    order.terms = { ...order.terms, quantityUnits: order.terms.quantityUnits - taken };
  }
  const releasedUnits = releaseSurplus(cause.state, account, order);
  report(cause, { account, order }, { executionType: 'RESTATED', releasedUnits });
}

function reportTrade(cause: Cause, context: FillContext, fill: Fill): void {
  const { account, order, releasedUnits, assetNumbers } = context;
  report(cause, { account, order }, { executionType: 'TRADE', releasedUnits, fill, assetNumbers });
}

type Report = {
  readonly executionType: ExecutionType;
  readonly releasedUnits: bigint;
  readonly fill?: Fill;
  /** Assets whose balance changed; the hold's when only something was released. */
  readonly assetNumbers?: readonly number[];
};

/** Emits the execution report and files the order when it is final. */
function report(cause: Cause, { account, order }: Found, change: Report): void {
  const { state, event, identity, eventTimeUs } = cause;
  const { executionType, releasedUnits, fill } = change;
  const isClosed = isFinal(order.status);
  if (isClosed) order.holdState = 'CLOSED';
  else if (order.holdState === 'PLACED') order.holdState = 'CONFIRMED';
  const { instrumentNumber, instrumentSequence } = event;
  const previous = account.lastInstrumentSequences.get(instrumentNumber) ?? 0;
  account.lastInstrumentSequences.set(instrumentNumber, instrumentSequence);
  order.instrumentSequence = instrumentSequence;
  order.updatedTimeUs = eventTimeUs;
  order.accountSequence = state.nextSequence(account);
  const { group } = order;
  if (!isClosed) state.digest.mark(order);
  const record = isClosed ? state.fileClosed(account, order) : order.toRecord();
  const released = releasedUnits > 0n ? [order.hold.holdAssetNumber] : [];
  cause.emit({
    kind: 'orderExecuted',
    accountNumber: account.accountNumber,
    accountSequence: account.accountSequence,
    balances: account.balancesAfter(change.assetNumbers ?? released),
    executionType,
    record,
    instrumentSequence,
    previousInstrumentSequence: previous,
    fill,
    eventTimeUs,
    releasedUnits,
    cause: identity,
  });
  if (isClosed && group?.isEntry(order)) endEntry(cause, account, order, group);
}

/**
 * A bracket's entry is final. Exits that will never appear end with it, and what its fills had put
 * into the group's hold goes back (TYP-7); others are accepted by the events that follow.
 */
function endEntry(cause: Cause, account: Account, entry: LiveOrder, group: LiveGroup): void {
  if (!exitsNeverAppear(entry)) return;
  group.phase = 'LEGS';
  for (const order of group.legs) {
    if (order.status !== 'PENDING') continue;
    order.cancelReason = 'GROUP';
    finish(cause, { account, order }, 'CANCELED', 'CANCELED');
  }
}
