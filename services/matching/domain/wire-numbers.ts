// Numbers of the contract's values, bourse.type.v1: what stands for a name in an event's bytes. A
// test holds them equal to the contract's.
import type {
  CancelReason,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  TimeInForce,
} from './rules.ts';

export const ORDER_TYPE_NUMBERS: Readonly<Record<OrderType, number>> = {
  LIMIT: 1,
  MARKET: 2,
  STOP: 3,
  STOP_LIMIT: 4,
  TAKE_PROFIT: 5,
  TAKE_PROFIT_LIMIT: 6,
  TRAILING_STOP: 7,
};

export const TIME_IN_FORCE_NUMBERS: Readonly<Record<TimeInForce, number>> = {
  GTC: 1,
  IOC: 2,
  FOK: 3,
  GTD: 4,
  DAY: 5,
};

export const PREVENTION_NUMBERS: Readonly<Record<SelfTradePrevention, number>> = {
  CANCEL_TAKER: 1,
  CANCEL_MAKER: 2,
  CANCEL_BOTH: 3,
  DECREMENT: 4,
  NONE: 5,
};

export const REJECT_REASON_NUMBERS: Readonly<Record<RejectReason, number>> = {
  INSUFFICIENT_FUNDS: 1,
  INSTRUMENT_STATE: 2,
  POST_ONLY_WOULD_TAKE: 3,
  NO_REFERENCE_PRICE: 4,
  QUANTITY_BELOW_MINIMUM: 5,
  QUANTITY_ABOVE_MAXIMUM: 6,
  PRICE_ABOVE_MAXIMUM: 7,
  NOTIONAL_BELOW_MINIMUM: 8,
  AMOUNT_TOO_LARGE: 9,
  TOO_MANY_OPEN_ORDERS: 10,
  BOOK_FULL: 11,
  TOO_LATE: 12,
  NOT_DELIVERED: 13,
  CANCELED_BEFORE_ARRIVAL: 14,
  INSTRUMENT_CHANGED: 15,
  PRICE_OFF_TICK: 16,
  QUANTITY_OFF_LOT: 17,
  ORDER_UNKNOWN: 18,
  ORDER_NOT_OPEN: 19,
  VERSION_MISMATCH: 20,
  HOLD_TOO_SMALL: 21,
  PRICE_BAND: 22,
  NO_SESSIONS: 23,
  DISPLAY_QUANTITY_TOO_SMALL: 24,
  GROUP_REJECTED: 25,
  ACCOUNT_LIMIT: 26,
};

export const CANCEL_REASON_NUMBERS: Readonly<Record<CancelReason, number>> = {
  OWNER: 1,
  MASS: 2,
  IOC_REMAINDER: 3,
  FOK: 4,
  SELF_TRADE: 5,
  NO_LIQUIDITY: 6,
  WORST_PRICE: 7,
  OCO: 8,
  GROUP: 9,
  DEAD_MAN_SWITCH: 10,
  OPERATOR: 11,
  PRICE_BAND: 12,
  MINIMUM_QUANTITY: 13,
  POST_ONLY_WOULD_TAKE: 14,
  INSTRUMENT_STATE: 15,
  BOOK_FULL: 16,
  INSTRUMENT_RETIRED: 17,
};
