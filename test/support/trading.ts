// What tests of trading begin with: an instrument and accounts of their own, and the shortest way
// to say an order.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { PlaceOrderRequestSchema } from '../../gen/bourse/order/v1/service_pb.ts';
import type { CreateInstrumentRequestSchema } from '../../gen/bourse/reference/v1/admin_service_pb.ts';
import { InstrumentState } from '../../gen/bourse/type/v1/instrument_pb.ts';
import { OrderType, Side, TimeInForce } from '../../gen/bourse/type/v1/order_pb.ts';
import { MARKET_RULES } from './market-rules.ts';
import type { MeshClients } from './mesh.ts';
import { waitUntil } from './wait.ts';

type CreateInit = Exclude<
  MessageInitShape<typeof CreateInstrumentRequestSchema>,
  { $typeName: string }
>;
type PlaceInit = Exclude<MessageInitShape<typeof PlaceOrderRequestSchema>, { $typeName: string }>;

export type Market = {
  readonly instrumentId: string;
  readonly baseAssetId: string;
  readonly quoteAssetId: string;
};

export type MarketRules = {
  readonly tickSize?: string;
  readonly lotSize?: string;
  readonly minimumQuantity?: string;
  readonly maximumQuantity?: string;
  readonly maximumPrice?: string;
  readonly minimumNotional?: string;
  readonly maximumOpenOrders?: number;
  readonly collarBps?: number;
  readonly makerFeeBps?: string;
  readonly takerFeeBps?: string;
  readonly auctionFeeBps?: string;
  readonly sessions?: CreateInit['sessions'];
  readonly referencePrice?: string;
  readonly staticBandBps?: number;
  readonly state?: InstrumentState;
};

let marketCount = 0;
let accountCount = 0;
let orderCount = 0;

/** Creates two assets and an instrument: price unit 0.01, quantity unit 0.001. */
export async function createMarket(mesh: MeshClients, rules: MarketRules = {}): Promise<Market> {
  marketCount += 1;
  const baseAssetId = `BASE${marketCount}`;
  const quoteAssetId = `QUOTE${marketCount}`;
  const instrumentId = `${baseAssetId}-${quoteAssetId}`;
  for (const assetId of [baseAssetId, quoteAssetId]) {
    await mesh.referenceAdmin.createAsset({ assetId, displayName: assetId, scale: 8 });
  }
  await mesh.referenceAdmin.createInstrument({
    instrumentId,
    baseAssetId,
    quoteAssetId,
    ...MARKET_RULES,
    state: InstrumentState.CONTINUOUS,
    ...rules,
  });
  return { instrumentId, baseAssetId, quoteAssetId };
}

/** Creates an account with money: amounts by asset id. */
export async function createAccount(
  mesh: MeshClients,
  amounts: Readonly<Record<string, string>> = {},
): Promise<string> {
  accountCount += 1;
  const accountId = `account-${accountCount}`;
  await waitUntil(() => mesh.accountAdmin.createAccount({ accountId }), { what: 'an account' });
  for (const [assetId, amount] of Object.entries(amounts)) {
    const clientTransferId = `d-${accountId}-${assetId}`;
    await waitUntil(
      () => mesh.accountAdmin.deposit({ accountId, assetId, amount, clientTransferId }),
      { what: `a deposit of ${assetId}` },
    );
  }
  return accountId;
}

/** A limit order with a client order id of its own. */
export function limit(
  { instrumentId }: Pick<Market, 'instrumentId'>,
  accountId: string,
  text: string,
  more: PlaceInit = {},
): PlaceInit {
  const [side, quantity = '', , price = ''] = text.split(' ');
  orderCount += 1;
  return {
    accountId,
    clientOrderId: `o-${orderCount}`,
    instrumentId,
    side: side === 'buy' ? Side.BUY : Side.SELL,
    type: OrderType.LIMIT,
    orderQuantity: { case: 'quantity', value: quantity },
    price,
    ...more,
  };
}

/** A market order: `buy 1`, or by budget `buy for 100`. */
export function market(
  { instrumentId }: Pick<Market, 'instrumentId'>,
  accountId: string,
  text: string,
  more: PlaceInit = {},
): PlaceInit {
  const [side, first = '', budget = ''] = text.split(' ');
  orderCount += 1;
  return {
    accountId,
    clientOrderId: `o-${orderCount}`,
    instrumentId,
    side: side === 'buy' ? Side.BUY : Side.SELL,
    type: OrderType.MARKET,
    orderQuantity:
      first === 'for'
        ? { case: 'quoteQuantity', value: budget }
        : { case: 'quantity', value: first },
    timeInForce: TimeInForce.IOC,
    ...more,
  };
}

/** An account's balance of one asset: `[total, available, held]`. */
export async function balanceOf(
  mesh: MeshClients,
  accountId: string,
  assetId: string,
): Promise<[string, string, string]> {
  const { balances } = await mesh.accounts.getBalances({ accountId });
  const balance = balances.find((one) => one.assetId === assetId);
  return [balance?.total ?? '0', balance?.available ?? '0', balance?.held ?? '0'];
}
