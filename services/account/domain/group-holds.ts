// Holds of groups (TYP-7, HLD-6): an OCO holds the most of its dearest leg; a bracket's entry holds
// for itself, and the group what the exits can cost beyond what the entry brings.
import { assertDefined } from '../../lib/base/assert.ts';
import { groupCost } from '../../lib/rules/group-cost.ts';
import type { InstrumentRules, Side } from '../../lib/rules/terms.ts';
import type { Outcome, Refusal } from '../../lib/shard/state-machine.ts';
import type { Account } from './account.ts';
import { DAY_US } from './account-limits.ts';
import type { PlaceGroupHold } from './command.ts';
import { ID_FORM, refused } from './command-checks.ts';
import type { Answer, Emit } from './event.ts';
import { ratesOf } from './fees.ts';
import {
  type At,
  BODY_HASH_FORM,
  costTerms,
  decline,
  isFull,
  newOrder,
  notionalIn,
} from './holds.ts';
import { LiveGroup } from './live-group.ts';
import type { LiveOrder } from './live-order.ts';
import type { OrderRecord } from './order.ts';
import { checkActive, isBeyondLimits } from './settings.ts';
import { isRefusal, type LedgerState } from './state.ts';

/** An amount of one asset that a group needs. */
export type GroupNeed = { readonly assetNumber: number; readonly amountUnits: bigint };

/** Places the holds of a group and gives its legs their ids, or answers with what is there. */
export function placeGroupHold(
  state: LedgerState,
  sent: PlaceGroupHold,
  context: At,
  emit: Emit,
): Outcome<Answer> {
  const account = state.findAccount(sent.accountId);
  if (isRefusal(account)) return { kind: 'refused', refusal: account };
  const repeat = findRepeat(state, account, sent);
  if (repeat !== undefined) return repeat;
  const barred = checkActive(account);
  if (barred !== undefined) return barred;
  const instrument = state.instruments.get(sent.legs[0]?.terms.instrumentNumber ?? 0);
  if (instrument === undefined) return refused('INSTRUMENT_UNKNOWN');
  const problem = checkGroup(instrument, sent);
  if (problem !== undefined) return { kind: 'refused', refusal: problem };
  if (isFull(state)) return refused('SHARD_OVERLOADED');
  const rated = withGroupRates(state, account, sent, context.logTimeUs);
  const command = withLimits(account, instrument, rated);
  const isDeclined = command.legs.some(({ declineReason }) => declineReason !== 'NONE');
  const needs = groupNeeds(instrument, command);
  const isShort = !isDeclined && !needs.every((need) => isCovered(account, need));
  if (isShort && command.refuseWhenShort) return refused('INSUFFICIENT_FUNDS');

  // From here on it must succeed.
  const { bodyHash, validUntilUs } = command;
  const orders = command.legs.map((leg) => {
    const order = newOrder(
      account,
      { clientOrderId: leg.clientOrderId, bodyHash, validUntilUs },
      leg.terms,
      context,
    );
    order.holdAssetNumber = assetOf(instrument, leg.terms.side);
    return order;
  });
  const group = newGroup(command, orders);
  if (isDeclined || isShort) declineAll(state, account, { command, group, isShort }, emit);
  else holdAll(state, account, { command, group, needs }, emit);
  return { kind: 'done' };
}

/**
 * What a group needs of which asset. Both amounts of a bracket are of different assets: the entry
 * holds what it gives, the exits what it brings.
 */
export function groupNeeds(
  instrument: InstrumentRules,
  { groupType, legs, entryUnits, groupUnits }: PlaceGroupHold,
): readonly GroupNeed[] {
  const side = legs[0]?.terms.side ?? 'BUY';
  const entryAsset = assetOf(instrument, side);
  const exitAsset = assetOf(instrument, side === 'BUY' ? 'SELL' : 'BUY');
  if (groupType === 'OCO') return [{ assetNumber: entryAsset, amountUnits: groupUnits }];
  const needs = [{ assetNumber: entryAsset, amountUnits: entryUnits }];
  if (groupUnits > 0n) needs.push({ assetNumber: exitAsset, amountUnits: groupUnits });
  return needs;
}

function assetOf(instrument: InstrumentRules, side: Side): number {
  return side === 'BUY' ? instrument.quoteAssetNumber : instrument.baseAssetNumber;
}

function isCovered(account: Account, { assetNumber, amountUnits }: GroupNeed): boolean {
  return (account.balances.get(assetNumber)?.availableUnits ?? 0n) >= amountUnits;
}

/** HLD-2: the legs as they are now for the same group; any other use of their ids is refused. */
function findRepeat(
  state: LedgerState,
  account: Account,
  { legs, bodyHash }: PlaceGroupHold,
): Outcome<Answer> | undefined {
  const records: OrderRecord[] = [];
  for (const { clientOrderId } of legs) {
    const placement = account.placementByClientOrderId.get(clientOrderId);
    const record = placement === undefined ? undefined : state.findRecord(account, placement);
    if (record !== undefined) records.push(record);
  }
  const [first] = records;
  if (first === undefined) return undefined;
  const isSame =
    records.length === legs.length &&
    records.every((record, leg) => {
      return record.bodyHash === bodyHash && record.placement === first.placement + leg;
    });
  if (isSame) return { kind: 'done', answer: { records, existing: true } };
  const other = records.find((record) => record.bodyHash !== bodyHash) ?? first;
  return refused('CLIENT_ORDER_ID_ALREADY_EXISTS', { client_order_id: other.clientOrderId });
}

/** What the legs cost at the rates of the account's schedule, when there is one (HLD-5). */
export function withGroupRates(
  state: LedgerState,
  account: Account,
  command: PlaceGroupHold,
  logTimeUs: number,
): PlaceGroupHold {
  const instrument = state.instruments.get(command.legs[0]?.terms.instrumentNumber ?? 0);
  const day = Math.floor(logTimeUs / DAY_US);
  const rates = instrument && ratesOf(state, account, { instrument, day });
  if (instrument === undefined || rates === undefined) return command;
  const legs = command.legs.map((leg) => ({ ...leg, terms: { ...leg.terms, ...rates } }));
  if (legs.some(({ terms }) => terms.priceUnits < 1)) return { ...command, legs };
  const terms = legs.map((leg) => costTerms(leg.terms));
  return { ...command, legs, ...groupCost(instrument, command.groupType, terms) };
}

/** HLD-1: a group beyond the account's limits is declined. */
function withLimits(
  account: Account,
  instrument: InstrumentRules,
  command: PlaceGroupHold,
): PlaceGroupHold {
  const orders = command.legs.length;
  const isBeyond = command.legs.some(({ terms }) =>
    isBeyondLimits(account, { orders, ...notionalIn(instrument, terms) }),
  );
  if (!isBeyond || command.legs.some(({ declineReason }) => declineReason !== 'NONE')) {
    return command;
  }
  const legs = command.legs.map((leg) => ({ ...leg, declineReason: 'ACCOUNT_LIMIT' as const }));
  return { ...command, legs };
}

function malformed(field: string): Refusal {
  return { reason: 'MESSAGE_MALFORMED', detail: { field } };
}

function checkGroup(instrument: InstrumentRules, command: PlaceGroupHold): Refusal | undefined {
  const { groupType, legs, bodyHash } = command;
  if (legs.length !== (groupType === 'OCO' ? 2 : 3)) return malformed('legs');
  const ids = new Set(legs.map(({ clientOrderId }) => clientOrderId));
  if (ids.size !== legs.length || ![...ids].every((id) => ID_FORM.test(id))) {
    return { reason: 'ID_INVALID', detail: { field: 'client_order_id' } };
  }
  if (!BODY_HASH_FORM.test(bodyHash)) return malformed('body_hash');
  const side = legs[0]?.terms.side;
  for (const [leg, { terms }] of legs.entries()) {
    if (terms.instrumentNumber !== instrument.instrumentNumber) return malformed('legs');
    const isExit = groupType === 'BRACKET' && leg > 0;
    if ((terms.side === side) === isExit) return malformed('side');
    if (isExit && terms.quantityUnits !== 0) return malformed('quantity_units');
  }
  if (legs.some(({ declineReason }) => declineReason !== 'NONE')) return undefined;
  if (legs.some(({ terms }) => terms.priceUnits < 1)) return malformed('price_units');
  // What is held must cover what may be paid, whoever computed it (HLD-5, HLD-6). The lot may have
  // changed since the edge looked, so it does not count.
  const terms = legs.map((leg) => costTerms(leg.terms));
  const least = groupCost({ ...instrument, lotUnits: 1 }, groupType, terms);
  const isEnough = command.entryUnits >= least.entryUnits && command.groupUnits >= least.groupUnits;
  return isEnough ? undefined : malformed('group_units');
}

/** The group of new orders, not yet filed. */
function newGroup({ groupType }: PlaceGroupHold, orders: readonly LiveOrder[]): LiveGroup {
  const { accountNumber, placement } = assertDefined(orders[0], 'a group has legs');
  const { holdAssetNumber } = assertDefined(orders.at(-1), 'a group has legs');
  const group = new LiveGroup({ accountNumber, placement, groupType, holdAssetNumber });
  group.legs = orders;
  for (const order of orders) order.group = group;
  return group;
}

type Declined = {
  readonly command: PlaceGroupHold;
  readonly group: LiveGroup;
  readonly isShort: boolean;
};

/** All legs or none: with one of them the others are declined too. */
function declineAll(
  state: LedgerState,
  account: Account,
  { command, group, isShort }: Declined,
  emit: Emit,
): void {
  for (const [leg, order] of [...group.legs].entries()) {
    const own = command.legs[leg]?.declineReason ?? 'NONE';
    const ofGroup = isShort ? 'INSUFFICIENT_FUNDS' : 'GROUP_REJECTED';
    order.rejectReason = own === 'NONE' ? ofGroup : own;
    order.accountSequence = state.nextSequence(account);
    decline(state, account, order, emit);
  }
}

type Held = {
  readonly command: PlaceGroupHold;
  readonly group: LiveGroup;
  readonly needs: readonly GroupNeed[];
};

function holdAll(
  state: LedgerState,
  account: Account,
  { command, group, needs }: Held,
  emit: Emit,
): void {
  const { groupType, entryUnits, groupUnits } = command;
  group.heldUnits = groupUnits;
  if (groupType === 'BRACKET') assertDefined(group.legs[0], 'an entry').heldUnits = entryUnits;
  for (const { assetNumber, amountUnits } of needs) {
    state.ledger.hold(account.balance(assetNumber), amountUnits);
  }
  const accountSequence = state.nextSequence(account);
  for (const order of group.legs) {
    order.accountSequence = accountSequence;
    state.fileLive(account, order);
  }
  state.fileGroup(account, group);
  const [first] = group.legs;
  if (first !== undefined) state.placedHolds.watch(first, '', first.validUntilUs);
  const records = group.legs.map((order) => order.toRecord());
  const assets = needs.map(({ assetNumber }) => assetNumber);
  state.emitFor(account, assets, { kind: 'groupHoldPlaced', groupType, records }, emit);
}
