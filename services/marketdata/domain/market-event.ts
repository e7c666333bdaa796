// What market data needs of a matching shard's events, in units. The adapter makes these from the
// contract's events; everything in this service is rebuilt from them.

export type Side = 'buy' | 'sell';

export type InstrumentPhase = 'continuous' | 'cancelOnly';

/** One order, named as the matching shard names it. */
export type OrderKey = { readonly accountNumber: number; readonly placement: number };

export type OrderEntered = OrderKey & {
  readonly kind: 'entered';
  readonly side: Side;
  /** Limit, or the worst price of an order that never rests; price units. */
  readonly priceUnits: number;
  /** Quantity units; 0 for an order by budget, which never rests. */
  readonly quantityUnits: number;
};

export type OrdersTraded = {
  readonly kind: 'traded';
  readonly instrumentSequence: number;
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly aggressorSide: Side;
  readonly maker: OrderKey;
  readonly taker: OrderKey;
};

export type OrderReduced = OrderKey & {
  readonly kind: 'reduced';
  /** Taken off what is open, in quantity units (self-trade decrement). */
  readonly byUnits: number;
};

export type OrderLeft = OrderKey & { readonly kind: 'left' };

export type OrderChanged = OrderKey & {
  readonly kind: 'changed';
  readonly priceUnits: number;
  readonly remainingUnits: number;
};

export type PhaseChanged = { readonly kind: 'phase'; readonly phase: InstrumentPhase };

/** An event that changes nothing that market data shows; it still counts in the sequence. */
export type NothingShown = { readonly kind: 'none' };

export type MarketEvent =
  | OrderEntered
  | OrdersTraded
  | OrderReduced
  | OrderLeft
  | OrderChanged
  | PhaseChanged
  | NothingShown;
