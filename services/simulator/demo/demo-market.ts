// What the demo trades: an instrument of the venue as it is now, accounts of the demo's own, and
// the money that they need.

import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import {
  type Decimal,
  formatUnits,
  MAXIMUM_AMOUNT_UNITS,
  parseAmount,
  parseDecimal,
  parseSafeUnits,
  ratioOf,
} from '../../lib/base/decimal.ts';
import { StartError } from '../../lib/platform/config/start-error.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Exchange } from '../adapter/exchange.ts';
import type { Ladder } from '../domain/demo-agents.ts';

export const INSTRUMENT_ID = 'BTC-USD';
/** Where prices begin in an empty market. */
const START_PRICE = '50000';
/** What agents count quantities in, unless a lot is larger. */
const QUANTITY_STEP: Decimal = { coefficient: 1n, scale: 3 };
/** Distance of a maker's levels: a 100,000th of the price. */
const SPACING_DIVISOR = 100_000;

const MAKERS = ['demo-maker-1', 'demo-maker-2'] as const;
const TAKERS = ['demo-taker-1', 'demo-taker-2', 'demo-taker-3'] as const;
/** Every account begins with at least so much of the base asset, and its worth of the other. */
const BASE_WANTED = 100n;
/** No asset has more decimal places. */
const ASSET_SCALE = 9;
const WHOLE = 10n ** BigInt(ASSET_SCALE);

export type DemoMarket = {
  readonly instrumentId: string;
  readonly baseAssetId: string;
  readonly quoteAssetId: string;
  readonly tick: Decimal;
  readonly lot: Decimal;
  readonly startTicks: number;
  readonly ladder: Ladder;
  readonly makers: readonly string[];
  readonly takers: readonly string[];
};

/** Reads the instrument, creates the accounts, tops up their money. */
export async function prepareDemo(exchange: Exchange, runId: string): Promise<DemoMarket> {
  const instrument = await fetchInstrument(exchange);
  const tick = decimalOf(instrument.tickSize);
  const lot = decimalOf(instrument.lotSize);
  const startTicks = await fetchStartTicks(exchange, tick);
  const market: DemoMarket = {
    instrumentId: INSTRUMENT_ID,
    baseAssetId: instrument.baseAssetId,
    quoteAssetId: instrument.quoteAssetId,
    tick,
    lot,
    startTicks,
    ladder: {
      spacingTicks: Math.max(1, Math.floor(startTicks / SPACING_DIVISOR)),
      stepLots: Number(ratioOf(QUANTITY_STEP, lot) ?? 1n),
    },
    makers: MAKERS,
    takers: TAKERS,
  };
  for (const accountId of accountsOf(market)) await prepareAccount(exchange, accountId);
  for (const accountId of accountsOf(market)) await topUp(exchange, market, { accountId, runId });
  return market;
}

/** All accounts of the demo. */
export function accountsOf({ makers, takers }: DemoMarket): string[] {
  return [...makers, ...takers];
}

/** Cancels whatever the demo's accounts have open. */
export async function withdrawOrders(exchange: Exchange, market: DemoMarket): Promise<void> {
  const { instrumentId } = market;
  await Promise.all(
    accountsOf(market).map((accountId) =>
      exchange.orders.cancelAllOrders({ accountId, instrumentId }),
    ),
  );
}

async function fetchInstrument(exchange: Exchange) {
  try {
    const { instrument } = await exchange.reference.getInstrument({ instrumentId: INSTRUMENT_ID });
    if (instrument?.state === InstrumentState.CONTINUOUS) return instrument;
    throw new StartError(`${INSTRUMENT_ID} is not open for trading; resume it and try again.`);
  } catch (error) {
    if (!(error instanceof OperatingError) || error.reason !== 'INSTRUMENT_UNKNOWN') throw error;
    throw new StartError(
      `The exchange has no ${INSTRUMENT_ID}: npm run -s bourse -- apply -f deploy/venue.yaml`,
    );
  }
}

/** The last price, else the best of either side, else where an empty market begins. */
async function fetchStartTicks(exchange: Exchange, tick: Decimal): Promise<number> {
  const { ticker } = await exchange.marketData.getTicker({ instrumentId: INSTRUMENT_ID });
  const prices = [ticker?.lastPrice, ticker?.bestBidPrice, ticker?.bestAskPrice, START_PRICE];
  for (const price of prices) {
    const ticks = parseSafeUnits(price ?? '', tick, 1);
    if (ticks.ok) return ticks.value;
  }
  return 1;
}

async function prepareAccount(exchange: Exchange, accountId: string): Promise<void> {
  try {
    await exchange.accountAdmin.createAccount({ accountId });
  } catch (error) {
    const exists = error instanceof OperatingError && error.reason === 'ACCOUNT_ALREADY_EXISTS';
    if (!exists) throw error;
  }
}

/** Deposits what lacks; an id made of the run and the asset keeps a repeat from paying twice. */
async function topUp(
  exchange: Exchange,
  { baseAssetId, quoteAssetId, startTicks, tick }: DemoMarket,
  { accountId, runId }: { readonly accountId: string; readonly runId: string },
): Promise<void> {
  const { balances } = await exchange.accounts.getBalances({ accountId });
  const wanted: readonly (readonly [string, Decimal])[] = [
    [baseAssetId, { coefficient: BASE_WANTED, scale: 0 }],
    [quoteAssetId, decimalOf(formatUnits(BASE_WANTED * BigInt(startTicks), tick))],
  ];
  for (const [assetId, { coefficient, scale }] of wanted) {
    const has = balances.find((balance) => balance.assetId === assetId)?.total ?? '0';
    const lacking = coefficient * 10n ** BigInt(ASSET_SCALE - scale) - unitsOf(has);
    if (lacking <= 0n) continue;
    await exchange.accountAdmin.deposit({
      accountId,
      assetId,
      // In whole pieces, so that it suits every asset.
      amount: String((lacking + WHOLE - 1n) / WHOLE),
      clientTransferId: `${runId}.${assetId}`,
    });
  }
}

function unitsOf(text: string): bigint {
  // An asset of scale 0 may have more of these units than any one asset can.
  const bounds = { minimumUnits: 0n, maximumUnits: MAXIMUM_AMOUNT_UNITS * WHOLE };
  const amount = parseAmount(text, ASSET_SCALE, bounds);
  if (!amount.ok) throw new Error(`a balance of ${text}: ${amount.problem}`);
  return amount.value;
}

function decimalOf(text: string): Decimal {
  const decimal = parseDecimal(text);
  if (!decimal.ok) throw new Error(`${text} is no decimal: ${decimal.problem}`);
  return decimal.value;
}
