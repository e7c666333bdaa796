// A venue as an operator writes it down: what there shall be. Field names are the contract's.

export type VenueAsset = {
  readonly asset_id: string;
  readonly display_name: string;
  readonly scale: number;
};

/** Fields that an instrument has for life. */
export const LIFELONG_FIELDS = [
  'base_asset_id',
  'quote_asset_id',
  'price_unit',
  'quantity_unit',
] as const;

/** Fields that may change, as decimals or names. */
export const RULE_FIELDS = [
  'tick_size',
  'lot_size',
  'minimum_quantity',
  'maximum_quantity',
  'maximum_price',
  'minimum_notional',
  'collar_bps',
  'maximum_open_orders',
  'maker_fee_bps',
  'taker_fee_bps',
  'auction_fee_bps',
  'reference_price',
  'static_band_bps',
  'far_band_bps',
  'dynamic_band_bps',
  'volatility_auction_duration',
  'sessions',
] as const;

export type LifelongField = (typeof LIFELONG_FIELDS)[number];
export type RuleField = (typeof RULE_FIELDS)[number];

/** Every value as text, sessions as `domain/sessions-text.ts` writes them; a rule that is absent is left as it is, or to the server's default. */
export type VenueInstrument = { readonly instrument_id: string } & Readonly<
  Record<LifelongField, string>
> &
  Readonly<Partial<Record<RuleField, string>>> & { readonly state?: string | undefined };

export type VenueDeposit = {
  readonly account_id: string;
  readonly asset_id: string;
  readonly amount: string;
  readonly client_transfer_id: string;
};

export type Venue = {
  readonly assets: readonly VenueAsset[];
  readonly instruments: readonly VenueInstrument[];
  readonly accountIds: readonly string[];
  readonly deposits: readonly VenueDeposit[];
};

/** What there is now, of what a venue names. */
export type PresentVenue = {
  readonly assets: ReadonlyMap<string, VenueAsset>;
  readonly instruments: ReadonlyMap<string, VenueInstrument & { readonly version: bigint }>;
  readonly accountIds: ReadonlySet<string>;
  /** Client transfer ids of deposits that have happened. */
  readonly transferIds: ReadonlySet<string>;
};
