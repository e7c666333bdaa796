// Settlement between real processes: money from what was acknowledged is usable at once, and
// nothing is lost or booked twice whoever is killed.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Event } from '../../../gen/bourse/ledger/v1/event_pb.ts';
import { LedgerService } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { OrderStatus, RejectReason } from '../../../gen/bourse/type/v1/order_pb.ts';
import { formatDecimal } from '../../../services/lib/base/decimal.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { type ItemInit, openSubmitStream } from '../../support/submit-stream.ts';
import {
  balanceOf,
  createAccount,
  createMarket,
  limit,
  type Market,
} from '../../support/trading.ts';

const UNAVAILABLE = 14;

let mesh: Mesh;

beforeAll(async () => {
  mesh = await startMesh();
}, 120_000);
afterAll(async () => {
  await mesh?.stop();
}, 30_000);

/** Repeats a call with the same ids for as long as its reason says that this is safe or needed. */
async function persistently<T>(call: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const isOver = Date.now() > deadline;
      if (!(error instanceof OperatingError) || isOver) throw error;
      if (error.retryAdvice !== 'safe' && error.retryAdvice !== 'repeat') throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

type Request = ReturnType<typeof limit>;

async function place(request: Request) {
  const { order } = await persistently(() => mesh.orders.placeOrder(request));
  return order;
}

describe('money that was acknowledged', () => {
  test('SET-4 a whole balance is quoted, canceled and quoted again, without a wait', async () => {
    const at = await createMarket(mesh, { makerFeeBps: '0', takerFeeBps: '0' });
    const alice = await createAccount(mesh, { [at.quoteAssetId]: '100' });
    const { instrumentId } = at;
    const statuses: (OrderStatus | undefined)[] = [];
    for (let round = 0; round < 30; round += 1) {
      const request = limit(at, alice, `buy 1 at ${100 - (round % 2) * 50}`, {
        ...(round % 2 === 0 ? {} : { orderQuantity: { case: 'quantity', value: '2' } }),
      });
      const order = await place(request);
      statuses.push(order?.status);
      const id = { case: 'orderId', value: order?.orderId ?? '' } as const;
      const named = { accountId: alice, order: { instrumentId, id } };
      await persistently(() => mesh.orders.cancelOrder(named));
    }
    expect(new Set(statuses)).toEqual(new Set([OrderStatus.ACTIVE]));
  }, 60_000);

  test('SET-4 a whole balance is quoted again in the batch that cancels it', async () => {
    const at = await createMarket(mesh, { makerFeeBps: '0', takerFeeBps: '0' });
    const alice = await createAccount(mesh, { [at.quoteAssetId]: '100' });
    const stream = openSubmitStream(mesh);
    const { instrumentId } = at;
    const outcomes: unknown[] = [];
    for (let round = 0; round < 10; round += 1) {
      const quote = (clientOrderId: string): ItemInit => ({
        request: {
          case: 'placeOrder',
          value: limit(at, alice, 'buy 1 at 100', { clientOrderId }),
        },
      });
      const cancel = (clientOrderId: string): ItemInit => {
        const id = { case: 'clientOrderId', value: clientOrderId } as const;
        const value = { accountId: alice, order: { instrumentId, id } };
        return { request: { case: 'cancelOrder', value } };
      };
      const [one, two] = [`b${round}-one`, `b${round}-two`];
      const { results } = await stream.submit([quote(one), cancel(one), quote(two), cancel(two)]);
      for (const { result } of results) {
        // Settlement was behind on a busy machine; nothing was done.
        if (result.case === 'error' && result.value.code === UNAVAILABLE) continue;
        outcomes.push(
          result.case === 'placeOrder' ? result.value.order?.rejectReason : result.case,
        );
      }
    }
    await stream.close();
    expect(new Set(outcomes)).toEqual(new Set([RejectReason.UNSPECIFIED, 'cancelOrder']));
  }, 60_000);

  test('SET-4 what a fill brought is spent at once, back and forth', async () => {
    const at = await createMarket(mesh, { makerFeeBps: '0', takerFeeBps: '0' });
    let seller = await createAccount(mesh, { [at.baseAssetId]: '1' });
    let buyer = await createAccount(mesh, { [at.quoteAssetId]: '100' });
    const statuses: (OrderStatus | undefined)[] = [];
    for (let round = 0; round < 15; round += 1) {
      const resting = await place(limit(at, seller, 'sell 1 at 100'));
      const taking = await place(limit(at, buyer, 'buy 1 at 100'));
      statuses.push(resting?.status, taking?.status);
      [seller, buyer] = [buyer, seller];
    }
    expect(new Set(statuses)).toEqual(new Set([OrderStatus.ACTIVE, OrderStatus.FILLED]));
  }, 60_000);
});

describe('whoever is killed', () => {
  test('SET-1 LED-1 LED-2 LED-3 CON-3 every fill is booked once, every hold is explained', async () => {
    const at = await createMarket(mesh, { makerFeeBps: '1', takerFeeBps: '2' });
    const funds = { [at.quoteAssetId]: '1000000', [at.baseAssetId]: '1000' };
    const traders = [await createAccount(mesh, funds), await createAccount(mesh, funds)];
    let isOver = false;
    const trade = async (trader: string, seed: number): Promise<number> => {
      let placed = 0;
      for (let round = seed; !isOver; round += 7) {
        const side = round % 2 === 0 ? 'buy' : 'sell';
        const price = 100 + (round % 5);
        await place(limit(at, trader, `${side} ${1 + (round % 3)} at ${price}`));
        placed += 1;
      }
      return placed;
    };
    const trading = Promise.all(traders.map((trader, index) => trade(trader, index)));
    for (const nodeId of ['account-1', 'matching-1', 'account-1', 'matching-2']) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      await mesh.kill(nodeId);
      await mesh.start(nodeId);
    }
    isOver = true;
    const placed = (await trading).reduce((sum, count) => sum + count, 0);
    expect(placed).toBeGreaterThan(10);
    await expectBalanced(at, traders);
  }, 180_000);
});

/** Compares what clients see with what follows from all events of the account shard. */
async function expectBalanced(at: Market, traders: readonly string[]): Promise<void> {
  const shown: Record<string, [string, string, string]> = {};
  for (const trader of traders) {
    for (const assetId of [at.baseAssetId, at.quoteAssetId]) {
      shown[`${trader} ${assetId}`] = await persistently(() => balanceOf(mesh, trader, assetId));
    }
  }
  const ledger = await readLedger();
  const derived: Record<string, [string, string, string]> = {};
  for (const trader of traders) {
    for (const assetId of [at.baseAssetId, at.quoteAssetId]) {
      const { total, held } = ledger.balance(trader, assetId);
      const texts = [total, total - held, held].map((units) => formatDecimal(units, 8));
      derived[`${trader} ${assetId}`] = texts as [string, string, string];
    }
  }
  expect(shown).toEqual(derived);
  const sum = (assetId: string) =>
    traders.reduce((units, trader) => units + ledger.balance(trader, assetId).total, 0n);
  expect(sum(at.baseAssetId)).toBe(2_000n * 10n ** 8n);
  expect(sum(at.quoteAssetId) + ledger.fees).toBe(2_000_000n * 10n ** 8n);
  expect(ledger.problems).toEqual([]);
  for (const trader of traders) {
    const { holds } = await persistently(() =>
      mesh.accounts.listHolds({ accountId: trader, pageSize: 1000 }),
    );
    const heldBy = (assetId: string) =>
      holds
        .filter((hold) => hold.assetId === assetId)
        .reduce((units, hold) => units + BigInt(Math.round(Number(hold.amount) * 1e8)), 0n);
    for (const assetId of [at.baseAssetId, at.quoteAssetId]) {
      expect(heldBy(assetId)).toBe(ledger.balance(trader, assetId).held);
    }
  }
}

type Money = { total: bigint; held: bigint };

/** Everything that the events of the account shards say, from the first one on. */
async function readLedger() {
  const accounts = new Map<number, string>();
  const assets = new Map<number, string>();
  const balances = new Map<string, Money>();
  const seen = new Set<string>();
  const lastSequences = new Map<string, bigint>();
  const problems: string[] = [];
  let fees = 0n;

  const take = (event: Event): void => {
    const { kind, accountNumber } = event;
    if (kind.case === 'accountCreated') accounts.set(accountNumber, kind.value.accountId);
    if (kind.case === 'assetSet') assets.set(kind.value.assetNumber, kind.value.assetId);
    if (kind.case === 'suspensePosted') problems.push('something went to suspense');
    for (const { assetNumber, totalUnits, heldUnits } of event.balances) {
      const key = `${accounts.get(accountNumber)} ${assets.get(assetNumber)}`;
      balances.set(key, { total: totalUnits, held: heldUnits });
    }
    if (kind.case !== 'orderExecuted') return;
    const { record, fill, instrumentSequence, previousInstrumentSequence } = kind.value;
    fees += fill?.feeUnits ?? 0n;
    const instrument = `${accountNumber} ${record?.terms?.instrumentNumber}`;
    const report = `${instrument} ${instrumentSequence} ${record?.placement}`;
    if (seen.has(report)) problems.push(`twice: ${report}`);
    seen.add(report);
    const last = lastSequences.get(instrument) ?? 0n;
    if (last !== previousInstrumentSequence) problems.push(`gap before ${report}`);
    lastSequences.set(instrument, instrumentSequence);
  };

  const ledger = mesh.clientAt(LedgerService, 'account-1');
  for (const shardId of ['account-1', 'account-2']) {
    const request = { shardId, fromSequence: 1n };
    const stream = ledger.streamEvents(request, { signal: AbortSignal.timeout(20_000) });
    let next = 1n;
    for await (const response of stream) {
      for (const entry of response.entries) {
        if (entry.firstSequence !== next) problems.push(`a gap of events at ${next}`);
        for (const event of entry.events) take(event);
        next = entry.firstSequence + BigInt(entry.events.length);
      }
      if (response.entries.length === 0) break;
    }
  }
  const balance = (accountId: string, assetId: string): Money =>
    balances.get(`${accountId} ${assetId}`) ?? { total: 0n, held: 0n };
  return { balance, fees, problems };
}
