// A market for the benches of orders: one instrument, accounts with money, and a stream of orders
// of which every second one trades with the one before it.

import { InstrumentState } from '../../gen/bourse/type/v1/instrument_pb.ts';
import { OrderType, Side } from '../../gen/bourse/type/v1/order_pb.ts';
import { OperatingError } from '../../services/lib/platform/errors/operating-error.ts';
import type { Exchange } from '../../services/simulator/adapter/exchange.ts';

const INSTRUMENT_ID = 'BENCHB-BENCHQ';
const ACCOUNTS = 16;
const AMOUNT = '1000000000';
const PRICES = 50;

export type OrderMarket = {
  readonly instrumentId: string;
  readonly accountIds: readonly string[];
  /** The next order; the account changes from order to order. */
  nextOrder(): BenchOrder;
};

export type BenchOrder = {
  readonly accountId: string;
  readonly clientOrderId: string;
  readonly instrumentId: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly orderQuantity: { readonly case: 'quantity'; readonly value: string };
  readonly price: string;
};

/** Creates what is not there yet. */
export async function openOrderMarket(exchange: Exchange): Promise<OrderMarket> {
  for (const assetId of ['BENCHB', 'BENCHQ']) {
    await unlessExists(
      exchange.referenceAdmin.createAsset({ assetId, displayName: assetId, scale: 4 }),
    );
  }
  await unlessExists(
    exchange.referenceAdmin.createInstrument({
      instrumentId: INSTRUMENT_ID,
      baseAssetId: 'BENCHB',
      quoteAssetId: 'BENCHQ',
      priceUnit: '0.01',
      quantityUnit: '0.01',
      tickSize: '0.01',
      lotSize: '0.01',
      maximumQuantity: '1000',
      maximumPrice: '1000000',
      maximumOpenOrders: 1_000_000,
      makerFeeBps: '1',
      takerFeeBps: '2',
      state: InstrumentState.CONTINUOUS,
    }),
  );
  const accountIds = Array.from({ length: ACCOUNTS }, (_, index) => `bench-${index + 1}`);
  await Promise.all(accountIds.map((accountId) => openAccount(exchange, accountId)));
  const run = `${Date.now()}`;
  let count = 0;
  return {
    instrumentId: INSTRUMENT_ID,
    accountIds,
    nextOrder() {
      const index = count++;
      const isSell = index % 2 === 0;
      // A pair has one price, so that the buy meets the sell before it.
      const price = 1000 + (Math.floor(index / 2) % PRICES);
      return {
        accountId: accountIds[index % ACCOUNTS] as string,
        clientOrderId: `${run}-${index}`,
        instrumentId: INSTRUMENT_ID,
        side: isSell ? Side.SELL : Side.BUY,
        type: OrderType.LIMIT,
        orderQuantity: { case: 'quantity', value: '1.5' },
        price: `${isSell ? price : 1000 + PRICES}.25`,
      };
    },
  };
}

async function openAccount(exchange: Exchange, accountId: string): Promise<void> {
  await unlessExists(exchange.accountAdmin.createAccount({ accountId }));
  for (const assetId of ['BENCHB', 'BENCHQ']) {
    const clientTransferId = `bench-${accountId}-${assetId}`;
    await exchange.accountAdmin.deposit({ accountId, assetId, amount: AMOUNT, clientTransferId });
  }
}

async function unlessExists(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    const isThere = error instanceof OperatingError && error.reason?.endsWith('_ALREADY_EXISTS');
    if (isThere !== true) throw error;
  }
}
