// What an order asks for and the rules of its instrument, in units: shared by the edge and the
// state machines. Names of values are those of bourse.type.v1 without their prefix.

export type Side = 'BUY' | 'SELL';
export type OrderType =
  | 'LIMIT'
  | 'MARKET'
  | 'STOP'
  | 'STOP_LIMIT'
  | 'TAKE_PROFIT'
  | 'TAKE_PROFIT_LIMIT'
  | 'TRAILING_STOP';
export type TimeInForce = 'GTC' | 'IOC' | 'FOK' | 'GTD' | 'DAY';
/** Orders that end one another (OCO), or an entry with its exits (BRACKET); TYP-7. */
export type GroupType = 'OCO' | 'BRACKET';
export type SelfTradePrevention =
  | 'CANCEL_TAKER'
  | 'CANCEL_MAKER'
  | 'CANCEL_BOTH'
  | 'DECREMENT'
  | 'NONE';
export type InstrumentState =
  | 'PRE_OPEN'
  | 'AUCTION'
  | 'CONTINUOUS'
  | 'POST_ONLY'
  | 'CANCEL_ONLY'
  | 'HALTED'
  | 'CLOSED'
  | 'RETIRED';

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
  | 'HOLD_TOO_SMALL'
  | 'PRICE_BAND'
  | 'NO_SESSIONS'
  | 'DISPLAY_QUANTITY_TOO_SMALL'
  | 'GROUP_REJECTED'
  | 'ACCOUNT_LIMIT';

/** Why an order ended with something open; each is explained in bourse.type.v1. */
export type CancelReason =
  | 'OWNER'
  | 'MASS'
  | 'IOC_REMAINDER'
  | 'FOK'
  | 'SELF_TRADE'
  | 'NO_LIQUIDITY'
  | 'WORST_PRICE'
  | 'OCO'
  | 'GROUP'
  | 'DEAD_MAN_SWITCH'
  | 'OPERATOR'
  | 'PRICE_BAND'
  | 'MINIMUM_QUANTITY'
  | 'POST_ONLY_WOULD_TAKE'
  | 'INSTRUMENT_STATE'
  | 'BOOK_FULL'
  | 'INSTRUMENT_RETIRED';

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
  /**
   * Limit price; of an order that trades as a market order its worst price (TYP-2), 0 to let the
   * bare engine compute it.
   */
  readonly priceUnits: number;
  /** Price at which a waiting order is triggered (TYP-3); 0 for every other type. */
  readonly stopPriceUnits: number;
  /** Distance of a trailing stop in price units (TYP-4); 0 when none or in basis points. */
  readonly trailingOffsetUnits: number;
  /** Distance of a trailing stop in basis points, 1 to 9,999; 0 when none or in price units. */
  readonly trailingOffsetBps: number;
  /** GTD: log time in microseconds at and after which it no longer trades; 0 otherwise. */
  readonly expireTimeUs: number;
  /** Iceberg: shown at a time, in quantity units (TYP-5); 0 shows all. */
  readonly displayUnits: number;
  /** Trades at least this much on arrival, in quantity units (TYP-8); 0 for no minimum. */
  readonly minimumUnits: number;
  readonly selfTradePrevention: SelfTradePrevention;
  /** Self-trade group of the account, from 1; 0: the account is its own owner (STP-1). */
  readonly selfTradeGroup: number;
  /** Millionths of the notional; negative is a rebate. */
  readonly makerRatePpm: number;
  /** Millionths of the notional; negative is a rebate. */
  readonly takerRatePpm: number;
  /** Rate of what trades in an uncross (STA-2), in millionths; negative is a rebate. */
  readonly auctionRatePpm: number;
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
  readonly auctionRatePpm: number;
  /** The operator's reference price, in price units (STA-2, BND-1); 0 when there is none. */
  readonly referencePriceUnits: number;
  /** How far a limit may be beyond the static reference price (BND-1), in millionths; 0: any. */
  readonly staticBandPpm: number;
  /** How far a limit may be on its own far side (BND-1), in millionths; 0: any. */
  readonly farBandPpm: number;
  /** How far an order may trade from the last trade (BND-1), in millionths; 0: any. */
  readonly dynamicBandPpm: number;
  /** How long a volatility auction lasts (BND-1), in microseconds of log time. */
  readonly volatilityAuctionUs: number;
  /** The instrument has sessions, so that DAY orders have an end (TIF-5). */
  readonly hasSessions: boolean;
};
