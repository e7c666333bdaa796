// Creates what a replay needs, as often as wanted: assets, instrument, accounts and their money;
// and takes back what an earlier replay left in the book.

import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { StartError } from '../../lib/platform/config/start-error.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Exchange } from '../adapter/exchange.ts';
import { patiently } from '../adapter/patience.ts';

export type ReplayMarket = {
  readonly instrumentId: string;
  readonly baseAssetId: string;
  readonly quoteAssetId: string;
  /** Decimal places of the base asset, if it has to be created. */
  readonly baseScale: number;
  readonly priceUnit: string;
  readonly quantityUnit: string;
  readonly baseDeposit: string;
  readonly quoteDeposit: string;
};

/** Accounts of a replay: one rests, the other takes. */
export type ReplayAccounts = { readonly maker: string; readonly taker: string };

const QUOTE_SCALE = 8;

/** Prepares everything; what exists stays as it is. @returns the accounts. */
export async function prepareMarket(
  exchange: Exchange,
  market: ReplayMarket,
): Promise<ReplayAccounts> {
  const { instrumentId, baseAssetId, quoteAssetId } = market;
  await createAsset(exchange, baseAssetId, market.baseScale);
  await createAsset(exchange, quoteAssetId, QUOTE_SCALE);
  await createInstrument(exchange, market);
  const accounts = { maker: `replay-maker.${instrumentId}`, taker: `replay-taker.${instrumentId}` };
  for (const accountId of [accounts.maker, accounts.taker]) {
    await unlessExists(() => exchange.accountAdmin.createAccount({ accountId }));
    for (const [assetId, amount] of [
      [baseAssetId, market.baseDeposit],
      [quoteAssetId, market.quoteDeposit],
    ] as const) {
      const clientTransferId = `replay.${instrumentId}.${assetId}`;
      const deposit = { accountId, assetId, amount, clientTransferId };
      await patiently(() => exchange.accountAdmin.deposit(deposit));
    }
  }
  await clearBook(exchange, instrumentId, accounts);
  return accounts;
}

/** Cancels what the replay's accounts have open. */
export async function clearBook(
  exchange: Exchange,
  instrumentId: string,
  accounts: ReplayAccounts,
): Promise<void> {
  let sequence = 0n;
  for (const accountId of [accounts.maker, accounts.taker]) {
    const all = { accountId, instrumentId };
    const answer = await patiently(() => exchange.orders.cancelAllOrders(all));
    for (const result of answer.results) {
      if (result.sequence > sequence) sequence = result.sequence;
    }
  }
  const wanted = { instrumentId, minimumSequence: sequence };
  const book = await patiently(() => exchange.marketData.getOrderBook(wanted));
  if (book.bids.length + book.asks.length === 0) return;
  throw new StartError(
    `The book of ${instrumentId} holds orders of others; replay into another --instrument.`,
  );
}

async function createAsset(exchange: Exchange, assetId: string, scale: number): Promise<void> {
  const asset = { assetId, displayName: assetId, scale };
  await unlessExists(() => exchange.referenceAdmin.createAsset(asset));
}

async function createInstrument(exchange: Exchange, market: ReplayMarket): Promise<void> {
  const { instrumentId, baseAssetId, quoteAssetId, priceUnit, quantityUnit } = market;
  await unlessExists(() =>
    exchange.referenceAdmin.createInstrument({
      instrumentId,
      baseAssetId,
      quoteAssetId,
      priceUnit,
      quantityUnit,
      tickSize: priceUnit,
      lotSize: quantityUnit,

      maximumQuantity: '100000',
      maximumPrice: '100000',
      maximumOpenOrders: 1_000_000,
      makerFeeBps: '0',
      takerFeeBps: '1',
      state: InstrumentState.CONTINUOUS,
    }),
  );
}

async function unlessExists(call: () => Promise<unknown>): Promise<void> {
  try {
    await patiently(call);
  } catch (error) {
    const exists = error instanceof OperatingError && error.reason?.endsWith('_ALREADY_EXISTS');
    if (!exists) throw error;
  }
}
