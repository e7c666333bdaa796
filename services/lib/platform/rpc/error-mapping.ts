// What a failed handler means to the caller: one place where anything thrown becomes a gRPC status.

import { ServerError, Status } from 'nice-grpc-common';
import { OperatingError } from '../errors/operating-error.ts';

/** The error to send for whatever a handler threw. */
export function toOperatingError(thrown: unknown, traceId: string): OperatingError {
  if (thrown instanceof OperatingError) return withReason(thrown);
  if (thrown instanceof ServerError) {
    return new OperatingError({ code: thrown.code }, thrown.details, { cause: thrown });
  }
  if (isAbortError(thrown)) {
    return new OperatingError({ code: Status.CANCELLED }, 'The call was canceled.');
  }
  // What exactly went wrong stays in the log, under the trace id that the caller can quote.
  const metadata = traceId === '' ? {} : { trace_id: traceId };
  return new OperatingError('INTERNAL', 'The server has a fault.', { metadata, cause: thrown });
}

/**
 * A call that this one depended on failed without anyone saying why. To our caller that is not its
 * own connection breaking: it learns that the outcome is unknown.
 */
function withReason(error: OperatingError): OperatingError {
  if (error.reason !== undefined || !error.isOutcomeUnknown) return error;
  if (error.code === Status.DEADLINE_EXCEEDED || error.code === Status.CANCELLED) return error;
  const message = `It is not known whether the request took effect: ${error.message}`;
  return new OperatingError('OUTCOME_UNKNOWN', message, { cause: error });
}

function isAbortError(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError';
}

/**
 * How loud a failure is in the log: our own fault wakes someone up, what depends on other
 * processes is worth a look, the rest is the caller's affair.
 */
export function loudnessOf(code: Status): 'error' | 'warn' | 'info' {
  if (code === Status.INTERNAL || code === Status.DATA_LOSS) return 'error';
  return code === Status.UNKNOWN || code === Status.UNAVAILABLE ? 'warn' : 'info';
}
