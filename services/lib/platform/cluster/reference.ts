// Assets and instruments as every node keeps them: in units, ready for the edge checks.

import type { Decimal } from '../../base/decimal.ts';
import type { InstrumentRules, InstrumentState } from '../../rules/terms.ts';

export type Asset = {
  readonly assetId: string;
  /** Dense from 1, for life. */
  readonly assetNumber: number;
  /** Decimal places of the smallest unit, 0 to 9, for life. */
  readonly scale: number;
  readonly version: number;
  readonly displayName: string;
};

export type Instrument = {
  readonly instrumentId: string;
  /** Dense from 1, for life. */
  readonly instrumentNumber: number;
  /** Version of the rules; orders state it (REF-1). */
  readonly version: number;
  readonly state: InstrumentState;
  readonly baseAsset: Asset;
  readonly quoteAsset: Asset;
  /** Prices are counted in this, for life. */
  readonly priceUnit: Decimal;
  /** Quantities are counted in this, for life. */
  readonly quantityUnit: Decimal;
  readonly rules: InstrumentRules;
};
