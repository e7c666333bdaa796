// What the kills happen to: a market with accounts of both account shards, and the question
// whether everything in it can be explained (HLD-3, HLD-4).

import { HoldState } from '../../gen/bourse/account/v1/account_pb.ts';
import {
  ClusterAdminService,
  type GetClusterResponse,
} from '../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { ShardRole } from '../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { OrderStatus } from '../../gen/bourse/type/v1/order_pb.ts';
import { assignSlots } from '../../services/lib/routing/rendezvous.ts';
import { slotOf } from '../../services/lib/routing/slot.ts';
import type { Mesh } from '../support/mesh.ts';
import { createMarket, type Market } from '../support/trading.ts';
import { waitUntil } from '../support/wait.ts';

const ACCOUNT_SHARDS = ['account-1', 'account-2'];
const MATCHING_SHARDS = ['matching-1', 'matching-2'];
const PAGE_SIZE = 1_000;
/** Of the asset with the smallest unit that the tests use. */
const SCALE = 8;
/** A process may have to start and catch up on a busy machine; nothing waits for it otherwise. */
const EXPLAINED_DEADLINE_MS = 30_000;
const LED = { deadlineMs: 60_000, pollMs: 50 };

export type KillOptions = {
  /** Shards have standbys, so that a kill of a leader is a fail-over. */
  readonly hasStandbys: boolean;
};

const OPEN: ReadonlySet<OrderStatus> = new Set([OrderStatus.ACTIVE, OrderStatus.PARTIALLY_FILLED]);

/** Whom a kill hits: the order service, or the leader of the flow's account or book. */
export type Victim = 'order' | 'account' | 'matching';

export type Venue = {
  readonly mesh: Mesh;
  readonly market: Market;
  /** Of different account shards. */
  readonly alice: string;
  readonly bob: string;
  /** All processes that may be killed. */
  readonly nodeIds: readonly string[];
  /** The process of a victim now. */
  nodeOf(victim: Victim): Promise<string>;
  /** Waits until each shard has a leader and, where there are two replicas, a standby. */
  untilLed(): Promise<void>;
};

export async function openVenue(mesh: Mesh, { hasStandbys }: KillOptions): Promise<Venue> {
  const market = await createMarket(mesh);
  const owners = assignSlots(ACCOUNT_SHARDS);
  const [alice = '', bob = ''] = ACCOUNT_SHARDS.map((shardId) => nameAt(owners, shardId));
  for (const accountId of [alice, bob]) {
    await mesh.accountAdmin.createAccount({ accountId });
    for (const assetId of [market.baseAssetId, market.quoteAssetId]) {
      const clientTransferId = `open-${assetId}`;
      await mesh.accountAdmin.deposit({ accountId, assetId, amount: '1000000', clientTransferId });
    }
  }
  const matching = assignSlots(MATCHING_SHARDS)[slotOf(market.instrumentId)] ?? '';
  const account = owners[slotOf(alice)] ?? '';
  const cluster = mesh.clientAt(ClusterAdminService, 'coordinator');
  const leaderOf = async (shardId: string) => {
    const { table } = await cluster.getCluster({});
    return table?.shards.find((shard) => shard.shardId === shardId)?.leaderNodeId || undefined;
  };
  const untilLeaderOf = (shardId: string) =>
    waitUntil(() => leaderOf(shardId), { what: `a leader of ${shardId}`, ...LED });
  return {
    ...{ mesh, market, alice, bob },
    nodeIds: ['order', 'account-1', ...(hasStandbys ? ['account-2'] : []), ...MATCHING_SHARDS],
    nodeOf: async (victim) =>
      victim === 'order' ? 'order' : await untilLeaderOf({ account, matching }[victim]),
    async untilLed() {
      const isLed = async () => isWholeCluster(await cluster.getCluster({}), hasStandbys);
      await waitUntil(isLed, { what: 'a leader of each shard', ...LED });
    },
  };
}

function isWholeCluster({ table, statuses }: GetClusterResponse, hasStandbys: boolean): boolean {
  const reports = statuses.flatMap(({ shards }) => shards);
  const hasRole = (shardId: string, role: ShardRole) =>
    reports.some((report) => report.shardId === shardId && report.role === role);
  return (table?.shards ?? []).every(
    ({ shardId }) =>
      hasRole(shardId, ShardRole.LEADER) && (!hasStandbys || hasRole(shardId, ShardRole.STANDBY)),
  );
}

/** The name of an account that a shard owns. */
function nameAt(owners: readonly string[], shardId: string): string {
  for (let index = 0; ; index++) {
    const name = `kills-${index}`;
    if (owners[slotOf(name)] === shardId) return name;
  }
}

/**
 * Waits until every hold has its open order and every open order its hold, confirmed, what is held
 * is the sum of the holds, and the book has those orders and no others.
 *
 * @throws Error with what cannot be explained
 */
export async function untilExplained(venue: Venue): Promise<void> {
  let found: readonly string[] = [];
  const isExplained = async () => {
    found = await findUnexplained(venue);
    return found.length === 0;
  };
  const options = { what: 'holds and orders to agree', deadlineMs: EXPLAINED_DEADLINE_MS };
  await waitUntil(isExplained, { ...options, pollMs: 50 }).catch((cause: unknown) => {
    throw new Error(`not explained: ${found.join('; ')}`, { cause });
  });
}

async function findUnexplained(venue: Venue): Promise<string[]> {
  const { mesh, market, alice, bob } = venue;
  const found: string[] = [];
  let openUnits = 0n;
  for (const accountId of [alice, bob]) {
    const page = { accountId, pageSize: PAGE_SIZE };
    const { orders } = await mesh.orders.listOrders({ ...page, openOnly: true });
    const { holds } = await mesh.accounts.listHolds(page);
    const { balances } = await mesh.accounts.getBalances({ accountId });
    const held = new Map<string, bigint>();
    for (const { orderId, clientOrderId, assetId, amount, state } of holds) {
      held.set(assetId, (held.get(assetId) ?? 0n) + unitsOf(amount));
      if (state !== HoldState.CONFIRMED) found.push(`${clientOrderId} is only placed`);
      if (!orders.some((order) => order.orderId === orderId)) {
        found.push(`${clientOrderId} is held for and not open`);
      }
    }
    for (const { orderId, clientOrderId, status, remainingQuantity } of orders) {
      openUnits += unitsOf(remainingQuantity);
      if (!OPEN.has(status)) found.push(`${clientOrderId} has status ${status}`);
      if (!holds.some((hold) => hold.orderId === orderId)) {
        found.push(`${clientOrderId} is open and nothing is held for it`);
      }
    }
    for (const balance of balances) {
      const sum = held.get(balance.assetId) ?? 0n;
      if (unitsOf(balance.held) !== sum) found.push(`${balance.held} ${balance.assetId} is held`);
    }
  }
  const { instrumentId } = market;
  const { bids, asks, stale } = await mesh.marketData.getOrderBook({ instrumentId });
  const inBook = [...bids, ...asks].reduce((sum, { quantity }) => sum + unitsOf(quantity), 0n);
  if (stale) found.push('the book is stale');
  if (inBook !== openUnits) found.push(`${openUnits} open, ${inBook} in the book`);
  return found;
}

/** A decimal in units of 10^-8. */
function unitsOf(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(SCALE, '0'));
}
