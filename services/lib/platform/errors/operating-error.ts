// The one error class for what can go wrong around the business: thrown in adapters, carried
// over gRPC as google.rpc.Status details and parsed back to the same class by our clients.

import { Status } from 'nice-grpc-common';
import {
  codeOfReason,
  type ErrorReasonName,
  type RetryAdvice,
  retryAdviceOfReason,
} from './reasons.ts';

/** `domain` of every google.rpc.ErrorInfo that this system sends. */
export const ERROR_DOMAIN = 'bourse';

export type FieldViolation = {
  /** Dot-separated path of the request field, e.g. `orders[3].price`. */
  readonly field: string;
  readonly description: string;
};

export type OperatingErrorOptions = {
  /** What a program needs to react: ids, limits with their unit in the key, the leader's address. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly FieldViolation[];
  /** How long waiting helps; becomes RetryInfo. */
  readonly retryDelayMs?: number;
  readonly cause?: unknown;
};

/**
 * A request that could not be served. `reason` is absent only for failures that no server of
 * ours described: a broken connection, a deadline that passed, a foreign server.
 */
export class OperatingError extends Error {
  override readonly name = 'OperatingError';
  readonly reason: ErrorReasonName | undefined;
  readonly code: Status;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  readonly retryDelayMs: number | undefined;

  constructor(reason: ErrorReasonName, message: string, options?: OperatingErrorOptions);
  constructor(failure: { readonly code: Status }, message: string, options?: OperatingErrorOptions);
  constructor(
    what: ErrorReasonName | { readonly code: Status },
    message: string,
    options: OperatingErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = typeof what === 'string' ? what : undefined;
    this.code = typeof what === 'string' ? codeOfReason(what) : what.code;
    this.metadata = options.metadata ?? {};
    this.violations = options.violations ?? [];
    this.retryDelayMs = options.retryDelayMs;
  }

  /** What the caller may do. Without a reason: nothing was done only if the code says so. */
  get retryAdvice(): RetryAdvice {
    if (this.reason !== undefined) return retryAdviceOfReason(this.reason);
    return OUTCOME_UNKNOWN.has(this.code) ? 'repeat' : 'never';
  }

  /**
   * Whether the request may have had its effect although it failed: nobody who knows answered.
   * Repeating it with the same ids gives certainty; taking it as refused does not.
   */
  get isOutcomeUnknown(): boolean {
    return this.retryAdvice === 'repeat';
  }
}

const OUTCOME_UNKNOWN: ReadonlySet<Status> = new Set([
  Status.CANCELLED,
  Status.UNKNOWN,
  Status.DEADLINE_EXCEEDED,
  Status.ABORTED,
  Status.INTERNAL,
  Status.UNAVAILABLE,
  Status.DATA_LOSS,
]);
