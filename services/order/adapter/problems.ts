// The errors that this service answers with, made in one place.

import {
  OperatingError,
  type OperatingErrorOptions,
} from '../../lib/platform/errors/operating-error.ts';
import type { ErrorReasonName } from '../../lib/platform/errors/reasons.ts';
import type { Violation } from '../../lib/rules/form.ts';
import type { RejectReason } from '../../lib/rules/terms.ts';
import type { TradedInstrument } from '../domain/instrument.ts';
import { formatPrice, formatQuantity } from '../domain/instrument.ts';
import type { PlacementErrorReason } from '../domain/placement.ts';
import type { Settled } from './pipeline/propose-pipeline.ts';

/** How long a caller should wait before it repeats a request that did nothing. */
const RETRY_DELAY_MS = 100;

/** The error of a bad form: the first violation gives the reason, all of them are named. */
export function formError(violations: readonly Violation[]): OperatingError {
  const [first] = violations;
  if (first === undefined) return new OperatingError('INTERNAL', 'There is no violation.');
  return new OperatingError(first.reason, `${first.field} ${first.description}.`, {
    metadata: { field: first.field },
    violations: violations.map(({ field, description }) => ({ field, description })),
  });
}

/** The error of a request that its instrument's rules make none. */
export function rulesError(
  reason: PlacementErrorReason,
  field: string,
  instrument: TradedInstrument,
): OperatingError {
  const { rules } = instrument;
  const facts: Record<string, string> = { field };
  let description = 'does not go together with the other fields';
  if (reason === 'NUMBER_OUT_OF_RANGE') {
    description = 'is outside of its range';
  } else if (reason === 'PRICE_OFF_TICK') {
    facts['tick_size'] = formatPrice(instrument, rules.tickUnits);
    description = `must be a multiple of ${facts['tick_size']}`;
  } else if (reason === 'QUANTITY_OFF_LOT') {
    facts['lot_size'] = formatQuantity(instrument, rules.lotUnits);
    description = `must be a multiple of ${facts['lot_size']}`;
  } else if (reason === 'SCALE_EXCEEDED') {
    facts['scale'] = String(instrument.quoteScale);
    description = `must not have more than ${facts['scale']} decimal places`;
  } else if (reason === 'DECIMAL_OUT_OF_RANGE') {
    description = 'is beyond the largest number that the exchange counts';
  } else if (reason === 'FIELD_REQUIRED') {
    description = 'is required';
  }
  return new OperatingError(reason, `${field} ${description}.`, {
    metadata: facts,
    violations: [{ field, description }],
  });
}

export function instrumentUnknown(instrumentId: string): OperatingError {
  const options = { metadata: { instrument_id: instrumentId } };
  const message = `There is no instrument ${instrumentId}.`;
  return new OperatingError('INSTRUMENT_UNKNOWN', message, options);
}

/** Not open, and not among the final orders that are still remembered (HLD-2). */
export function orderUnknown(name: string): OperatingError {
  const options = { metadata: { order: name, beyond: 'window' } };
  const message = `There is no order ${name} open, nor one remembered that is final.`;
  return new OperatingError('ORDER_UNKNOWN', message, options);
}

export function orderNotOpen(name: string, status: string): OperatingError {
  const options = { metadata: { order: name, status } };
  return new OperatingError('ORDER_NOT_OPEN', `The order ${name} is ${status}.`, options);
}

export function requestIdTaken(clientRequestId: string): OperatingError {
  const options = { metadata: { client_request_id: clientRequestId } };
  const message = `The client request id ${clientRequestId} was used for another request.`;
  return new OperatingError('CLIENT_REQUEST_ID_ALREADY_EXISTS', message, options);
}

/** The error of an amend or cancel that the book declined. */
export function declinedError(reason: RejectReason, name: string): OperatingError {
  if (reason === 'ORDER_UNKNOWN') return orderUnknown(name);
  const known: ErrorReasonName =
    reason === 'INSUFFICIENT_FUNDS' ||
    reason === 'INSTRUMENT_STATE' ||
    reason === 'POST_ONLY_WOULD_TAKE' ||
    reason === 'QUANTITY_BELOW_MINIMUM' ||
    reason === 'QUANTITY_ABOVE_MAXIMUM' ||
    reason === 'PRICE_ABOVE_MAXIMUM' ||
    reason === 'NOTIONAL_BELOW_MINIMUM' ||
    reason === 'AMOUNT_TOO_LARGE' ||
    reason === 'INSTRUMENT_CHANGED' ||
    reason === 'PRICE_OFF_TICK' ||
    reason === 'QUANTITY_OFF_LOT' ||
    reason === 'ORDER_NOT_OPEN' ||
    reason === 'VERSION_MISMATCH' ||
    reason === 'PRICE_BAND' ||
    reason === 'DISPLAY_QUANTITY_TOO_SMALL' ||
    reason === 'TOO_LATE' ||
    reason === 'HOLD_TOO_SMALL'
      ? reason
      : 'INTERNAL';
  const message = `The request for order ${name} was declined: ${reason}.`;
  return new OperatingError(known, message, { metadata: { order: name } });
}

/** The error of a command that was not applied. */
export function notCommitted(
  settled: Exclude<Settled<unknown>, { kind: 'committed' }>,
): OperatingError {
  switch (settled.kind) {
    case 'unsent':
      return unavailable('The shard took no commands in time; nothing was done.');
    case 'unknown':
      return new OperatingError('OUTCOME_UNKNOWN', 'The shard did not answer in time.');
    case 'refused': {
      const { reason, detail } = settled;
      // The attempt's own time ran out before it was applied: to the caller the shard was away.
      if (reason === 'COMMAND_EXPIRED') return unavailable('The shard took too long.');
      const options: OperatingErrorOptions = { metadata: detail };
      return new OperatingError(
        reason,
        `The shard refused: ${reason}.`,
        withRetry(reason, options),
      );
    }
  }
}

function unavailable(message: string): OperatingError {
  return new OperatingError('SHARD_UNAVAILABLE', message, { retryDelayMs: RETRY_DELAY_MS });
}

function withRetry(reason: ErrorReasonName, options: OperatingErrorOptions): OperatingErrorOptions {
  switch (reason) {
    case 'SHARD_OVERLOADED':
    case 'LOG_UNAVAILABLE':
    case 'SETTLEMENT_LAG':
    case 'LOG_SPACE_LOW':
    case 'NOT_READY':
      return { ...options, retryDelayMs: RETRY_DELAY_MS };
    default:
      return options;
  }
}
