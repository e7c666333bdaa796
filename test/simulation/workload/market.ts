// The market that the simulated clients trade in: its names, its numbers, and what a price and a
// quantity come to in the smallest units of the assets.

import { MARKET_RULES } from '../../support/market-rules.ts';

export const ASSETS = ['BTC', 'USD'] as const;
export type AssetId = (typeof ASSETS)[number];
/** Decimal places of both assets, of prices and of quantities. */
export const ASSET_SCALE = 8;
const PRICE_SCALE = 2;
const QUANTITY_SCALE = 3;

/** Quantity units in one of the base asset. */
export const UNITS_PER_ONE = 10 ** QUANTITY_SCALE;

/** An amount in the smallest unit of its asset. */
export function amountUnitsOf(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(ASSET_SCALE, '0'));
}

/** What a quantity is in the base asset's smallest unit. */
export function baseUnitsOf(quantityUnits: number): bigint {
  return BigInt(quantityUnits) * 10n ** BigInt(ASSET_SCALE - QUANTITY_SCALE);
}

/** What a trade costs in the quote asset's smallest unit. */
export function notionalUnitsOf(priceUnits: number, quantityUnits: number): bigint {
  const scale = BigInt(ASSET_SCALE - PRICE_SCALE - QUANTITY_SCALE);
  return BigInt(priceUnits) * BigInt(quantityUnits) * 10n ** scale;
}

export function instrumentIdOf(at: number): string {
  return `BTC${at + 1}-USD`;
}

export function accountIdOf(at: number): string {
  return `acct-${at + 1}`;
}

/** What `CreateInstrument` is asked for. */
export function instrumentOf(instrumentId: string) {
  return {
    instrumentId,
    baseAssetId: 'BTC',
    quoteAssetId: 'USD',
    ...MARKET_RULES,
  };
}
