// Good requests about accounts and their money, for the test of fields' bounds: between them they
// reach every field.

import type { GoodOrdersOptions } from './good-orders.ts';
import type { MeshClients } from './mesh.ts';
import { createAccount, createMarket, limit } from './trading.ts';

type Init = Readonly<Record<string, unknown>>;
type Good = () => Init | Promise<Init>;

const FIRST_PAGE = { pageSize: 10 };
const TIMES = {
  startTime: { seconds: 1_800_000_000n, nanos: 0 },
  endTime: { seconds: 1_800_000_060n, nanos: 0 },
};

export function goodAccounts(options: GoodOrdersOptions): Record<string, readonly Good[]> {
  const { mesh, market, fresh } = options;
  const accountId = (): string => options.accountId();
  const transfer = () => ({
    accountId: accountId(),
    assetId: market().quoteAssetId,
    amount: '1',
    clientTransferId: fresh('t'),
  });
  return {
    'account.v1.AccountService.GetAccount': [() => ({ accountId: accountId() })],
    'account.v1.AccountService.GetBalances': [() => ({ accountId: accountId() })],
    'account.v1.AccountService.ListPostings': [
      () => ({ accountId: accountId(), ...FIRST_PAGE, ...TIMES }),
    ],
    'account.v1.AccountService.ListHolds': [() => ({ accountId: accountId(), ...FIRST_PAGE })],
    'account.v1.AccountService.ListPositions': [() => ({ accountId: accountId(), ...FIRST_PAGE })],
    'account.v1.AccountService.GetFees': [
      () => ({ accountId: accountId(), instrumentId: market().instrumentId }),
    ],
    'account.v1.AccountService.Transfer': [
      async () => {
        const toAccountId = fresh('a');
        await mesh().accountAdmin.createAccount({ accountId: toAccountId });
        return { ...transfer(), toAccountId };
      },
    ],
    'account.v1.AccountService.StreamBalances': [() => ({ accountId: accountId() })],
    ...goodAdministration(options),
    'account.v1.AccountAdminService.Deposit': [transfer],
    'account.v1.AccountAdminService.Withdraw': [transfer],
  };
}

/** Two accounts of their own trade in a market of their own. @returns the trade's id */
async function makeTrade(mesh: MeshClients): Promise<string> {
  const market = await createMarket(mesh);
  const seller = await createAccount(mesh, { [market.baseAssetId]: '1' });
  const buyer = await createAccount(mesh, { [market.quoteAssetId]: '100' });
  await mesh.orders.placeOrder(limit(market, seller, 'sell 1 at 10'));
  const { fills } = await mesh.orders.placeOrder(limit(market, buyer, 'buy 1 at 10'));
  return fills[0]?.tradeId ?? '';
}

function goodAdministration(options: GoodOrdersOptions): Record<string, readonly Good[]> {
  const { mesh, market, fresh } = options;
  // A trade is taken back once; to ask again is good, too.
  let trade: Promise<string> | undefined;
  const request = () => ({ accountId: options.accountId(), clientRequestId: fresh('r') });
  return {
    'account.v1.AccountAdminService.CreateAccount': [() => ({ accountId: fresh('a') })],
    'account.v1.AccountAdminService.SetAccountLimits': [
      () => ({
        ...request(),
        selfTradeGroup: 1,
        maximumOpenOrders: 100_000,
        assetLimits: [
          { assetId: market().baseAssetId, maximumNotional: '1000', maximumWithdrawal: '9' },
        ],
      }),
    ],
    'account.v1.AccountAdminService.SetAccountState': [
      () => ({ ...request(), state: 1, comment: 'why' }),
    ],
    'account.v1.AccountAdminService.SetFeeSchedule': [
      () => ({
        ...request(),
        instrumentId: market().instrumentId,
        tiers: [{ minimumNotional: '0', makerFeeBps: '1', takerFeeBps: '2', auctionFeeBps: '1.5' }],
      }),
    ],
    'account.v1.AccountAdminService.AuditLedger': [() => ({ full: true })],
    'account.v1.AccountAdminService.BustTrade': [
      async () => {
        trade ??= makeTrade(mesh());
        return { tradeId: await trade, comment: 'why' };
      },
    ],
  };
}
