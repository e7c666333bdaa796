// What every error reason means: its gRPC code and what a caller may do. The compiler completes the
// table; a test holds it equal to the options in bourse/type/v1/error.proto.

import { Status } from 'nice-grpc-common';
import type { ErrorReason } from '../../../../gen/bourse/type/v1/error_pb.ts';

/** The reason's name in the contract without its prefix, as ErrorInfo.reason carries it. */
export type ErrorReasonName = Exclude<keyof typeof ErrorReason, 'UNSPECIFIED'>;

/**
 * never: nothing was done, the same request fails again. changed: nothing was done, it may succeed
 * once something else has changed. safe: nothing was done, the same request may succeed later.
 * repeat: not known whether anything was done, the same request with the same ids tells.
 */
export type RetryAdvice = 'never' | 'changed' | 'safe' | 'repeat';

type Traits = readonly [code: Status, advice: RetryAdvice];

const TRAITS: Readonly<Record<ErrorReasonName, Traits>> = {
  FIELD_REQUIRED: [Status.INVALID_ARGUMENT, 'never'],
  FIELDS_CONFLICT: [Status.INVALID_ARGUMENT, 'never'],
  ENUM_VALUE_UNKNOWN: [Status.INVALID_ARGUMENT, 'never'],
  ID_INVALID: [Status.INVALID_ARGUMENT, 'never'],
  DECIMAL_INVALID: [Status.INVALID_ARGUMENT, 'never'],
  DECIMAL_OUT_OF_RANGE: [Status.INVALID_ARGUMENT, 'never'],
  SCALE_EXCEEDED: [Status.INVALID_ARGUMENT, 'never'],
  NUMBER_OUT_OF_RANGE: [Status.INVALID_ARGUMENT, 'never'],
  TEXT_INVALID: [Status.INVALID_ARGUMENT, 'never'],
  TIME_INVALID: [Status.INVALID_ARGUMENT, 'never'],
  PAGE_TOKEN_INVALID: [Status.INVALID_ARGUMENT, 'never'],
  RESUME_TOKEN_INVALID: [Status.INVALID_ARGUMENT, 'never'],
  TOO_MANY_ITEMS: [Status.INVALID_ARGUMENT, 'never'],
  MESSAGE_MALFORMED: [Status.INVALID_ARGUMENT, 'never'],
  PRICE_OFF_TICK: [Status.INVALID_ARGUMENT, 'never'],
  QUANTITY_OFF_LOT: [Status.INVALID_ARGUMENT, 'never'],
  NOT_MULTIPLE_OF_UNIT: [Status.INVALID_ARGUMENT, 'never'],
  INEXACT_NOTIONAL: [Status.INVALID_ARGUMENT, 'never'],
  CLIENT_ORDER_ID_ALREADY_EXISTS: [Status.ALREADY_EXISTS, 'never'],
  CLIENT_TRANSFER_ID_ALREADY_EXISTS: [Status.ALREADY_EXISTS, 'never'],
  CLIENT_REQUEST_ID_ALREADY_EXISTS: [Status.ALREADY_EXISTS, 'never'],
  ACCOUNT_ALREADY_EXISTS: [Status.ALREADY_EXISTS, 'never'],
  ASSET_ALREADY_EXISTS: [Status.ALREADY_EXISTS, 'never'],
  INSTRUMENT_ALREADY_EXISTS: [Status.ALREADY_EXISTS, 'never'],
  ACCOUNT_UNKNOWN: [Status.NOT_FOUND, 'never'],
  ASSET_UNKNOWN: [Status.NOT_FOUND, 'never'],
  INSTRUMENT_UNKNOWN: [Status.NOT_FOUND, 'never'],
  ORDER_UNKNOWN: [Status.NOT_FOUND, 'never'],
  ORDER_NOT_OPEN: [Status.FAILED_PRECONDITION, 'never'],
  VERSION_MISMATCH: [Status.ABORTED, 'changed'],
  INSTRUMENT_STATE: [Status.FAILED_PRECONDITION, 'changed'],
  POST_ONLY_WOULD_TAKE: [Status.FAILED_PRECONDITION, 'changed'],
  ACCOUNT_FROZEN: [Status.FAILED_PRECONDITION, 'changed'],
  ACCOUNT_CLOSED: [Status.FAILED_PRECONDITION, 'never'],
  ACCOUNT_NOT_EMPTY: [Status.FAILED_PRECONDITION, 'changed'],
  WITHDRAWAL_LIMIT: [Status.FAILED_PRECONDITION, 'changed'],
  INSUFFICIENT_FUNDS: [Status.FAILED_PRECONDITION, 'changed'],
  QUANTITY_BELOW_MINIMUM: [Status.FAILED_PRECONDITION, 'never'],
  QUANTITY_ABOVE_MAXIMUM: [Status.FAILED_PRECONDITION, 'never'],
  PRICE_ABOVE_MAXIMUM: [Status.FAILED_PRECONDITION, 'never'],
  NOTIONAL_BELOW_MINIMUM: [Status.FAILED_PRECONDITION, 'never'],
  AMOUNT_TOO_LARGE: [Status.FAILED_PRECONDITION, 'never'],
  HOLD_TOO_SMALL: [Status.ABORTED, 'changed'],
  INSTRUMENT_CHANGED: [Status.ABORTED, 'changed'],
  PRICE_BAND: [Status.FAILED_PRECONDITION, 'changed'],
  DISPLAY_QUANTITY_TOO_SMALL: [Status.FAILED_PRECONDITION, 'never'],
  TOO_LATE: [Status.FAILED_PRECONDITION, 'never'],
  RESUME_TOKEN_TOO_OLD: [Status.OUT_OF_RANGE, 'never'],
  SUBSCRIBER_TOO_SLOW: [Status.RESOURCE_EXHAUSTED, 'safe'],
  TOO_MANY_STREAMS: [Status.RESOURCE_EXHAUSTED, 'safe'],
  SEQUENCE_NOT_REACHED: [Status.UNAVAILABLE, 'safe'],
  NOT_LEADER: [Status.FAILED_PRECONDITION, 'safe'],
  WRONG_SHARD: [Status.FAILED_PRECONDITION, 'safe'],
  SHARD_OVERLOADED: [Status.RESOURCE_EXHAUSTED, 'safe'],
  SHARD_UNAVAILABLE: [Status.UNAVAILABLE, 'safe'],
  LOG_UNAVAILABLE: [Status.UNAVAILABLE, 'safe'],
  LOG_FORKED: [Status.DATA_LOSS, 'never'],
  COMMAND_EXPIRED: [Status.FAILED_PRECONDITION, 'safe'],
  SETTLEMENT_LAG: [Status.UNAVAILABLE, 'safe'],
  SETTLEMENT_GAP: [Status.FAILED_PRECONDITION, 'never'],
  NOT_READY: [Status.UNAVAILABLE, 'safe'],
  NODE_REPLACED: [Status.ABORTED, 'never'],
  OUTCOME_UNKNOWN: [Status.UNKNOWN, 'repeat'],
  INTERNAL: [Status.INTERNAL, 'repeat'],
  COMMAND_QUARANTINED: [Status.FAILED_PRECONDITION, 'changed'],
  LOG_SPACE_LOW: [Status.RESOURCE_EXHAUSTED, 'safe'],
  BEYOND_WINDOW: [Status.OUT_OF_RANGE, 'never'],
  SLOT_MOVING: [Status.UNAVAILABLE, 'safe'],
  SLOT_STEP_REFUSED: [Status.FAILED_PRECONDITION, 'never'],
  SLOT_IMPORTED: [Status.FAILED_PRECONDITION, 'never'],
  SLOT_STATE_DIFFERS: [Status.DATA_LOSS, 'never'],
  SHARD_UNKNOWN: [Status.NOT_FOUND, 'never'],
  NODE_UNKNOWN: [Status.NOT_FOUND, 'never'],
  NODE_NOT_STANDBY: [Status.FAILED_PRECONDITION, 'changed'],
  MOVE_UNKNOWN: [Status.NOT_FOUND, 'never'],
  MOVE_NOT_CANCELABLE: [Status.FAILED_PRECONDITION, 'never'],
  TRADE_UNKNOWN: [Status.NOT_FOUND, 'never'],
};

export function codeOfReason(reason: ErrorReasonName): Status {
  return TRAITS[reason][0];
}

export function retryAdviceOfReason(reason: ErrorReasonName): RetryAdvice {
  return TRAITS[reason][1];
}

export function isErrorReasonName(text: string): text is ErrorReasonName {
  return Object.hasOwn(TRAITS, text);
}
