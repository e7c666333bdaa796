// What an order asks for and the rules of its instrument, in units: shared by the edge and the
// state machines. Names of values are those of bourse.type.v1 without their prefix.

export type Side = 'BUY' | 'SELL';
export type OrderType = 'LIMIT' | 'MARKET';
export type TimeInForce = 'GTC' | 'IOC' | 'FOK';
export type SelfTradePrevention =
  | 'CANCEL_TAKER'
  | 'CANCEL_MAKER'
  | 'CANCEL_BOTH'
  | 'DECREMENT'
  | 'NONE';
export type InstrumentState = 'CONTINUOUS' | 'CANCEL_ONLY';

/** Why an order, amend or cancel is declined; each is explained in bourse.type.v1. */
export type RejectReason =
  | 'INSUFFICIENT_FUNDS'
  | 'INSTRUMENT_STATE'
  | 'POST_ONLY_WOULD_TAKE'
  | 'NO_REFERENCE_PRICE'
  | 'QUANTITY_BELOW_MINIMUM'
  | 'QUANTITY_ABOVE_MAXIMUM'
  | 'PRICE_ABOVE_MAXIMUM'
  | 'NOTIONAL_BELOW_MINIMUM'
  | 'AMOUNT_TOO_LARGE'
  | 'TOO_MANY_OPEN_ORDERS'
  | 'BOOK_FULL'
  | 'TOO_LATE'
  | 'NOT_DELIVERED'
  | 'CANCELED_BEFORE_ARRIVAL'
  | 'INSTRUMENT_CHANGED'
  | 'PRICE_OFF_TICK'
  | 'QUANTITY_OFF_LOT'
  | 'ORDER_UNKNOWN'
  | 'ORDER_NOT_OPEN'
  | 'VERSION_MISMATCH'
  | 'HOLD_TOO_SMALL';

/** Why an order ended with something open; each is explained in bourse.type.v1. */
export type CancelReason =
  | 'OWNER'
  | 'MASS'
  | 'IOC_REMAINDER'
  | 'FOK'
  | 'SELF_TRADE'
  | 'NO_LIQUIDITY'
  | 'WORST_PRICE';

/** What an order asks for. */
export type OrderTerms = {
  readonly instrumentNumber: number;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly postOnly: boolean;
  /** In quantity units, 1 to 2^53 - 1; 0 when `quoteBudgetUnits` is set. */
  readonly quantityUnits: number;
  /** Market order by budget (TYP-2), in quote's smallest units; 0n otherwise. */
  readonly quoteBudgetUnits: bigint;
  /** Limit price; of a market order its worst price, 0 to let the bare engine compute it. */
  readonly priceUnits: number;
  readonly selfTradePrevention: SelfTradePrevention;
  /** Millionths of the notional; negative is a rebate. */
  readonly makerRatePpm: number;
  /** Millionths of the notional; negative is a rebate. */
  readonly takerRatePpm: number;
  /** Version of the instrument that the edge checked against (REF-1). */
  readonly instrumentVersion: number;
};

/** Rules of an instrument (BND-2). Everything but tick, lot, limits and fees is for life. */
export type InstrumentRules = {
  readonly instrumentNumber: number;
  readonly instrumentId: string;
  /** From 1, raised by every change. */
  readonly version: number;
  readonly baseAssetNumber: number;
  readonly quoteAssetNumber: number;
  /** Quote's smallest units in one price unit times one quantity unit (REF-1), below 2^53. */
  readonly notionalFactor: number;
  /** Base's smallest units in one quantity unit, below 2^53. */
  readonly baseFactor: number;
  readonly tickUnits: number;
  readonly lotUnits: number;
  readonly minimumQuantityUnits: number;
  readonly maximumQuantityUnits: number;
  readonly maximumPriceUnits: number;
  /** Smallest notional of a limit order or budget, in quote's smallest units. */
  readonly minimumNotionalUnits: bigint;
  /** How far a market order may trade from the best opposite price (TYP-2), in millionths. */
  readonly collarPpm: number;
  /** Most open orders of one account in this instrument (MAT-7). */
  readonly maximumOpenOrders: number;
  readonly makerRatePpm: number;
  readonly takerRatePpm: number;
};
