// The slots of two accounts move to another shard and back while they trade: nothing is lost,
// nothing happens twice, money is conserved.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { ShardKind } from '../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { untilMoved } from '../../support/slot-moves.ts';
import { createAccount, createMarket, limit, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

const MOVES = 4;
const SHARDS = ['account-1', 'account-2'] as const;

let mesh: Mesh;
let market: Market;
let buyer: string;
let seller: string;

beforeAll(async () => {
  mesh = await startMesh({ env: { BOURSE_ACCOUNT_SHARDS: '2' } });
  market = await createMarket(mesh);
  buyer = await createAccount(mesh, { [market.quoteAssetId]: '1000000' });
  seller = await createAccount(mesh, { [market.baseAssetId]: '10000' });
}, 150_000);
afterAll(() => mesh?.stop(), 30_000);

async function moveTo(accountId: string, targetShardId: string): Promise<number | undefined> {
  const cluster = mesh.clientAt(ClusterAdminService, 'coordinator');
  const [begun] = (
    await cluster.moveSlots({ kind: ShardKind.ACCOUNT, slots: [slotOf(accountId)], targetShardId })
  ).moves;
  if (begun === undefined) return undefined;
  const move = await untilMoved(cluster, begun.moveId);
  return Number(move.pauseUs ?? 0n) / 1_000;
}

test('MOV-3, MOV-7, LED-3, LED-5, AUD-1, POS-1: accounts move to and fro while they trade', async () => {
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
    const accountId = time % 4 < 2 ? buyer : seller;
    const pause = await moveTo(accountId, SHARDS[time % 2] as string);
    if (pause !== undefined) pauses.push(pause);
    await waitUntil(() => placed.length > before + 20, { what: 'orders to go on' });
  }
  isRunning = false;
  await Promise.all(clients);

  expect(failures).toEqual([]);
  expect(pauses).toHaveLength(MOVES);
  expect(new Set(placed).size).toBe(placed.length);
  const base = async (accountId: string) => {
    const { balances } = await mesh.accounts.getBalances({ accountId });
    return Number(balances.find(({ assetId }) => assetId === market.baseAssetId)?.total ?? 0);
  };
  const isSettled = async () => (await base(buyer)) + (await base(seller)) === 10_000;
  await waitUntil(isSettled, { what: 'both sides of every trade' });
  const { breaks } = await mesh.accountAdmin.auditLedger({});
  expect(breaks).toEqual([]);
  for (const accountId of [buyer, seller]) await expectWholePast(accountId);
}, 200_000);

/** The logs of all shards that an account was on make one statement, to the unit (AUD-1, POS-1). */
async function expectWholePast(accountId: string): Promise<void> {
  const { balances } = await mesh.accounts.getBalances({ accountId });
  const sums = new Map<string, number>();
  let [pageToken, isCut, earlier] = ['', false, Number.POSITIVE_INFINITY];
  do {
    const page = await mesh.accounts.listPostings({ accountId, pageSize: 1_000, pageToken });
    for (const { assetId, amount, totalAfter, sequence } of page.postings) {
      const total = balances.find((balance) => balance.assetId === assetId)?.total;
      // Newest first: what comes after a posting is what the balance has beyond it.
      expect(Number(total) - Number(totalAfter)).toBeCloseTo(sums.get(assetId) ?? 0, 6);
      sums.set(assetId, (sums.get(assetId) ?? 0) + Number(amount));
      expect(Number(sequence)).toBeLessThanOrEqual(earlier);
      earlier = Number(sequence);
    }
    [pageToken, isCut] = [page.nextPageToken, page.beyondWindow];
  } while (pageToken !== '');
  expect(isCut).toBe(false);
  for (const { assetId, total } of balances) {
    expect(sums.get(assetId) ?? 0).toBeCloseTo(Number(total), 6);
  }
  const { positions, beyondWindow } = await mesh.accounts.listPositions({ accountId });
  const deposited = accountId === seller ? 10_000 : 0;
  const base = balances.find(({ assetId }) => assetId === market.baseAssetId)?.total;
  expect(beyondWindow).toBe(false);
  expect(Number(positions[0]?.quantity)).toBeCloseTo(Number(base ?? 0) - deposited, 6);
}
