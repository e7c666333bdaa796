// Holds (HLD-1, HLD-2, HLD-3, HLD-6): who owns a client order id, what money an order may cost,
// and which order id it has. From a placed hold on only events of matching change it.

import { slotOfAccountNumber } from '../../lib/routing/slot.ts';
import { notionalOf, placementCost } from '../../lib/rules/cost.ts';
import type { InstrumentRules, OrderTerms } from '../../lib/rules/terms.ts';
import type { Outcome } from '../../lib/shard/state-machine.ts';
import type { Account } from './account.ts';
import { DAY_US, NO_LIMITS } from './account-limits.ts';
import type { AmendHold, PlaceHold, PlacementTerms, PrepareCancel } from './command.ts';
import { ID_FORM, refused } from './command-checks.ts';
import type { Answer, Emit } from './event.ts';
import { ratesOf } from './fees.ts';
import type { LiveOrder } from './live-order.ts';
import { checkActive, isBeyondLimits } from './settings.ts';
import { isRefusal, type LedgerState } from './state.ts';

export const BODY_HASH_FORM = /^[0-9a-f]{32}$/;

/** Most amends of one order that may be in flight. */
const MAXIMUM_AMEND_HOLDS = 100;

export type At = { readonly logTimeUs: number };

/** Places an order's hold and gives it its id, or answers with what the client order id stands for. */
export function placeHold(
  state: LedgerState,
  command: PlaceHold,
  context: At,
  emit: Emit,
): Outcome<Answer> {
  const account = state.findAccount(command.accountId);
  if (isRefusal(account)) return { kind: 'refused', refusal: account };
  const placement = account.placementByClientOrderId.get(command.clientOrderId);
  if (placement !== undefined) return answerRepeat(state, account, placement, command.bodyHash);
  const problem = checkPlaceHold(state, account, command);
  if (problem !== undefined) return problem;
  const { terms, amountUnits } = withRates(state, account, command, context.logTimeUs);
  const declineReason = ownDecline(state, account, command);
  const available = account.balances.get(command.assetNumber)?.availableUnits ?? 0n;
  const isShort = declineReason === 'NONE' && available < amountUnits;
  if (isShort && command.refuseWhenShort) return refused('INSUFFICIENT_FUNDS');

  // From here on it must succeed.
  const order = newOrder(account, command, terms, context);
  order.holdAssetNumber = command.assetNumber;
  order.accountSequence = state.nextSequence(account);
  if (declineReason !== 'NONE' || isShort) {
    order.rejectReason = isShort ? 'INSUFFICIENT_FUNDS' : declineReason;
    decline(state, account, order, emit);
    return { kind: 'done' };
  }
  state.ledger.hold(account.balance(command.assetNumber), amountUnits);
  order.heldUnits = amountUnits;
  state.fileLive(account, order);
  state.placedHolds.watch(order, '', order.validUntilUs);
  const record = order.toRecord();
  state.emitFor(account, [command.assetNumber], { kind: 'holdPlaced', record }, emit);
  return { kind: 'done' };
}

/** HLD-1: records an order that never reaches a book, under its id, like a closed hold. */
export function decline(state: LedgerState, account: Account, order: LiveOrder, emit: Emit): void {
  order.status = 'REJECTED';
  order.holdState = 'CLOSED';
  order.remainingUnits = 0;
  state.fileClosed(account, order);
  const previousAccountSequence = account.lastDeclinedSequence;
  account.lastDeclinedSequence = order.accountSequence;
  const record = order.toRecord();
  const body = { kind: 'orderDeclined', record, previousAccountSequence } as const;
  state.emitFor(account, [], body, emit);
}

type NewOrder = Pick<PlaceHold, 'clientOrderId' | 'bodyHash' | 'validUntilUs'>;

/** A new order with the account's own settings in its terms (STP-1), not yet filed. */
export function newOrder(
  account: Account,
  command: NewOrder,
  terms: PlacementTerms,
  context: At,
): LiveOrder {
  const { selfTradeGroup } = account;
  const selfTradePrevention = terms.selfTradePrevention ?? account.defaultSelfTradePrevention;
  const own = { ...terms, selfTradePrevention, selfTradeGroup };
  const order = account.newOrder(command.clientOrderId, own);
  order.bodyHash = command.bodyHash;
  order.remainingUnits = terms.quantityUnits;
  order.validUntilUs = command.validUntilUs;
  order.placedTimeUs = context.logTimeUs;
  order.updatedTimeUs = context.logTimeUs;
  return order;
}

/** HLD-2: the present state for the same body; another body used the id first. */
function answerRepeat(
  state: LedgerState,
  account: Account,
  placement: number,
  bodyHash: string,
): Outcome<Answer> {
  const record = state.findRecord(account, placement);
  if (record === undefined) return refused('INTERNAL');
  // An id that was canceled before its order arrived has no body; any order meets that answer.
  if (record.bodyHash !== '' && record.bodyHash !== bodyHash) {
    const detail = { client_order_id: record.clientOrderId };
    return refused('CLIENT_ORDER_ID_ALREADY_EXISTS', detail);
  }
  return { kind: 'done', answer: { record, existing: true } };
}

/**
 * What is held, at which rates: those of the account's schedule when there is one (HLD-5), else
 * those that the edge has put in, of the instrument.
 */
export function withRates(
  state: LedgerState,
  account: Account,
  { terms, amountUnits }: Pick<PlaceHold, 'terms' | 'amountUnits'>,
  logTimeUs: number,
): Pick<PlaceHold, 'terms' | 'amountUnits'> {
  const instrument = state.instruments.get(terms.instrumentNumber);
  const day = Math.floor(logTimeUs / DAY_US);
  const rates = instrument && ratesOf(state, account, { instrument, day });
  if (instrument === undefined || rates === undefined) return { terms, amountUnits };
  const rated = { ...terms, ...rates };
  if (rated.priceUnits < 1) return { terms: rated, amountUnits };
  return { terms: rated, amountUnits: placementCost(instrument, rated) };
}

/** HLD-1: what the edge has declined, or the account's own limits. */
function ownDecline(
  state: LedgerState,
  account: Account,
  { declineReason, terms }: PlaceHold,
): PlaceHold['declineReason'] {
  const instrument = state.instruments.get(terms.instrumentNumber);
  if (declineReason !== 'NONE' || instrument === undefined) return declineReason;
  if (account.limits === NO_LIMITS) return 'NONE';
  const isBeyond = isBeyondLimits(account, { orders: 1, ...notionalIn(instrument, terms) });
  return isBeyond ? 'ACCOUNT_LIMIT' : 'NONE';
}

/** What an order is worth at its limit, for limits of an account. */
export function notionalIn(instrument: InstrumentRules, terms: PlacementTerms) {
  const { quoteAssetNumber } = instrument;
  const { quoteBudgetUnits, priceUnits, quantityUnits } = terms;
  const notional =
    quoteBudgetUnits > 0n ? quoteBudgetUnits : notionalOf(instrument, priceUnits, quantityUnits);
  return { quoteAssetNumber, notional };
}

function checkPlaceHold(
  state: LedgerState,
  account: Account,
  command: PlaceHold,
): Outcome<Answer> | undefined {
  const { terms, assetNumber } = command;
  if (!ID_FORM.test(command.clientOrderId)) {
    return refused('ID_INVALID', { field: 'client_order_id' });
  }
  if (!BODY_HASH_FORM.test(command.bodyHash)) {
    return refused('MESSAGE_MALFORMED', { field: 'body_hash' });
  }
  const barred = checkActive(account);
  if (barred !== undefined) return barred;
  const instrument = state.instruments.get(terms.instrumentNumber);
  if (instrument === undefined) return refused('INSTRUMENT_UNKNOWN');
  const { baseAssetNumber, quoteAssetNumber, notionalFactor, baseFactor } = instrument;
  const expectedAsset = terms.side === 'BUY' ? quoteAssetNumber : baseAssetNumber;
  if (assetNumber !== expectedAsset) return refused('MESSAGE_MALFORMED', { field: 'asset_number' });
  if (command.declineReason === 'NONE') {
    if (terms.priceUnits < 1) return refused('MESSAGE_MALFORMED', { field: 'price_units' });
    // What is held must cover what may be paid, whoever computed it (HLD-5). The lot may have
    // changed since the edge looked, so it does not count.
    const leastUnits = placementCost({ notionalFactor, baseFactor, lotUnits: 1 }, terms);
    if (command.amountUnits < leastUnits || command.amountUnits < 1n) {
      return refused('MESSAGE_MALFORMED', { field: 'amount_units' });
    }
  }
  return isFull(state) ? refused('SHARD_OVERLOADED') : undefined;
}

/** Terms as the cost formulas take them, which do not look at self-trade prevention. */
export function costTerms(terms: PlacementTerms): OrderTerms {
  return { ...terms, selfTradePrevention: 'NONE', selfTradeGroup: 0 };
}

/** The bounds at which new ids are refused rather than old ones forgotten early. */
export function isFull(state: LedgerState): boolean {
  const { maximumClosedOrders, maximumLiveOrders } = state.limits;
  if (state.shard.liveOrders >= maximumLiveOrders) return true;
  // One more than the bound makes the oldest go at the next entry, if it is old enough.
  return state.closedOrders.count > maximumClosedOrders;
}

/** Holds more for an amend (HLD-6), once per amend hold id. */
export function amendHold(state: LedgerState, command: AmendHold, emit: Emit): Outcome<Answer> {
  const { accountNumber, placement, amendHoldId, amountUnits } = command;
  const elsewhere = state.refusalOf(slotOfAccountNumber(accountNumber));
  if (elsewhere !== undefined) return { kind: 'refused', refusal: elsewhere };
  const account = state.accountsByNumber.get(accountNumber);
  if (account === undefined) return refused('ACCOUNT_UNKNOWN');
  if (!ID_FORM.test(amendHoldId)) return refused('ID_INVALID', { field: 'amend_hold_id' });
  if (amountUnits < 1n) return refused('MESSAGE_MALFORMED', { field: 'amount_units' });
  const order = account.liveOrders.get(placement);
  if (order === undefined) {
    const closed = account.closedPositions.has(placement);
    return refused(closed ? 'ORDER_NOT_OPEN' : 'ORDER_UNKNOWN');
  }
  if (order.amendHolds().has(amendHoldId)) {
    return { kind: 'done', answer: { record: order.toRecord(), existing: true } };
  }
  const barred = checkActive(account);
  if (barred !== undefined) return barred;
  if (order.amendHolds().size >= MAXIMUM_AMEND_HOLDS) return refused('SHARD_OVERLOADED');
  const { hold } = order;
  const balance = account.balance(hold.holdAssetNumber);
  if (balance.availableUnits < amountUnits) {
    state.nextSequence(account);
    const reason = 'INSUFFICIENT_FUNDS';
    state.emitFor(account, [], { kind: 'amendDeclined', placement, amendHoldId, reason }, emit);
    return { kind: 'done', answer: { record: order.toRecord(), existing: false } };
  }

  // From here on it must succeed.
  state.ledger.hold(balance, amountUnits);
  hold.heldUnits += amountUnits;
  state.digest.mark(hold);
  const { validUntilUs } = command;
  order.addAmendHold(amendHoldId, { amountUnits, validUntilUs });
  state.placedHolds.watch(order, amendHoldId, validUntilUs);
  order.accountSequence = state.nextSequence(account);
  state.digest.mark(order);
  const { heldUnits } = hold;
  const body = { kind: 'amendHoldPlaced', placement, amendHoldId, amountUnits, heldUnits } as const;
  state.emitFor(account, [hold.holdAssetNumber], body, emit);
  return { kind: 'done', answer: { record: order.toRecord(), existing: false } };
}

/** Says what a client order id stands for, or uses it up (HLD-3). */
export function prepareCancel(
  state: LedgerState,
  command: PrepareCancel,
  context: At & { readonly validUntilUs: number },
  emit: Emit,
): Outcome<Answer> {
  const account = state.findAccount(command.accountId);
  if (isRefusal(account)) return { kind: 'refused', refusal: account };
  const { clientOrderId } = command;
  const placement = account.placementByClientOrderId.get(clientOrderId);
  if (placement !== undefined) return answerRepeatOfCancel(state, account, placement);
  if (!ID_FORM.test(clientOrderId)) return refused('ID_INVALID', { field: 'client_order_id' });
  if (isFull(state)) return refused('SHARD_OVERLOADED');

  // From here on it must succeed.
  const order = account.newOrder(clientOrderId, undefined);
  order.status = 'REJECTED';
  order.rejectReason = 'CANCELED_BEFORE_ARRIVAL';
  order.holdState = 'CLOSED';
  order.validUntilUs = context.validUntilUs;
  order.placedTimeUs = context.logTimeUs;
  order.updatedTimeUs = context.logTimeUs;
  order.accountSequence = state.nextSequence(account);
  state.fileClosed(account, order);
  state.emitFor(account, [], { kind: 'cancelRecorded', clientOrderId }, emit);
  return { kind: 'done', answer: { record: order.toRecord(), existing: false } };
}

function answerRepeatOfCancel(
  state: LedgerState,
  account: Account,
  placement: number,
): Outcome<Answer> {
  const record = state.findRecord(account, placement);
  if (record === undefined) return refused('INTERNAL');
  return { kind: 'done', answer: { record, existing: true } };
}
