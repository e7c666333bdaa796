// An account shard is added while two clients trade, on another process than theirs, and their
// slots move to it: nothing is lost, nothing happens twice, the sums are right.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { ShardKind } from '../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { untilMoved } from '../../support/slot-moves.ts';
import {
  balanceOf,
  createAccount,
  createMarket,
  limit,
  type Market,
} from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

const ADDED = 'account-3';

let mesh: Mesh;
let market: Market;
let buyer: string;
let seller: string;

beforeAll(async () => {
  mesh = await startMesh({ env: { BOURSE_ACCOUNT_SHARDS: '2', BOURSE_ACCOUNT_NODES: '2' } });
  market = await createMarket(mesh, { makerFeeBps: '0', takerFeeBps: '0' });
  buyer = await createAccount(mesh, { [market.quoteAssetId]: '1000000' });
  seller = await createAccount(mesh, { [market.baseAssetId]: '10000' });
}, 150_000);
afterAll(() => mesh?.stop(), 30_000);

const cluster = () => mesh.clientAt(ClusterAdminService, 'coordinator');

async function moveTo(accountId: string, targetShardId: string): Promise<void> {
  const slots = [slotOf(accountId)];
  const [begun] = (await cluster().moveSlots({ kind: ShardKind.ACCOUNT, slots, targetShardId }))
    .moves;
  expect(begun).toBeDefined();
  await untilMoved(cluster(), begun?.moveId ?? '');
}

/** How far each shard's settlement has come in the logs of others, by consumer and log. */
async function confirmed(): Promise<ReadonlyMap<string, number>> {
  const database = new pg.Client({ connectionString: mesh.databaseUrl });
  await database.connect();
  try {
    const { rows } = await database.query('SELECT shard_id, consumer, sequence FROM log_consumer');
    return new Map(rows.map((row) => [`${row.consumer} in ${row.shard_id}`, Number(row.sequence)]));
  } finally {
    await database.end();
  }
}

/** Two clients that trade until they are told to stop. */
function trade() {
  const state = { isRunning: true, placed: [] as string[], failures: [] as unknown[] };
  const client = async (accountId: string, texts: readonly string[]): Promise<void> => {
    for (let count = 0; state.isRunning; count += 1) {
      const order = limit(market, accountId, texts[count % texts.length] as string);
      try {
        const answer = await mesh.orders.placeOrder(order);
        state.placed.push(answer.order?.orderId ?? '');
      } catch (error) {
        state.failures.push(error);
      }
    }
  };
  const clients = [
    client(buyer, ['buy 1 at 100', 'buy 0.5 at 99', 'buy 0.1 at 90']),
    client(seller, ['sell 1 at 100', 'sell 0.5 at 101']),
  ];
  return { state, ended: Promise.all(clients) };
}

async function transferred(accountId: string, toAccountId: string, assetId: string): Promise<void> {
  const request = { accountId, toAccountId, assetId, amount: '1' };
  expect(await mesh.accounts.transfer(request)).toMatchObject({ credited: true });
}

test('MOV-8, LED-3, LED-5, CRD-5: a new account shard takes accounts over while they trade', async () => {
  const { quoteAssetId, baseAssetId, instrumentId } = market;
  const tiers = [{ minimumNotional: '0', makerFeeBps: '1', takerFeeBps: '2', auctionFeeBps: '1' }];
  await mesh.accountAdmin.setFeeSchedule({ tiers });
  const { state, ended } = trade();
  await waitUntil(() => state.placed.length > 20, { what: 'orders' });

  const before = state.placed.length;
  await cluster().addShard({ kind: ShardKind.ACCOUNT, shardId: ADDED });
  await moveTo(buyer, ADDED);
  await waitUntil(() => state.placed.length > before + 20, { what: 'orders to go on' });
  // Between the shards, both ways: each follows what the other sends.
  await transferred(buyer, seller, quoteAssetId);
  await transferred(seller, buyer, baseAssetId);
  await moveTo(seller, ADDED);
  await transferred(buyer, seller, quoteAssetId);
  const fresh = `fresh-${Date.now()}`;
  await mesh.accountAdmin.createAccount({ accountId: fresh });
  await transferred(buyer, fresh, quoteAssetId);
  const after = state.placed.length;
  await waitUntil(() => state.placed.length > after + 20, { what: 'orders to go on' });
  state.isRunning = false;
  await ended;

  expect(state.failures).toEqual([]);
  expect(new Set(state.placed).size).toBe(state.placed.length);
  // It knows the fees that were set for everybody before it was there.
  const { scheduled } = await mesh.accounts.getFees({ accountId: buyer, instrumentId });
  expect(scheduled).toBe(true);
  const base = async (accountId: string) =>
    Number((await balanceOf(mesh, accountId, baseAssetId))[0]);
  const isSettled = async () => (await base(buyer)) + (await base(seller)) === 10_000;
  await waitUntil(isSettled, { what: 'both sides of every trade' });
  const { breaks, sources } = await mesh.accountAdmin.auditLedger({ full: true });
  expect(breaks).toEqual([]);
  expect(sources.map(({ shardId }) => shardId)).toContain(ADDED);

  // Everybody who settles is known to the logs, the new one behind what was before it.
  const wanted = [
    ...['matching-1', 'matching-2', 'account-1', 'account-2'].map(
      (shardId) => [ADDED, shardId] as const,
    ),
    ...['account-1', 'account-2'].map((of) => [of, ADDED] as const),
  ];
  await waitUntil(
    async () => {
      const places = await confirmed();
      return wanted.every(([of, shardId]) => places.has(`settlement of ${of} in ${shardId}`));
    },
    { what: 'all to have said how far they are' },
  );
  const places = await confirmed();
  for (const shardId of ['matching-1', 'matching-2', 'account-1', 'account-2']) {
    expect(places.get(`settlement of ${ADDED} in ${shardId}`)).toBeGreaterThan(0);
  }
}, 200_000);
