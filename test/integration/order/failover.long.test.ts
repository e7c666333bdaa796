// Leaders that are killed, stopped and handed over under a load of orders, with a standby for each
// shard, and instruments that move: what clients see of it is a delay (MOV-9, CON-2, CON-3).

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AccountService } from '../../../gen/bourse/account/v1/service_pb.ts';
import { MoveState } from '../../../gen/bourse/coordinator/v1/move_pb.ts';
import { CandleInterval } from '../../../gen/bourse/marketdata/v1/market_data_pb.ts';
import { OrderType, Side } from '../../../gen/bourse/type/v1/order_pb.ts';
import { createRpcChannel, type RpcChannel } from '../../../services/lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { patiently } from '../../../services/simulator/adapter/patience.ts';
import { audit } from '../../chaos/audit.ts';
import { FeedWatcher } from '../../chaos/feeds.ts';
import { gapMs, startLoad } from '../../chaos/load.ts';
import { type ChaosInstrument, type ChaosMarket, openChaosMarket } from '../../chaos/market.ts';
import { type ChaosMesh, type Led, type NodeId, startChaosMesh } from '../../chaos/mesh.ts';
import { waitUntil } from '../../support/wait.ts';
import { AccountWatcher } from './account-watcher.ts';

const CLIENTS = 4;
const WATCHED_ACCOUNTS = 6;
/** Quiet before and after each change. */
const SETTLE_MS = 1_000;
const LED_AGAIN_MS = 30_000;

let mesh: ChaosMesh;
let market: ChaosMarket;
const channels: RpcChannel[] = [];

beforeAll(async () => {
  mesh = await startChaosMesh();
  market = await openChaosMarket(mesh);
}, 180_000);
afterAll(async () => {
  for (const channel of channels) channel.close();
  await mesh?.stop();
}, 60_000);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function leaderOf(kind: 'matching' | 'account'): Promise<Led> {
  await mesh.healthy();
  const led = [...(await mesh.leaders()).values()].find(({ shardId }) => shardId.startsWith(kind));
  if (led === undefined) throw new Error(`no ${kind} shard is led`);
  return led;
}

async function untilLedSince({ shardId, epoch }: Led): Promise<void> {
  const isLedAgain = async () => ((await mesh.leaders()).get(shardId)?.epoch ?? 0) > epoch;
  await waitUntil(isLedAgain, { what: `${shardId} to be led again`, deadlineMs: LED_AGAIN_MS });
  await pause(SETTLE_MS);
}

/** Accounts and their streams at nodes that stay: what another node leads is passed on by them. */
function watchAccounts(staying: NodeId): AccountWatcher[] {
  const channel = createRpcChannel(mesh.exchange.addressOf(staying));
  channels.push(channel);
  const accounts = createRpcClient(AccountService, channel);
  return market.accounts.slice(0, WATCHED_ACCOUNTS).map(({ accountId }, index) => {
    const orders = mesh.orders[index % mesh.orders.length];
    if (orders === undefined) throw new Error('there is no order process');
    return new AccountWatcher({ accountId, orders, accounts });
  });
}

/** The replica that was killed just now may still be on its way back. */
function handOver(shardId: string): Promise<unknown> {
  const options = { what: `a standby of ${shardId}`, deadlineMs: 30_000 };
  return waitUntil(() => mesh.services.cluster.transferLeadership({ shardId }), options);
}

/** Moves an instrument to the other matching shard; resolves when that is done. */
function moveInstrument({ instrumentId, shardId }: ChaosInstrument, index: number) {
  const targetShardId = shardId === 'matching-1' ? 'matching-2' : 'matching-1';
  return moveTo(targetShardId, instrumentId, `move-${index}`);
}

async function moveTo(targetShardId: string, instrumentId: string, clientRequestId: string) {
  const { cluster } = mesh.services;
  await patiently(() => cluster.moveSlots({ clientRequestId, instrumentId, targetShardId }));
  const isDone = async () => {
    const [move] = (await cluster.listMoves({ clientRequestId })).moves;
    if (move?.state === MoveState.ROLLED_BACK) throw new Error(move.rollBackReason);
    return move?.state === MoveState.DONE ? move : undefined;
  };
  return await waitUntil(isDone, { what: `the move of ${instrumentId}`, deadlineMs: 60_000 });
}

test('MOV-4 MOV-6 MOV-9 CON-2 CON-3 REP-4 REP-5 nobody misses anything while leaders change and instruments move', async () => {
  const accountLeader = await leaderOf('account');
  const other = accountLeader.nodeId === 'account-1' ? 'account-2' : 'account-1';
  const watchers = watchAccounts(other);
  const ids = market.instruments.map(({ instrumentId }) => instrumentId);
  const feeds = mesh.marketData.map((client, index) => new FeedWatcher(`${index}`, client, ids));
  const load = startLoad(mesh, market, { clients: CLIENTS, seed: 11 });
  await pause(2 * SETTLE_MS);
  const usual = gapMs(load.calls, performance.now() - SETTLE_MS, () => true);
  const gaps: Record<string, number> = { nothing: Math.round(usual) };
  const change = async (what: string, led: Led, act: () => Promise<unknown> | unknown) => {
    const atMs = performance.now();
    await act();
    await untilLedSince(led);
    gaps[what] = Math.round(gapMs(load.calls, atMs, () => true));
  };

  await change('account leader killed', accountLeader, () =>
    mesh.signal(accountLeader.nodeId as NodeId, 'SIGKILL'),
  );
  const matching = await leaderOf('matching');
  await change('matching leader killed', matching, () =>
    mesh.signal(matching.nodeId as NodeId, 'SIGKILL'),
  );
  const handed = await leaderOf('matching');
  await change('matching handed over', handed, () => handOver(handed.shardId));
  const account = await leaderOf('account');
  await change('account handed over', account, () => handOver(account.shardId));
  const hanging = await leaderOf('matching');
  await change('matching leader stands still', hanging, () =>
    mesh.signal(hanging.nodeId as NodeId, 'SIGSTOP'),
  );
  mesh.signal(hanging.nodeId as NodeId, 'SIGCONT');
  await pause(SETTLE_MS);
  await mesh.healthy();
  const atMs = performance.now();
  const moved = await Promise.all(market.instruments.map(moveInstrument));
  gaps['instruments moved'] = Math.round(gapMs(load.calls, atMs, () => true));
  await pause(SETTLE_MS);
  await load.stop();

  const report = await audit(mesh, market, load, feeds);
  await Promise.all([...feeds, ...watchers].map((watcher) => watcher.stop()));
  const pausesMs = moved.map(({ pauseUs }) => Math.round(Number(pauseUs ?? 0n) / 1_000));
  const told = `${JSON.stringify(gaps)}; pauses of moved slots: ${JSON.stringify(pausesMs)}`;
  process.stdout.write(`longest call around each change, ms: ${told}\n`);
  expect(report.violations).toEqual([]);
  expect(watchers.flatMap(({ violations }) => violations)).toEqual([]);
  for (const { reportCount, balanceCount } of watchers) {
    expect(reportCount).toBeGreaterThan(0);
    expect(balanceCount).toBeGreaterThan(0);
  }
}, 240_000);

test('HLD-2 the same request through another order process is a duplicate', async () => {
  const [first, second] = mesh.orders;
  const [instrument] = market.instruments;
  const [account] = market.accounts;
  const request = {
    accountId: account?.accountId ?? '',
    instrumentId: instrument?.instrumentId ?? '',
    clientOrderId: 'through-both',
    side: Side.BUY,
    type: OrderType.LIMIT,
    orderQuantity: { case: 'quantity' as const, value: '1' },
    price: '1',
  };
  const placed = await first?.placeOrder(request);
  const again = await second?.placeOrder(request);
  expect(placed?.duplicate).toBe(false);
  expect(again).toMatchObject({ duplicate: true, order: { orderId: placed?.order?.orderId } });
});

test('MOV-1 LOG-11 a mass cancel is one command to each slot, and is remembered where the slot goes', async () => {
  const [orders, other] = mesh.orders;
  const [account] = market.accounts;
  const [first, second] = ['matching-1', 'matching-2'].map((shardId) =>
    market.instruments.find((instrument) => instrument.shardId === shardId),
  );
  if (!(orders && other && account && first && second)) throw new Error('the market is too small');
  const { accountId } = account;
  const place = ({ instrumentId }: ChaosInstrument, clientOrderId: string) =>
    orders.placeOrder({
      ...{ accountId, instrumentId, clientOrderId, side: Side.BUY, type: OrderType.LIMIT },
      ...{ orderQuantity: { case: 'quantity' as const, value: '1' }, price: '1' },
    });
  await orders.cancelAllOrders({ accountId });
  await place(first, 'mass-1');
  await place(second, 'mass-2');
  const request = { accountId, clientRequestId: 'mass' };
  const canceled = await orders.cancelAllOrders(request);
  expect(canceled).toMatchObject({ canceledCount: 2, duplicate: false });
  expect(canceled.results.map(({ instrumentId }) => instrumentId).sort()).toEqual(
    [first.instrumentId, second.instrumentId].sort(),
  );

  // Both have moved before: it goes back to where it was, to the other one's former shard.
  await moveTo(first.shardId, first.instrumentId, 'mass-move');
  const later = await Promise.all([place(first, 'mass-3'), place(second, 'mass-4')]);
  const again = await other.cancelAllOrders(request);
  expect(again).toMatchObject({ canceledCount: 2, duplicate: true });
  const open = await orders.listOrders({ accountId, openOnly: true });
  expect(open.orders.map(({ orderId }) => orderId).sort()).toEqual(
    later.map(({ order }) => order?.orderId).sort(),
  );
}, 60_000);

test('CON-2 a token of one market data process is good at the other, without a repeat', async () => {
  const [first, second] = mesh.marketData;
  const [instrument] = market.instruments;
  const instrumentIds = [instrument?.instrumentId ?? ''];
  let token = '';
  let place = 0n;
  for await (const { resumeToken, message } of first?.streamTrades({ instrumentIds }) ?? []) {
    if (message.case === 'snapshot') place = message.value.places[0]?.sequence ?? 0n;
    token = resumeToken;
    if (message.case === 'snapshot') break;
  }
  const resumed: unknown[] = [];
  for await (const { message } of second?.streamTrades({ instrumentIds, resumeToken: token }) ??
    []) {
    resumed.push(message.case);
    if (message.case === 'heartbeat') break;
  }
  expect(place).toBeGreaterThan(0n);
  expect(resumed).toEqual(['started', 'heartbeat']);
}, 15_000);

test('CON-1 a market data process that is killed goes on from its tables as if nothing had been', async () => {
  const { launcher } = mesh.exchange;
  const [first, second] = mesh.marketData;
  if (first === undefined || second === undefined) throw new Error('there are no two processes');
  const instrumentId = market.instruments[0]?.instrumentId ?? '';
  const everything = async (client: typeof first) => ({
    book: await client.getOrderBook({ instrumentId, depth: 1_000 }),
    trades: await client.listTrades({ instrumentId, pageSize: 1_000 }),
    minutes: await client.listCandles({
      instrumentId,
      interval: CandleInterval.CANDLE_INTERVAL_1M,
    }),
    days: await client.listCandles({ instrumentId, interval: CandleInterval.CANDLE_INTERVAL_1D }),
  });
  const loadedFrom = (): number[] =>
    launcher
      .logOf('marketdata')
      .split('\n')
      .filter((line) => line.includes('goes on from its tables'))
      .map((line) => Math.max(...(Object.values(JSON.parse(line).sequences) as number[])));
  const starts = loadedFrom().length;
  mesh.signal('marketdata', 'SIGKILL');
  await waitUntil(() => loadedFrom().length > starts, { what: 'a new start', deadlineMs: 30_000 });
  const again = await waitUntil(() => everything(first), { what: 'it', deadlineMs: 30_000 });
  expect(loadedFrom().at(-1)).toBeGreaterThan(0);
  expect(again.trades.trades.length).toBeGreaterThan(0);
  const other = await everything(second);
  const { stale: _, ...book } = again.book;
  expect(other).toMatchObject({ ...again, book });
}, 90_000);
