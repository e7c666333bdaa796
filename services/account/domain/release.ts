// What a hold no longer needs goes back at once: after every event of an order, the hold is the
// most that the order can still cost, and what amends in flight have added (HLD-8, SET-2).
import { worstCost } from '../../lib/rules/cost.ts';
import type { Account } from './account.ts';
import type { LiveOrder } from './live-order.ts';
import { isByBudget, type OrderStatus } from './order.ts';
import type { LedgerState } from './state.ts';

const FINAL: readonly OrderStatus[] = ['FILLED', 'CANCELED', 'REJECTED'];

/** Releases the surplus of an order's hold and says how much it was. */
export function releaseSurplus(state: LedgerState, account: Account, order: LiveOrder): bigint {
  const neededUnits = neededHold(state, order);
  if (order.heldUnits <= neededUnits) return 0n;
  const releasedUnits = order.heldUnits - neededUnits;
  state.ledger.release(account.balance(order.holdAssetNumber), releasedUnits);
  order.heldUnits = neededUnits;
  return releasedUnits;
}

function neededHold(state: LedgerState, order: LiveOrder): bigint {
  if (FINAL.includes(order.status)) return 0n;
  const { terms } = order;
  const instrument = terms && state.instruments.get(terms.instrumentNumber);
  // A budget ends with its order, which never rests; until then it stays held as it is.
  if (terms === undefined || instrument === undefined || isByBudget(terms)) return order.heldUnits;
  const { side, priceUnits, makerRatePpm, takerRatePpm } = terms;
  const { remainingUnits, weightedFeeSum: weightedSum } = order;
  const open = { side, priceUnits, makerRatePpm, takerRatePpm, remainingUnits, weightedSum };
  return worstCost(instrument, open) + order.amendHeldUnits();
}
