// What must hold when all is quiet again (replication.md, "What is tested"): nothing acknowledged
// is lost, nothing was executed twice, money is conserved, feeds are whole.

import type { Order } from '../../gen/bourse/order/v1/order_pb.ts';
import { OrderStatus } from '../../gen/bourse/type/v1/order_pb.ts';
import { patiently } from '../../services/simulator/adapter/patience.ts';
import { waitUntil } from '../support/wait.ts';
import type { FeedWatcher } from './feeds.ts';
import type { Call, Load } from './load.ts';
import { type ChaosMarket, unitsOf } from './market.ts';
import type { ChaosMesh } from './mesh.ts';

export type AuditReport = {
  readonly acknowledgedLost: number;
  readonly executedTwice: number;
  readonly conserved: boolean;
  /** Everything that was wrong, in sentences. */
  readonly violations: readonly string[];
};

/** Orders that are looked up at a time. */
const LOOKUPS = 32;
const SETTLED_DEADLINE_MS = 30_000;

const FINAL: ReadonlySet<OrderStatus> = new Set([
  OrderStatus.FILLED,
  OrderStatus.CANCELED,
  OrderStatus.REJECTED,
  OrderStatus.EXPIRED,
]);

/** Audits a mesh on which no load runs any more; cancels what is still open. */
export async function audit(
  mesh: ChaosMesh,
  market: ChaosMarket,
  load: Load,
  feeds: readonly FeedWatcher[],
): Promise<AuditReport> {
  const violations = [...load.failures];
  await mesh.healthy();
  const orders = await fetchOrders(mesh, load.calls);
  const lost = load.calls.flatMap((call) => findLost(call, orders.get(keyOf(call))));
  const twice = findTwice(load.calls, orders);
  for (const feed of feeds) await feed.compareBooks();
  violations.push(...lost, ...twice, ...findUntraded(market, orders, feeds));
  violations.push(...feeds.flatMap((feed) => feed.violations));
  const imbalance = await findImbalance(mesh, market);
  violations.push(...imbalance);
  return {
    acknowledgedLost: lost.length,
    executedTwice: twice.length,
    conserved: imbalance.length === 0,
    violations,
  };
}

const keyOf = ({ account, clientOrderId }: Pick<Call, 'account' | 'clientOrderId'>): string =>
  `${account.accountId} ${clientOrderId}`;

/** Every order that was placed, as the exchange has it now. */
async function fetchOrders(
  mesh: ChaosMesh,
  calls: readonly Call[],
): Promise<ReadonlyMap<string, Order>> {
  const placed = calls.filter(({ kind }) => kind === 'place');
  const orders = new Map<string, Order>();
  const fetchFrom = async (first: number): Promise<void> => {
    for (let at = first; at < placed.length; at += LOOKUPS) {
      const { account, instrument, clientOrderId } = placed[at] as Call;
      const id = { case: 'clientOrderId' as const, value: clientOrderId };
      const request = {
        accountId: account.accountId,
        order: { instrumentId: instrument.instrumentId, id },
      };
      const { order } = await patiently(() => mesh.services.orders.getOrder(request));
      if (order !== undefined) orders.set(keyOf(placed[at] as Call), order);
    }
  };
  await Promise.all(Array.from({ length: LOOKUPS }, (_, index) => fetchFrom(index)));
  return orders;
}

/** What an answer said and is not so any more. */
function findLost(call: Call, now: Order | undefined): string[] {
  const name = `${call.kind} of ${keyOf(call)}`;
  if (now === undefined) return [`${name}: the order is not there`];
  const { order: told } = call;
  if (told.orderId !== now.orderId)
    return [`${name}: its id was ${told.orderId}, is ${now.orderId}`];
  if (unitsOf(now.filledQuantity) < unitsOf(told.filledQuantity)) {
    return [`${name}: ${told.filledQuantity} was filled, now only ${now.filledQuantity}`];
  }
  if (FINAL.has(told.status) && told.status !== now.status) {
    return [`${name}: it was final as ${told.status}, is ${now.status}`];
  }
  return [];
}

/** Orders that have traded more than they asked for, and ids that stand for two orders. */
function findTwice(calls: readonly Call[], orders: ReadonlyMap<string, Order>): string[] {
  const found: string[] = [];
  const owners = new Map<string, string>();
  for (const [key, { orderId, filledQuantity, orderQuantity }] of orders) {
    const wanted = orderQuantity.case === 'quantity' ? orderQuantity.value : '0';
    if (unitsOf(filledQuantity) > unitsOf(wanted)) {
      found.push(`${key}: ${filledQuantity} of ${wanted} were filled`);
    }
    const other = owners.get(orderId);
    if (other !== undefined) found.push(`order id ${orderId} is ${other}'s and ${key}'s`);
    owners.set(orderId, key);
  }
  const ids = new Map<string, string>();
  for (const call of calls) {
    const before = ids.get(keyOf(call));
    if (before !== undefined && before !== call.order.orderId) {
      found.push(`${keyOf(call)} had the order ids ${before} and ${call.order.orderId}`);
    }
    ids.set(keyOf(call), call.order.orderId);
  }
  return found;
}

/** Orders and tapes must agree on how much was traded: each trade fills two orders. */
function findUntraded(
  market: ChaosMarket,
  orders: ReadonlyMap<string, Order>,
  feeds: readonly FeedWatcher[],
): string[] {
  const filled = new Map<string, bigint>();
  for (const { instrumentId, filledQuantity } of orders.values()) {
    filled.set(instrumentId, (filled.get(instrumentId) ?? 0n) + unitsOf(filledQuantity));
  }
  return market.instruments.flatMap(({ instrumentId }) =>
    feeds.flatMap((feed, index) => {
      const [told, traded] = [filled.get(instrumentId) ?? 0n, feed.tradedUnits(instrumentId) * 2n];
      if (told === traded) return [];
      return [`tape ${index + 1} of ${instrumentId}: ${traded} traded, orders have ${told}`];
    }),
  );
}

/** Cancels everything and adds up what all accounts have. */
async function findImbalance(mesh: ChaosMesh, market: ChaosMarket): Promise<string[]> {
  const { orders, accounts } = mesh.services;
  await Promise.all(
    market.accounts.map(({ accountId }) => patiently(() => orders.cancelAllOrders({ accountId }))),
  );
  let sums = new Map<string, bigint>();
  let held = 0n;
  const addUp = async (): Promise<boolean> => {
    sums = new Map();
    held = 0n;
    for (const { accountId } of market.accounts) {
      const { balances } = await patiently(() => accounts.getBalances({ accountId }));
      for (const { assetId, total, held: ofOrders } of balances) {
        sums.set(assetId, (sums.get(assetId) ?? 0n) + unitsOf(total));
        held += unitsOf(ofOrders);
      }
    }
    return held === 0n && market.assetIds.every((id) => sums.get(id) === market.totalUnits);
  };
  const options = { what: 'settlement', deadlineMs: SETTLED_DEADLINE_MS, pollMs: 100 };
  const isBalanced = await waitUntil(addUp, options).catch(() => false);
  if (isBalanced) return [];
  const assets = market.assetIds.map((id) => `${id} ${sums.get(id)} of ${market.totalUnits}`);
  return [`balances: ${assets.join(', ')}; ${held} still held`];
}
