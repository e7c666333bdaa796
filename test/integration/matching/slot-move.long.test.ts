// The slot of an instrument moves to another shard and back while clients trade in it: nothing is
// lost, nothing happens twice, and every call succeeds at the latest when it is tried again.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { untilMoved } from '../../support/slot-moves.ts';
import { createAccount, createMarket, limit, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

const MOVES = 4;
const SHARDS = ['matching-1', 'matching-2'] as const;

let mesh: Mesh;
let market: Market;
let buyer: string;
let seller: string;

beforeAll(async () => {
  mesh = await startMesh();
  market = await createMarket(mesh);
  buyer = await createAccount(mesh, { [market.quoteAssetId]: '1000000' });
  seller = await createAccount(mesh, { [market.baseAssetId]: '10000' });
}, 150_000);
afterAll(() => mesh?.stop(), 30_000);

async function moveTo(targetShardId: string): Promise<number | undefined> {
  const cluster = mesh.clientAt(ClusterAdminService, 'coordinator');
  const { instrumentId } = market;
  const [begun] = (await cluster.moveSlots({ instrumentId, targetShardId })).moves;
  if (begun === undefined) return undefined;
  const move = await untilMoved(cluster, begun.moveId);
  return Number(move.pauseUs ?? 0n) / 1_000;
}

test('MOV-2, MOV-3, MOV-4, MOV-6: a book moves to and fro while it is traded', async () => {
  let isRunning = true;
  const placed: string[] = [];
  const failures: unknown[] = [];
  const trade = async (accountId: string, texts: readonly string[]): Promise<void> => {
    for (let count = 0; isRunning; count += 1) {
      const order = limit(market, accountId, texts[count % texts.length] as string);
      try {
        const answer = await mesh.orders.placeOrder(order);
        placed.push(answer.order?.orderId ?? '');
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const clients = [
    trade(buyer, ['buy 1 at 100', 'buy 0.5 at 99', 'buy 0.1 at 90']),
    trade(seller, ['sell 1 at 100', 'sell 0.5 at 101']),
  ];
  const pauses: number[] = [];
  for (let time = 0; pauses.length < MOVES && time < MOVES * 2; time += 1) {
    const before = placed.length;
    const pause = await moveTo(SHARDS[time % 2] as string);
    if (pause !== undefined) pauses.push(pause);
    await waitUntil(() => placed.length > before + 20, { what: 'orders to go on' });
  }
  isRunning = false;
  await Promise.all(clients);

  expect(failures).toEqual([]);
  expect(pauses).toHaveLength(MOVES);
  expect(new Set(placed).size).toBe(placed.length);
  // Whatever was acknowledged is there, once, and both sides of every trade are settled.
  const ordersOf = async (accountId: string) => {
    const ids: string[] = [];
    for (let pageToken = ''; ; ) {
      const page = await mesh.orders.listOrders({ accountId, pageSize: 500, pageToken });
      ids.push(...page.orders.map(({ orderId }) => orderId));
      pageToken = page.nextPageToken;
      if (pageToken === '') return ids;
    }
  };
  const known = [...(await ordersOf(buyer)), ...(await ordersOf(seller))];
  expect(known.sort()).toEqual([...placed].sort());
  const base = async (accountId: string) => {
    const { balances } = await mesh.accounts.getBalances({ accountId });
    return Number(balances.find(({ assetId }) => assetId === market.baseAssetId)?.total ?? 0);
  };
  const isSettled = async () => (await base(buyer)) + (await base(seller)) === 10_000;
  await waitUntil(isSettled, { what: 'both sides of every trade' });
  // The book that market data shows is the one of the orders.
  const { instrumentId } = market;
  const { bids, asks } = await mesh.marketData.getOrderBook({ instrumentId, depth: 50 });
  expect(bids.length + asks.length).toBeGreaterThan(0);
}, 150_000);
