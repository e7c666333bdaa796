// What a hold no longer needs goes back at once: after every event of an order, its hold is the
// most that the order can still cost, and a group's the most of its dearest leg, and what amends in
// flight have added (HLD-6, HLD-8, SET-2).
import { worstCost } from '../../lib/rules/cost.ts';
import type { Account } from './account.ts';
import type { LiveGroup } from './live-group.ts';
import type { LiveOrder } from './live-order.ts';
import { isByBudget, isFinal } from './order.ts';
import type { LedgerState } from './state.ts';

/** Releases the surplus of the hold that stands for an order and says how much it was. */
export function releaseSurplus(state: LedgerState, account: Account, order: LiveOrder): bigint {
  const { hold } = order;
  const neededUnits =
    hold === order || order.group === undefined
      ? neededByOrder(state, order)
      : neededByGroup(state, order.group);
  if (hold.heldUnits <= neededUnits) return 0n;
  const releasedUnits = hold.heldUnits - neededUnits;
  state.ledger.release(account.balance(hold.holdAssetNumber), releasedUnits);
  hold.heldUnits = neededUnits;
  state.digest.mark(hold);
  return releasedUnits;
}

/** An OCO trades only one of its legs, so the dearest of them is what the group can cost. */
function neededByGroup(state: LedgerState, group: LiveGroup): bigint {
  const isOpen = group.legs.some(({ status }) => !isFinal(status));
  if (group.phase === 'ENTRY' && isOpen) return group.heldUnits;
  let dearestUnits = 0n;
  let amendUnits = 0n;
  for (const leg of group.heldLegs()) {
    if (isFinal(leg.status)) continue;
    const ofAmends = leg.amendHeldUnits();
    const units = costOf(state, leg) ?? group.heldUnits;
    if (units > dearestUnits) dearestUnits = units;
    amendUnits += ofAmends;
  }
  return dearestUnits + amendUnits;
}

function neededByOrder(state: LedgerState, order: LiveOrder): bigint {
  if (isFinal(order.status)) return 0n;
  const units = costOf(state, order);
  return units === undefined ? order.heldUnits : units + order.amendHeldUnits();
}

/** What an order can still cost; undefined where its whole hold stays until it ends. */
function costOf(state: LedgerState, order: LiveOrder): bigint | undefined {
  const { terms } = order;
  const instrument = terms && state.instruments.get(terms.instrumentNumber);
  // A budget ends with its order, which never rests; until then it stays held as it is.
  if (terms === undefined || instrument === undefined || isByBudget(terms)) return undefined;
  const { side, priceUnits, makerRatePpm, takerRatePpm, auctionRatePpm } = terms;
  const { remainingUnits, weightedFeeSum: weightedSum } = order;
  const rates = { makerRatePpm, takerRatePpm, auctionRatePpm };
  const open = { side, priceUnits, ...rates, remainingUnits, weightedSum };
  return worstCost(instrument, open);
}
