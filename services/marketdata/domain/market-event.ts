// What market data needs of a matching shard's events, in units. The adapter makes these from the
// contract's events; everything in this service is rebuilt from them.

import type { InstrumentState } from '../../lib/rules/terms.ts';

export type Side = 'buy' | 'sell';

/** One order, named as the matching shard names it. */
export type OrderKey = { readonly accountNumber: number; readonly placement: number };

export type OrderEntered = OrderKey & {
  readonly kind: 'entered';
  readonly side: Side;
  /** Limit, or the worst price of an order that never rests; price units. */
  readonly priceUnits: number;
  /** Quantity units; 0 for an order by budget, which never rests. */
  readonly quantityUnits: number;
  /** Iceberg: shown at a time (TYP-5); 0 shows all. */
  readonly displayUnits: number;
  /** Waits outside the book until it is triggered (TYP-3). */
  readonly waits: boolean;
};

/** A waiting order comes to the book. */
export type OrderTriggered = OrderKey & {
  readonly kind: 'triggered';
  /** With which it arrives. */
  readonly priceUnits: number;
};

export type OrdersTraded = {
  readonly kind: 'traded';
  readonly instrumentSequence: number;
  readonly priceUnits: number;
  readonly quantityUnits: number;
  /** Undefined in an uncross (STA-2), where both orders were in the book. */
  readonly aggressorSide: Side | undefined;
  readonly sameOwner: boolean;
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
  readonly displayUnits: number;
  /** It kept its place, and of an iceberg what it shows (AMD-1, TYP-5). */
  readonly placeKept: boolean;
};

export type StateChanged = {
  readonly kind: 'state';
  readonly state: InstrumentState;
  /** AUCTION: when it ends, in microseconds since the Unix epoch; 0 otherwise. */
  readonly auctionEndTimeUs: number;
};

export type RulesSet = {
  readonly kind: 'rules';
  readonly state: InstrumentState;
  readonly tickUnits: number;
  /** The operator's; 0 when there is none. */
  readonly referencePriceUnits: number;
  /** Quote's smallest units in one price unit times one quantity unit (REF-1). */
  readonly notionalFactor: bigint;
};

/** An event that changes nothing that market data shows; it still counts in the sequence. */
export type NothingShown = { readonly kind: 'none' };

export type MarketEvent =
  | OrderEntered
  | OrderTriggered
  | OrdersTraded
  | OrderReduced
  | OrderLeft
  | OrderChanged
  | StateChanged
  | RulesSet
  | NothingShown;
