// An instrument as the edge needs it: rules in units, and how units and amounts are written.

import { type Decimal, formatDecimal, formatUnits } from '../../lib/base/decimal.ts';
import type { InstrumentRules, InstrumentState } from '../../lib/rules/terms.ts';

export type TradedInstrument = {
  readonly instrumentId: string;
  readonly instrumentNumber: number;
  readonly rules: InstrumentRules;
  readonly state: InstrumentState;
  readonly priceUnit: Decimal;
  readonly quantityUnit: Decimal;
  readonly baseAssetId: string;
  /** Decimal places of the base asset's smallest unit. */
  readonly baseScale: number;
  readonly quoteAssetId: string;
  /** Decimal places of the quote asset's smallest unit. */
  readonly quoteScale: number;
};

/** Decimal places of an average price, which is for display only. */
const AVERAGE_SCALE = 9;

export function formatPrice(instrument: TradedInstrument, priceUnits: number): string {
  return formatUnits(priceUnits, instrument.priceUnit);
}

export function formatQuantity(instrument: TradedInstrument, quantityUnits: number): string {
  return formatUnits(quantityUnits, instrument.quantityUnit);
}

export function formatQuoteAmount(instrument: TradedInstrument, amountUnits: bigint): string {
  return formatDecimal(amountUnits, instrument.quoteScale);
}

/** Notional by quantity, rounded half up to 9 decimal places; empty when nothing traded. */
export function formatAveragePrice(
  instrument: TradedInstrument,
  notionalUnits: bigint,
  quantityUnits: number,
): string {
  if (quantityUnits === 0) return '';
  const { quantityUnit, quoteScale, priceUnit, rules } = instrument;
  const [notional, onePriceUnit] = [Number(notionalUnits), quantityUnits * rules.notionalFactor];
  if (Number.isSafeInteger(notional) && Number.isSafeInteger(onePriceUnit)) {
    // Nearly always all was traded at one price.
    const isExact = notional % onePriceUnit === 0 && priceUnit.scale <= AVERAGE_SCALE;
    if (isExact) return formatPrice(instrument, notional / onePriceUnit);
  }
  const numerator = notionalUnits * 10n ** BigInt(AVERAGE_SCALE + quantityUnit.scale);
  const denominator = 10n ** BigInt(quoteScale) * BigInt(quantityUnits) * quantityUnit.coefficient;
  const average = (2n * numerator + denominator) / (2n * denominator);
  return formatDecimal(average, AVERAGE_SCALE);
}
