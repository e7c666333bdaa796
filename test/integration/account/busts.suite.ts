// Trades that an operator takes back, over two account shards between real processes; a part of
// shards.test.ts, which has the mesh.
import { beforeAll, expect, test } from '@jest/globals';
import { PostingKind } from '../../../gen/bourse/account/v1/account_pb.ts';
import type { ExecutionReport } from '../../../gen/bourse/order/v1/order_pb.ts';
import { ExecutionType, OrderStatus } from '../../../gen/bourse/type/v1/order_pb.ts';
import type { Mesh } from '../../support/mesh.ts';
import { balanceOf, createMarket, limit, type Market } from '../../support/trading.ts';

type Amounts = Readonly<Record<string, string>>;

export type TwoShards = {
  readonly meshOf: () => Mesh;
  /** A new account of a shard, with money. */
  readonly accountOf: (shardId: string, amounts: Amounts) => Promise<string>;
};

export function testBusts({ meshOf, accountOf }: TwoShards): void {
  let mesh: Mesh;
  let market: Market;

  beforeAll(async () => {
    mesh = meshOf();
    market = await createMarket(mesh, { makerFeeBps: '0', takerFeeBps: '0' });
  }, 30_000);

  async function totalOf(accountId: string, assetId: string): Promise<string> {
    const [total = ''] = await balanceOf(mesh, accountId, assetId);
    return total;
  }

  test('LED-4 LED-3 POS-1 both sides get back what they gave, over two shards, once', async () => {
    const [buyer, seller] = [
      await accountOf('account-1', { [market.quoteAssetId]: '100' }),
      await accountOf('account-2', { [market.baseAssetId]: '10' }),
    ];
    const { instrumentId, quoteAssetId, baseAssetId } = market;
    const fees = { makerFeeBps: '-10', takerFeeBps: '100', auctionFeeBps: '0' };
    const tiers = [{ minimumNotional: '0', ...fees }];
    await mesh.accountAdmin.setFeeSchedule({ instrumentId, tiers });
    await mesh.orders.placeOrder(limit(market, seller, 'sell 2 at 10'));
    const { order, fills } = await mesh.orders.placeOrder(limit(market, buyer, 'buy 2 at 10'));
    await mesh.accountAdmin.setFeeSchedule({ instrumentId });
    expect(order?.status).toBe(OrderStatus.FILLED);
    const tradeId = fills[0]?.tradeId ?? '';
    expect(await totalOf(seller, quoteAssetId)).toBe('20.02');
    const request = { tradeId, comment: 'fat finger (by eve)' };
    const busts = await Promise.all([1, 2, 3].map(() => mesh.accountAdmin.bustTrade(request)));
    expect(busts.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    for (const bust of busts) {
      expect(bust).toMatchObject({ tradeId, instrumentId, comment: request.comment });
    }
    const again = await mesh.accountAdmin.bustTrade({ tradeId, comment: 'another reason' });
    expect(again).toMatchObject({ duplicate: true, completed: true, comment: request.comment });
    expect(await totalOf(buyer, quoteAssetId)).toBe('100');
    expect(await totalOf(buyer, baseAssetId)).toBe('0');
    expect(await totalOf(seller, quoteAssetId)).toBe('0');
    expect(await totalOf(seller, baseAssetId)).toBe('10');
    for (const accountId of [buyer, seller]) {
      const { postings } = await mesh.accounts.listPostings({ accountId });
      const named = postings.filter((posting) => posting.tradeId === tradeId);
      const kinds = named.map(({ kind }) => kind).sort((one, other) => one - other);
      const { TRADE, FEE, BUST, FEE_REFUND } = PostingKind;
      expect(kinds).toEqual([TRADE, TRADE, FEE, BUST, BUST, FEE_REFUND]);
      const positions = await mesh.accounts.listPositions({ accountId });
      expect(positions).toMatchObject({ positions: [], beyondWindow: false });
      const listed = await mesh.orders.listFills({ accountId });
      expect(listed.fills).toMatchObject([{ tradeId, busted: true }]);
    }
    const audit = await mesh.accountAdmin.auditLedger({ full: true });
    expect(audit).toMatchObject({ conserved: true, compared: true, breaks: [] });
    const unknown = { tradeId: `${tradeId}999`, comment: 'never was' };
    await expect(mesh.accountAdmin.bustTrade(unknown)).rejects.toMatchObject({
      reason: 'TRADE_UNKNOWN',
    });
  }, 30_000);

  test.each([
    [{ tradeId: '', comment: 'why' }, 'FIELD_REQUIRED'],
    [{ tradeId: '1-1', comment: '' }, 'FIELD_REQUIRED'],
    [{ tradeId: '1/1', comment: 'why' }, 'ID_INVALID'],
    [{ tradeId: '1-1', comment: 'a\nb' }, 'TEXT_INVALID'],
    [{ tradeId: '1-1', comment: 'a'.repeat(257) }, 'TEXT_INVALID'],
    [{ tradeId: 'no-trade', comment: 'why' }, 'TRADE_UNKNOWN'],
    [{ tradeId: '4294967296-1', comment: 'why' }, 'TRADE_UNKNOWN'],
  ])('%j is refused: %s', async (request, reason) => {
    await expect(mesh.accountAdmin.bustTrade(request)).rejects.toMatchObject({ reason });
  });

  test('CON-3 both sides hear of it on their streams of execution reports', async () => {
    const streams = new AbortController();
    const reportsOf = async (accountId: string): Promise<ExecutionReport> => {
      const { signal } = streams;
      for await (const { message } of mesh.orders.streamExecutionReports(
        { accountId },
        { signal },
      )) {
        if (message.case !== 'report') continue;
        if (message.value.executionType === ExecutionType.TRADE_BUST) return message.value;
      }
      throw new Error('the stream ended');
    };
    const [buyer, seller] = [
      await accountOf('account-2', { [market.quoteAssetId]: '100' }),
      await accountOf('account-1', { [market.baseAssetId]: '10' }),
    ];
    const reports = Promise.all([reportsOf(buyer), reportsOf(seller)]);
    await mesh.orders.placeOrder(limit(market, buyer, 'buy 1 at 12'));
    const { fills } = await mesh.orders.placeOrder(limit(market, seller, 'sell 1 at 12'));
    const tradeId = fills[0]?.tradeId ?? '';
    // The seller has nothing any more of what he got.
    const spent = { accountId: seller, assetId: market.quoteAssetId, amount: '12' };
    await mesh.accountAdmin.withdraw(spent);
    await mesh.accountAdmin.bustTrade({ tradeId, comment: 'fat finger (by eve)' });
    const [bought, sold] = await reports;
    streams.abort();
    const of = { tradeId, lastPrice: '12', lastQuantity: '1', previousAccountSequence: 0n };
    expect(bought).toMatchObject({ ...of, order: { accountId: buyer, filledQuantity: '1' } });
    expect(sold).toMatchObject({ ...of, order: { accountId: seller, filledQuantity: '1' } });
    expect(sold.accountSequence).toBeGreaterThan(0n);
    expect(await totalOf(seller, market.quoteAssetId)).toBe('0');
    expect(await totalOf(buyer, market.quoteAssetId)).toBe('100');
    const audit = await mesh.accountAdmin.auditLedger({ full: true });
    expect(audit).toMatchObject({ conserved: true, compared: true, breaks: [] });
    const asset = audit.assets.find(({ assetId }) => assetId === market.quoteAssetId);
    expect(asset?.suspense).toBe('-12');
  }, 30_000);
}
