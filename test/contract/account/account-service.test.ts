// The public account services through the real RPC stack, with everything behind them real: what
// they answer, and every reason with which they refuse.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HoldState, PostingKind } from '../../../gen/bourse/account/v1/account_pb.ts';
import { SelfTradePrevention } from '../../../gen/bourse/type/v1/order_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import {
  balanceOf,
  createAccount,
  createMarket,
  limit,
  type Market,
} from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

let mesh: Mesh;
let at: Market;

beforeAll(async () => {
  mesh = await startMesh();
  at = await createMarket(mesh, { makerFeeBps: '1', takerFeeBps: '2' });
  // The asset is known to the shard when a deposit of it succeeds.
  await createAccount(mesh, { [at.quoteAssetId]: '1', [at.baseAssetId]: '1' });
}, 120_000);

afterAll(async () => {
  await mesh?.stop();
}, 30_000);

async function reasonOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof OperatingError) return error.reason ?? `code ${error.code}`;
    throw error;
  }
  return 'OK';
}

/** Repeats a read while settlement is behind, as its reason advises: this machine may be busy. */
async function settled<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      const isLag = error instanceof OperatingError && error.reason === 'SETTLEMENT_LAG';
      if (!isLag || attempt === 40) throw error;
    }
  }
}

const TOO_LONG = 'x'.repeat(65);

describe('creating accounts', () => {
  test('the same body again is a duplicate, another body is ACCOUNT_ALREADY_EXISTS', async () => {
    const first = await mesh.accountAdmin.createAccount({ accountId: 'carol' });
    const again = await mesh.accountAdmin.createAccount({ accountId: 'carol' });
    expect([first.duplicate, again.duplicate]).toEqual([false, true]);
    expect(again.account).toEqual(first.account);
    expect(first.account?.defaultSelfTradePrevention).toBe(SelfTradePrevention.CANCEL_TAKER);
    const other = { accountId: 'carol', defaultSelfTradePrevention: SelfTradePrevention.NONE };
    expect(await reasonOf(mesh.accountAdmin.createAccount(other))).toBe('ACCOUNT_ALREADY_EXISTS');
    const got = await mesh.accounts.getAccount({ accountId: 'carol' });
    expect(got.account).toEqual(first.account);
  });

  test.each([
    ['', 'FIELD_REQUIRED'],
    [TOO_LONG, 'ID_INVALID'],
    ['a b', 'ID_INVALID'],
    ['é', 'ID_INVALID'],
  ])('account id %j is refused with %s', async (accountId, reason) => {
    expect(await reasonOf(mesh.accountAdmin.createAccount({ accountId }))).toBe(reason);
    expect(await reasonOf(mesh.accounts.getAccount({ accountId }))).toBe(reason);
    expect(await reasonOf(mesh.accounts.getBalances({ accountId }))).toBe(reason);
    expect(await reasonOf(mesh.accounts.listPostings({ accountId }))).toBe(reason);
    expect(await reasonOf(mesh.accounts.listHolds({ accountId }))).toBe(reason);
  });

  test('an unknown self-trade prevention is ENUM_VALUE_UNKNOWN', async () => {
    const unknown = 99 as SelfTradePrevention;
    const request = { accountId: 'dave', defaultSelfTradePrevention: unknown };
    expect(await reasonOf(mesh.accountAdmin.createAccount(request))).toBe('ENUM_VALUE_UNKNOWN');
  });
});

describe('deposits and withdrawals', () => {
  test('LED-4 an id stands for its first posting for ever', async () => {
    const accountId = await createAccount(mesh);
    const deposit = { accountId, assetId: at.quoteAssetId, amount: '12.5', clientTransferId: 't' };
    const first = await mesh.accountAdmin.deposit(deposit);
    expect(first).toMatchObject({ duplicate: false, clientTransferId: 't' });
    expect(first.posting).toMatchObject({
      kind: PostingKind.DEPOSIT,
      amount: '12.5',
      totalAfter: '12.5',
    });
    await mesh.accountAdmin.withdraw({ ...deposit, amount: '2', clientTransferId: 'u' });
    const again = await mesh.accountAdmin.deposit(deposit);
    expect(again.duplicate).toBe(true);
    expect(again.posting).toEqual(first.posting);
    expect(again.balance).toMatchObject({ total: '10.5', available: '10.5', held: '0' });
    const reason = 'CLIENT_TRANSFER_ID_ALREADY_EXISTS';
    const other = { ...deposit, amount: '12.6' };
    expect(await reasonOf(mesh.accountAdmin.deposit(other))).toBe(reason);
    expect(await reasonOf(mesh.accountAdmin.withdraw(deposit))).toBe(reason);
  });

  test('LED-4 a deposit is remembered when the account node is killed and started again', async () => {
    const accountId = await createAccount(mesh);
    const deposit = { accountId, assetId: at.quoteAssetId, amount: '3', clientTransferId: 't' };
    await mesh.accountAdmin.deposit(deposit);
    await mesh.kill('account-1');
    await mesh.start('account-1');
    const again = await waitUntil(() => mesh.accountAdmin.deposit(deposit), { what: 'a leader' });
    expect(again.duplicate).toBe(true);
    expect(again.balance).toMatchObject({ total: '3' });
    const { postings } = await mesh.accounts.listPostings({ accountId });
    expect(postings).toEqual([again.posting]);
  }, 60_000);

  test('without an id the server makes one', async () => {
    const accountId = await createAccount(mesh);
    const deposit = { accountId, assetId: at.quoteAssetId, amount: '1' };
    const one = await mesh.accountAdmin.deposit(deposit);
    const two = await mesh.accountAdmin.deposit(deposit);
    expect(one.clientTransferId).not.toBe(two.clientTransferId);
    expect(two.balance?.total).toBe('2');
  });

  test.each([
    [{ accountId: '' }, 'FIELD_REQUIRED'],
    [{ accountId: 'a/b' }, 'ID_INVALID'],
    [{ accountId: 'nobody' }, 'ACCOUNT_UNKNOWN'],
    [{ assetId: '' }, 'FIELD_REQUIRED'],
    [{ assetId: TOO_LONG }, 'ID_INVALID'],
    [{ assetId: 'NOPE' }, 'ASSET_UNKNOWN'],
    [{ accountId: 'nobody', assetId: 'NOPE' }, 'ACCOUNT_UNKNOWN'],
    [{ clientTransferId: 'a b' }, 'ID_INVALID'],
    [{ amount: '' }, 'FIELD_REQUIRED'],
    [{ amount: '1e5' }, 'DECIMAL_INVALID'],
    [{ amount: 'NaN' }, 'DECIMAL_INVALID'],
    [{ amount: '-0' }, 'DECIMAL_INVALID'],
    [{ amount: '+1' }, 'DECIMAL_INVALID'],
    [{ amount: '00.1' }, 'DECIMAL_INVALID'],
    [{ amount: '.5' }, 'DECIMAL_INVALID'],
    [{ amount: '0' }, 'DECIMAL_OUT_OF_RANGE'],
    [{ amount: '-1' }, 'DECIMAL_OUT_OF_RANGE'],
    [{ amount: '46116860184.27387904' }, 'DECIMAL_OUT_OF_RANGE'],
    [{ amount: '0.000000001' }, 'SCALE_EXCEEDED'],
    [{ accountId: '', amount: '1e5' }, 'FIELD_REQUIRED'],
    [{ accountId: 'nobody', amount: '1e5' }, 'DECIMAL_INVALID'],
  ])('%j is refused with %s and changes nothing', async (change, reason) => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '5' });
    const request = { accountId, assetId: at.quoteAssetId, amount: '1', ...change };
    expect(await reasonOf(mesh.accountAdmin.deposit(request))).toBe(reason);
    expect(await reasonOf(mesh.accountAdmin.withdraw(request))).toBe(reason);
    expect(await balanceOf(mesh, accountId, at.quoteAssetId)).toEqual(['5', '5', '0']);
  });

  test('money that is not there is INSUFFICIENT_FUNDS, too much of it AMOUNT_TOO_LARGE', async () => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '5' });
    const request = { accountId, assetId: at.quoteAssetId };
    const withdraw = mesh.accountAdmin.withdraw({ ...request, amount: '5.00000001' });
    expect(await reasonOf(withdraw)).toBe('INSUFFICIENT_FUNDS');
    const deposit = mesh.accountAdmin.deposit({ ...request, amount: '46116860184.27387903' });
    expect(await reasonOf(deposit)).toBe('AMOUNT_TOO_LARGE');
    expect(await balanceOf(mesh, accountId, at.quoteAssetId)).toEqual(['5', '5', '0']);
  });
});

describe('postings and holds', () => {
  test('SET-2 LED-1 a trade has postings of base, quote and fee for both sides', async () => {
    const funds = { [at.quoteAssetId]: '1000', [at.baseAssetId]: '10' };
    const [seller, buyer] = [await createAccount(mesh, funds), await createAccount(mesh, funds)];
    await mesh.orders.placeOrder(limit(at, seller, 'sell 2 at 100'));
    await mesh.orders.placeOrder(limit(at, buyer, 'buy 2 at 101'));
    const bought = await settled(() =>
      mesh.accounts.listPostings({ accountId: buyer, pageSize: 3 }),
    );
    expect(
      bought.postings.map(({ kind, amount, totalAfter }) => [kind, amount, totalAfter]),
    ).toEqual([
      [PostingKind.FEE, '-0.04', '799.96'],
      [PostingKind.TRADE, '-200', '800'],
      [PostingKind.TRADE, '2', '12'],
    ]);
    const sold = await settled(() =>
      mesh.accounts.listPostings({ accountId: seller, pageSize: 3 }),
    );
    expect(sold.postings.map(({ kind, amount, totalAfter }) => [kind, amount, totalAfter])).toEqual(
      [
        [PostingKind.FEE, '-0.02', '1199.98'],
        [PostingKind.TRADE, '200', '1200'],
        [PostingKind.TRADE, '-2', '8'],
      ],
    );
    expect(sold.postings[0]?.tradeId).toBe(bought.postings[0]?.tradeId);
    // Page by page it is the same list.
    const all = await settled(() => mesh.accounts.listPostings({ accountId: buyer }));
    const paged: unknown[] = [];
    let pageToken = '';
    do {
      const page = await settled(() =>
        mesh.accounts.listPostings({ accountId: buyer, pageSize: 2, pageToken }),
      );
      paged.push(...page.postings);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(paged).toEqual(all.postings);
    expect(all).toMatchObject({ beyondWindow: false, nextPageToken: '' });
    const assetId = at.baseAssetId;
    const ofBase = await settled(() => mesh.accounts.listPostings({ accountId: buyer, assetId }));
    expect(ofBase.postings.map(({ amount }) => amount)).toEqual(['2', '10']);
  });

  test('AUD-1 a statement has the postings of a time, page by page', async () => {
    const accountId = await createAccount(mesh);
    for (const amount of ['1', '2', '3', '4']) {
      await mesh.accountAdmin.deposit({ accountId, assetId: at.quoteAssetId, amount });
    }
    const { postings } = await mesh.accounts.listPostings({ accountId });
    const timeOf = (amount: string) => postings.find((one) => one.amount === amount)?.postTime;
    const of = async (range: object) => {
      const page = await mesh.accounts.listPostings({ accountId, pageSize: 1, ...range });
      return [page.postings[0]?.amount, page.nextPageToken] as const;
    };
    const range = { startTime: timeOf('2'), endTime: timeOf('4') };
    const [first, pageToken] = await of(range);
    const [second, end] = await of({ ...range, pageToken });
    expect([first, second, end]).toEqual(['3', '2', '']);
    // The token is one of that time.
    const other = mesh.accounts.listPostings({ accountId, pageToken });
    expect(await reasonOf(other)).toBe('PAGE_TOKEN_INVALID');
    const turned = mesh.accounts.listPostings({
      accountId,
      ...{ startTime: timeOf('4'), endTime: timeOf('2') },
    });
    expect(await reasonOf(turned)).toBe('TIME_INVALID');
  });

  test('POS-1 positions have their cost, what came of them, and their worth now', async () => {
    const market = await createMarket(mesh, { makerFeeBps: '1', takerFeeBps: '2' });
    const funds = { [market.quoteAssetId]: '1000', [market.baseAssetId]: '10' };
    const buyer = await createAccount(mesh, funds);
    const seller = await createAccount(mesh, funds);
    const trade = async (from: string, to: string, what: string) => {
      await mesh.orders.placeOrder(limit(market, from, `sell ${what}`));
      await mesh.orders.placeOrder(limit(market, to, `buy ${what}`));
    };
    await trade(seller, buyer, '2 at 100');
    await trade(seller, buyer, '1 at 130');
    await trade(buyer, seller, '1 at 120');
    const of = async (accountId: string) => {
      const { positions } = await settled(() => mesh.accounts.listPositions({ accountId }));
      return positions;
    };
    expect(await of(buyer)).toMatchObject([
      {
        ...{ instrumentId: market.instrumentId, quantity: '2', averageCost: '110', cost: '220' },
        // 2 basis points of 330 as the taker, 1 of 120 as the maker.
        ...{ realisedResult: '10', fees: '0.078', lastPrice: '120', unrealisedResult: '20' },
      },
    ]);
    expect(await of(seller)).toMatchObject([
      {
        ...{ quantity: '-2', averageCost: '110', cost: '-220', realisedResult: '-10' },
        ...{ lastPrice: '120', unrealisedResult: '-20' },
      },
    ]);
    const { instrumentId } = at;
    const none = await settled(() =>
      mesh.accounts.listPositions({ accountId: buyer, instrumentId }),
    );
    expect(none).toMatchObject({ positions: [], nextPageToken: '', beyondWindow: false });
  });

  test('HLD-1 AUD-1 holds show what orders hold, newest first, and page by page', async () => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '1000' });
    for (const price of ['50', '51', '52']) {
      await mesh.orders.placeOrder(limit(at, accountId, `buy 1 at ${price}`));
    }
    const { holds } = await settled(() => mesh.accounts.listHolds({ accountId }));
    expect(holds.map(({ amount, state, assetId }) => [amount, state, assetId])).toEqual([
      ['52.0104', HoldState.CONFIRMED, at.quoteAssetId],
      ['51.0102', HoldState.CONFIRMED, at.quoteAssetId],
      ['50.01', HoldState.CONFIRMED, at.quoteAssetId],
    ]);
    const first = await settled(() => mesh.accounts.listHolds({ accountId, pageSize: 2 }));
    const pageToken = first.nextPageToken;
    const rest = await settled(() =>
      mesh.accounts.listHolds({ accountId, pageSize: 2, pageToken }),
    );
    expect([...first.holds, ...rest.holds]).toEqual(holds);
    expect(rest.nextPageToken).toBe('');
    const { instrumentId } = at;
    const filtered = await settled(() => mesh.accounts.listHolds({ accountId, instrumentId }));
    expect(filtered.holds).toEqual(holds);
    // There is a hold behind every held amount.
    const { balances } = await settled(() => mesh.accounts.getBalances({ accountId }));
    const held = balances.find(({ assetId }) => assetId === at.quoteAssetId)?.held;
    const sum = holds.reduce((total, { amount }) => total + Number(amount), 0);
    expect(Number(held)).toBeCloseTo(sum, 6);
  });

  test('bad pages, tokens and filters are refused with their reason', async () => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '1' });
    const { accounts } = mesh;
    for (const list of [accounts.listPostings, accounts.listHolds]) {
      expect(await reasonOf(list({ accountId, pageSize: -1 }))).toBe('NUMBER_OUT_OF_RANGE');
      expect(await reasonOf(list({ accountId, pageSize: 1001 }))).toBe('NUMBER_OUT_OF_RANGE');
      expect(await reasonOf(list({ accountId, pageToken: 'x' }))).toBe('PAGE_TOKEN_INVALID');
      expect(await reasonOf(list({ accountId: 'nobody' }))).toBe('ACCOUNT_UNKNOWN');
    }
    const unknownAsset = accounts.listPostings({ accountId, assetId: 'NOPE' });
    expect(await reasonOf(unknownAsset)).toBe('ASSET_UNKNOWN');
    const unknownInstrument = accounts.listHolds({ accountId, instrumentId: 'NOPE' });
    expect(await reasonOf(unknownInstrument)).toBe('INSTRUMENT_UNKNOWN');
    // A token of one account is none of another.
    const other = await createAccount(mesh, { [at.quoteAssetId]: '1', [at.baseAssetId]: '1' });
    const { nextPageToken } = await accounts.listPostings({ accountId: other, pageSize: 1 });
    expect(nextPageToken).not.toBe('');
    const foreign = accounts.listPostings({ accountId, pageToken: nextPageToken });
    expect(await reasonOf(foreign)).toBe('PAGE_TOKEN_INVALID');
  });
});

describe('streamed balances', () => {
  test('a snapshot, every change, and a resume behind the last message', async () => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '10' });
    const abort = new AbortController();
    const seen: string[] = [];
    let resumeToken = '';
    let deposits = 0;
    try {
      const stream = mesh.accounts.streamBalances({ accountId }, { signal: abort.signal });
      for await (const { message, resumeToken: token } of stream) {
        resumeToken = token;
        seen.push(message.case ?? '');
        if (message.case === 'snapshot') {
          expect(message.value.balances).toMatchObject([{ total: '10', available: '10' }]);
        }
        if (message.case === 'update') {
          expect(message.value.sequence).toBe(message.value.previousSequence + 1n);
        }
        if (message.case === 'heartbeat') break;
        if (message.case === 'snapshot' || (message.case === 'update' && deposits < 3)) {
          deposits += 1;
          const assetId = at.quoteAssetId;
          await mesh.accountAdmin.deposit({ accountId, assetId, amount: '1' });
        }
      }
    } finally {
      abort.abort();
    }
    expect(seen).toEqual(['started', 'snapshot', 'update', 'update', 'update', 'heartbeat']);
    await mesh.accountAdmin.deposit({ accountId, assetId: at.quoteAssetId, amount: '7' });
    const resumed = mesh.accounts.streamBalances(
      { accountId, resumeToken },
      {
        signal: AbortSignal.timeout(10_000),
      },
    );
    const cases: string[] = [];
    for await (const { message } of resumed) {
      cases.push(message.case ?? '');
      if (message.case === 'started') expect(message.value.resumed).toBe(true);
      if (message.case !== 'update') continue;
      expect(message.value.balances).toMatchObject([{ total: '20' }]);
      break;
    }
    expect(cases).toEqual(['started', 'update']);
  }, 30_000);

  test('a bad account or token ends it with its reason', async () => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '1' });
    const first = async (request: { accountId: string; resumeToken?: string }) => {
      for await (const _ of mesh.accounts.streamBalances(request)) return 'OK';
      return 'ended';
    };
    expect(await reasonOf(first({ accountId: '' }))).toBe('FIELD_REQUIRED');
    expect(await reasonOf(first({ accountId: 'nobody' }))).toBe('ACCOUNT_UNKNOWN');
    const resumeToken = 'bad';
    expect(await reasonOf(first({ accountId, resumeToken }))).toBe('RESUME_TOKEN_INVALID');
  });
});
