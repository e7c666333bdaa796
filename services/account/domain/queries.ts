// What readers ask of an account shard's state. Nothing here changes it.
import type { Account } from './account.ts';
import type { BalanceAfter } from './event.ts';
import type { LiveGroup } from './live-group.ts';
import type { LiveOrder } from './live-order.ts';
import type { OrderRecord } from './order.ts';
import type { LedgerState } from './state.ts';

/** Which orders to list, newest placement first. */
export type OrderFilter = {
  /** 0: of every instrument. */
  readonly instrumentNumber: number;
  readonly openOnly: boolean;
  /** Only placements below this; 0: every one. */
  readonly beforePlacement: number;
  readonly limit: number;
};

/** A page, and whether there is another one behind it. */
export type OrderPage = { readonly records: readonly OrderRecord[]; readonly more: boolean };

/** Records of orders that are open or remembered, newest placement first. */
export function listOrders(state: LedgerState, account: Account, filter: OrderFilter): OrderPage {
  const { beforePlacement, limit, openOnly, instrumentNumber } = filter;
  const below = beforePlacement === 0 ? Number.POSITIVE_INFINITY : beforePlacement;
  const records: OrderRecord[] = [];
  for (const placement of placementsBelow(account, below, openOnly)) {
    const record = state.findRecord(account, placement);
    // What was canceled before it arrived never was an order of any instrument.
    if (record?.terms === undefined) continue;
    if (instrumentNumber !== 0 && record.terms.instrumentNumber !== instrumentNumber) continue;
    if (records.length === limit) return { records, more: true };
    records.push(record);
  }
  return { records, more: false };
}

/** Known placements below a bound, highest first, without sorting more than is read. */
function* placementsBelow(account: Account, below: number, openOnly: boolean): Generator<number> {
  // Live orders are filed in ascending order of placement.
  const live = [...account.liveOrders.keys()];
  if (openOnly) {
    for (const placement of live.reverse()) if (placement < below) yield placement;
    return;
  }
  const known = live.length + account.closedPositions.size;
  let found = 0;
  let misses = 0;
  let placement = Math.min(below - 1, account.placements);
  // Placements are dense near the newest. Where they are not, sorting is cheaper than searching.
  for (; placement > 0 && found < known && misses <= 4 * known; placement -= 1) {
    if (account.liveOrders.has(placement) || account.closedPositions.has(placement)) {
      found += 1;
      yield placement;
    } else {
      misses += 1;
    }
  }
  if (found === known || placement === 0) return;
  const rest = [...live, ...account.closedPositions.keys()].filter((other) => other <= placement);
  yield* rest.sort((a, b) => b - a);
}

/** Records of the orders that are not final, oldest first. */
export function openOrders(account: Account): readonly OrderRecord[] {
  return [...account.liveOrders.values()].map((order) => order.toRecord());
}

/** Balances of every asset that the account ever had, in the order in which it had them. */
export function balancesOf(account: Account): readonly BalanceAfter[] {
  return [...account.balances.values()].map((balance) => balance.toBalanceAfter());
}

/** One hold of an account: an order's own, or that of a group for its legs (HLD-6). */
export type KnownHold = {
  /** Place in the list: newest placement first, a group right before its first leg. */
  readonly place: number;
  readonly instrumentNumber: number;
  /** First order that it is held for. */
  readonly order: LiveOrder;
  /** Undefined for an order's own hold. */
  readonly group: LiveGroup | undefined;
};

/** Every hold that is not closed, newest first. */
export function holdsOf(account: Account): readonly KnownHold[] {
  const holds: KnownHold[] = [];
  for (const order of account.liveOrders.values()) {
    const { group } = order;
    const instrumentNumber = order.terms?.instrumentNumber ?? 0;
    if (group === undefined || group.isEntry(order)) {
      holds.push({ place: 2 * order.placement, instrumentNumber, order, group: undefined });
    }
    if (group !== undefined && group.legs[0] === order && group.heldUnits > 0n) {
      holds.push({ place: 2 * group.placement + 1, instrumentNumber, order, group });
    }
  }
  return holds.sort((one, other) => other.place - one.place);
}

/** Instruments in which the account has open orders or lately had some (SET-4). */
export function instrumentsOf(state: LedgerState, account: Account): readonly string[] {
  const ids: string[] = [];
  for (const instrumentNumber of account.orderCounts.keys()) {
    const instrument = state.instruments.get(instrumentNumber);
    if (instrument !== undefined) ids.push(instrument.instrumentId);
  }
  return ids;
}
