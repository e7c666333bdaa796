// Two account shards between real processes: what users see is one exchange.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AccountState, PostingKind } from '../../../gen/bourse/account/v1/account_pb.ts';
import { LedgerBreakKind } from '../../../gen/bourse/account/v1/admin_service_pb.ts';
import type { Command, CommandSchema } from '../../../gen/bourse/ledger/v1/command_pb.ts';
import { LedgerService } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import {
  OrderStatus,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../../gen/bourse/type/v1/order_pb.ts';
import { assignSlots } from '../../../services/lib/routing/rendezvous.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { balanceOf, createMarket, limit, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';
import { testBusts } from './busts.suite.ts';

type CommandInit = Exclude<MessageInitShape<typeof CommandSchema>, Command>;

const SHARDS = ['account-1', 'account-2'];
const owners = assignSlots(SHARDS);

let mesh: Mesh;
let market: Market;
let [alice, bob] = ['', ''];

beforeAll(async () => {
  mesh = await startMesh({ env: { BOURSE_ACCOUNT_SHARDS: '2' } });
  market = await createMarket(mesh, { makerFeeBps: '0', takerFeeBps: '0' });
  alice = await accountOf('account-1', { [market.quoteAssetId]: '1000' });
  bob = await accountOf('account-2', { [market.baseAssetId]: '10' });
}, 120_000);
afterAll(async () => {
  await mesh?.stop();
}, 30_000);

let count = 0;
let created = 0;

/** An account of a shard, with money. */
async function accountOf(shardId: string, amounts: Readonly<Record<string, string>> = {}) {
  for (;;) {
    count += 1;
    const accountId = `account-${count}`;
    if (owners[slotOf(accountId)] !== shardId) continue;
    await mesh.accountAdmin.createAccount({ accountId });
    created += 1;
    for (const [assetId, amount] of Object.entries(amounts)) {
      await mesh.accountAdmin.deposit({ accountId, assetId, amount });
    }
    return accountId;
  }
}

async function totalOf(accountId: string, assetId: string): Promise<string> {
  const [total = ''] = await balanceOf(mesh, accountId, assetId);
  return total;
}

/** Proposes a command to an account shard, as another node of the mesh could. */
async function propose(shardId: string, kind: NonNullable<CommandInit['kind']>): Promise<void> {
  const proposal = {
    number: 1n,
    identity: `test/${Math.random()}`,
    validUntilUs: BigInt(Date.now() + 30_000) * 1_000n,
    command: { kind },
  };
  async function* requests() {
    yield { shardId, proposals: [proposal] };
    await new Promise((resolve) => setTimeout(resolve, 5_000));
  }
  for await (const { results } of mesh.clientAt(LedgerService, 'account-1').propose(requests())) {
    expect(results[0]?.kind.case).toBe('committed');
    return;
  }
}

describe('accounts of two shards', () => {
  test('LED-3 SET-1 trade with one another, and both see it at once', async () => {
    await mesh.orders.placeOrder(limit(market, bob, 'sell 1 at 10'));
    const { order } = await mesh.orders.placeOrder(limit(market, alice, 'buy 1 at 10'));
    expect(order?.filledQuantity).toBe('1');
    expect(await totalOf(alice, market.quoteAssetId)).toBe('990');
    expect(await totalOf(alice, market.baseAssetId)).toBe('1');
    expect(await totalOf(bob, market.quoteAssetId)).toBe('10');
    expect(await totalOf(bob, market.baseAssetId)).toBe('9');
  });

  test('LED-5 a transfer between them has arrived when it is answered', async () => {
    const assetId = market.quoteAssetId;
    const carol = await accountOf('account-2');
    const request = {
      ...{ accountId: alice, toAccountId: carol, assetId, amount: '100' },
      clientTransferId: 'to-carol',
    };
    const first = await mesh.accounts.transfer(request);
    expect(first).toMatchObject({ duplicate: false, credited: true });
    expect(await totalOf(carol, assetId)).toBe('100');
    const again = await mesh.accounts.transfer(request);
    expect(again).toMatchObject({ duplicate: true, credited: true, posting: first.posting });
    expect(await totalOf(carol, assetId)).toBe('100');

    const { postings } = await mesh.accounts.listPostings({ accountId: carol });
    expect(postings).toMatchObject([
      { kind: PostingKind.TRANSFER, amount: '100', totalAfter: '100', otherAccountId: alice },
    ]);
    const back = { accountId: carol, toAccountId: alice, assetId, amount: '100' };
    expect(await mesh.accounts.transfer(back)).toMatchObject({ credited: true });
    expect(await totalOf(carol, assetId)).toBe('0');
  });

  test('LED-5 to an account that is nowhere is refused, and nothing is moved', async () => {
    const assetId = market.quoteAssetId;
    const before = await balanceOf(mesh, alice, assetId);
    for (const toAccountId of ['nobody-1', 'nobody-2', 'nobody-3', 'nobody-4']) {
      const request = { accountId: alice, toAccountId, assetId, amount: '1' };
      await expect(mesh.accounts.transfer(request)).rejects.toMatchObject({
        reason: 'ACCOUNT_UNKNOWN',
        metadata: { account_id: toAccountId },
      });
    }
    expect(await balanceOf(mesh, alice, assetId)).toEqual(before);
  });

  test('LED-5 SET-1 what was sent arrives once, though the node is killed', async () => {
    const assetId = market.quoteAssetId;
    const dave = await accountOf('account-2');
    const total = Number(await totalOf(alice, assetId));
    const sends = Array.from({ length: 20 }, (_, n) => ({
      ...{ accountId: alice, toAccountId: dave, assetId, amount: '1' },
      clientTransferId: `kill-${n}`,
    }));
    const sent = sends.map((request) => mesh.accounts.transfer(request).catch(() => undefined));
    await sent[3];
    await mesh.kill('account-1');
    await Promise.all(sent);
    await mesh.start('account-1');
    for (const request of sends) {
      expect(await mesh.accounts.transfer(request)).toMatchObject({ credited: true });
    }
    expect(await totalOf(alice, assetId)).toBe(String(total - 20));
    expect(await totalOf(dave, assetId)).toBe('20');
  }, 60_000);
});

describe('a hold whose order service is gone before the order was delivered', () => {
  test.each([InstrumentState.CONTINUOUS, InstrumentState.HALTED])(
    'HLD-4 is released soon after its time, in instrument state %s',
    async (state) => {
      const { instrumentId, quoteAssetId } = await createMarket(mesh);
      await mesh.accountAdmin.deposit({ accountId: alice, assetId: quoteAssetId, amount: '100' });
      const comment = 'a test';
      await mesh.referenceAdmin.setInstrumentState({ instrumentId, state, comment });
      const { instrument } = await mesh.reference.getInstrument({ instrumentId });
      const { asset } = await mesh.reference.getAsset({ assetId: quoteAssetId });
      const clientOrderId = `orphan-${state}`;
      const validUntilUs = BigInt(Date.now() + 1_500) * 1_000n;
      await propose('account-1', {
        case: 'placeHold',
        value: {
          accountId: alice,
          clientOrderId,
          terms: {
            instrumentNumber: instrument?.instrumentNumber ?? 0,
            side: Side.BUY,
            type: OrderType.LIMIT,
            timeInForce: TimeInForce.GTC,
            selfTradePrevention: SelfTradePrevention.CANCEL_TAKER,
            quantityUnits: 1_000n,
            priceUnits: 500n,
            instrumentVersion: instrument?.version ?? 1n,
          },
          bodyHash: new Uint8Array(16),
          assetNumber: asset?.assetNumber ?? 0,
          amountUnits: 500_000_000n,
          validUntilUs,
        },
      });
      const heldOf = async () => (await balanceOf(mesh, alice, quoteAssetId))[2];
      expect(await heldOf()).toBe('5');
      await waitUntil(async () => (await heldOf()) === '0', { what: 'the orphan to be released' });
      expect(BigInt(Date.now()) * 1_000n).toBeGreaterThan(validUntilUs);
      const id = { case: 'clientOrderId', value: clientOrderId } as const;
      const found = await mesh.orders.getOrder({
        accountId: alice,
        order: { instrumentId, id },
      });
      expect(found.order).toMatchObject({
        status: OrderStatus.REJECTED,
        rejectReason: RejectReason.NOT_DELIVERED,
      });
    },
    30_000,
  );
});

describe('what operators set', () => {
  test('HLD-1 HLD-5 fees of everybody count on both shards, in previews too, and are those that are charged', async () => {
    const { instrumentId, quoteAssetId } = market;
    const fees = { makerFeeBps: '-1', takerFeeBps: '100', auctionFeeBps: '0' };
    const tiers = [{ minimumNotional: '0', ...fees }];
    const request = { instrumentId, tiers, clientRequestId: 'fees' };
    expect(await mesh.accountAdmin.setFeeSchedule(request)).toMatchObject({ duplicate: false });
    expect(await mesh.accountAdmin.setFeeSchedule(request)).toMatchObject({ duplicate: true });
    const other = { ...request, tiers: [] };
    await expect(mesh.accountAdmin.setFeeSchedule(other)).rejects.toMatchObject({
      reason: 'CLIENT_REQUEST_ID_ALREADY_EXISTS',
    });
    for (const accountId of [alice, bob]) {
      const answer = await mesh.accounts.getFees({ accountId, instrumentId });
      expect(answer).toMatchObject({ scheduled: true, tier: { takerFeeBps: '100' } });
    }
    const before = Number(await totalOf(alice, quoteAssetId));
    await mesh.orders.placeOrder(limit(market, bob, 'sell 1 at 10'));
    const order = limit(market, alice, 'buy 1 at 10');
    const preview = await mesh.orders.previewOrder({ order });
    expect(preview).toMatchObject({ holdAmount: '10.1', expectedFee: '0.1', rejectReason: 0 });
    await mesh.orders.placeOrder(limit(market, alice, 'buy 1 at 10'));
    expect(Number(await totalOf(alice, quoteAssetId))).toBeCloseTo(before - 10.1, 6);
    expect(await mesh.accountAdmin.setFeeSchedule({ instrumentId })).toMatchObject({
      duplicate: false,
    });
    const audit = await mesh.accountAdmin.auditLedger({ full: true });
    expect(audit).toMatchObject({ conserved: true, compared: true });
    const asset = audit.assets.find(({ assetId }) => assetId === quoteAssetId);
    expect(asset?.fees).toBe('0.099');
  });

  test('a frozen account places nothing and cancels; limits reject what is beyond them', async () => {
    const erin = await accountOf('account-2', { [market.quoteAssetId]: '100' });
    const { order } = await mesh.orders.placeOrder(limit(market, erin, 'buy 1 at 1'));
    expect(order).toMatchObject({ rejectReason: 0, status: OrderStatus.ACTIVE });
    const state = AccountState.FROZEN;
    const frozen = await mesh.accountAdmin.setAccountState({ accountId: erin, state });
    expect(frozen.account).toMatchObject({ state });
    const refused = mesh.orders.placeOrder(limit(market, erin, 'buy 1 at 1'));
    await expect(refused).rejects.toMatchObject({ reason: 'ACCOUNT_FROZEN' });
    const id = { case: 'orderId', value: order?.orderId ?? '' } as const;
    const ref = { instrumentId: market.instrumentId, id };
    const canceled = await mesh.orders.cancelOrder({ accountId: erin, order: ref });
    expect(canceled.order?.status).toBe(OrderStatus.CANCELED);
    await mesh.accountAdmin.setAccountState({ accountId: erin, state: AccountState.ACTIVE });

    const limits = { maximumOpenOrders: 1, assetLimits: [] };
    const set = await mesh.accountAdmin.setAccountLimits({ accountId: erin, ...limits });
    expect(set.account).toMatchObject({ maximumOpenOrders: 1 });
    await mesh.orders.placeOrder(limit(market, erin, 'buy 1 at 1'));
    const beyond = await mesh.orders.placeOrder(limit(market, erin, 'buy 1 at 1'));
    expect(beyond.order).toMatchObject({
      status: OrderStatus.REJECTED,
      rejectReason: RejectReason.ACCOUNT_LIMIT,
    });
  });
});

describe('a trade that an operator takes back', () => {
  testBusts({ meshOf: () => mesh, accountOf });
});

describe('an audit of two shards', () => {
  test('LED-3 proves both sums while orders trade', async () => {
    let isOver = false;
    const trading = (async () => {
      while (!isOver) {
        await mesh.orders.placeOrder(limit(market, bob, 'sell 0.01 at 10'));
        await mesh.orders.placeOrder(limit(market, alice, 'buy 0.01 at 10'));
        const sent = { accountId: alice, toAccountId: bob, assetId: market.quoteAssetId };
        await mesh.accounts.transfer({ ...sent, amount: '0.01' });
      }
    })();
    for (let round = 0; round < 5; round += 1) {
      const audit = await mesh.accountAdmin.auditLedger({ full: round === 4 });
      expect(audit).toMatchObject({ conserved: true, breaks: [], compared: round === 4 });
      expect(audit.accounts).toBe(created);
      expect(audit.sources).toHaveLength(4);
      const asset = audit.assets.find(({ assetId }) => assetId === market.quoteAssetId);
      // What is on its way between the shards is in nobody's balance.
      const { customers = '', clearing = '' } = asset ?? {};
      expect(Number(customers) + Number(clearing)).toBeCloseTo(1_099.901, 6);
      expect(asset).toMatchObject({ external: '-1100', fees: '0.099', suspense: '0' });
    }
    isOver = true;
    await trading;
  }, 60_000);

  test('LED-3 names the account of a posting that the book knows nothing of', async () => {
    const { sources } = await mesh.accountAdmin.auditLedger({});
    const { order } = await mesh.orders.placeOrder(limit(market, alice, 'buy 1 at 5'));
    const [accountNumber = 0, placement = 0] = (order?.orderId ?? '').split('-').map(Number);
    const books = ['matching-1', 'matching-2'];
    const book = assignSlots(books)[slotOf(market.instrumentId)] ?? '';
    const { sequence = 0n } = sources.find(({ shardId }) => shardId === book) ?? {};
    const { instrumentId } = market;
    const { instrument } = await mesh.reference.getInstrument({ instrumentId });
    const instrumentNumber = instrument?.instrumentNumber ?? 0;
    await mesh.accounts.getBalances({ accountId: alice });
    // A range that the book never sent, behind everything that it has.
    const through = sequence + 2n;
    await propose('account-1', {
      case: 'settle',
      value: {
        sourceShardId: book,
        fromSequence: through,
        throughSequence: through,
        entries: [
          {
            logTimeUs: 1n,
            commands: [
              {
                events: [
                  {
                    instrumentNumber,
                    instrumentSequence: 1_000n,
                    kind: {
                      case: 'traded',
                      value: {
                        priceUnits: 500n,
                        quantityUnits: 1_000n,
                        aggressorSide: Side.SELL,
                        maker: { accountNumber, placement: BigInt(placement) },
                        taker: { accountNumber: 1, placement: 1n },
                      },
                    },
                  },
                ],
              },
            ],
          },
        ],
      },
    });
    await mesh.orders.placeOrder(limit(market, bob, 'sell 1 at 20'));

    const audit = await mesh.accountAdmin.auditLedger({});
    expect(audit).toMatchObject({ conserved: false, compared: true });
    const { CLEARING_SUM, ACCOUNT_TRADES } = LedgerBreakKind;
    const named = audit.breaks.map(({ kind, accountId, assetId }) => [kind, accountId, assetId]);
    expect(named).toEqual(
      expect.arrayContaining([
        [CLEARING_SUM, '', market.quoteAssetId],
        [CLEARING_SUM, '', market.baseAssetId],
        [ACCOUNT_TRADES, alice, market.quoteAssetId],
        [ACCOUNT_TRADES, alice, market.baseAssetId],
      ]),
    );
    expect(named).toHaveLength(4);
  }, 60_000);
});
