// One call as seen from outside: its span, its metrics, its line in the access log, the trace id
// in its reply and the mapping of its failure.

import type { Context, Span } from '@opentelemetry/api';
import { type CallContext, ServerError, Status } from 'nice-grpc-common';
import type { OperatingError } from '../errors/operating-error.ts';
import type { ErrorReasonName } from '../errors/reasons.ts';
import {
  encodeStatusDetails,
  STATUS_DETAILS_KEY,
  statusMessage,
} from '../errors/status-details.ts';
import { FAILURE_LINES_PER_SECOND, LineLimit } from '../telemetry/line-limit.ts';
import type { Logger } from '../telemetry/logger.ts';
import { addToMetric, recordMetric } from '../telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../telemetry/names.ts';
import { failSpan } from '../telemetry/spans.ts';
import {
  formatTraceparent,
  parseTraceparent,
  TRACE_FORCE_KEY,
  TRACE_ID_KEY,
  TRACEPARENT_KEY,
} from '../telemetry/trace-context.ts';
import { startCallSpan } from '../telemetry/tracing.ts';
import type { CallExtension, RpcContext } from './call-context.ts';
import type { RpcMethod } from './definition.ts';
import { loudnessOf, toOperatingError } from './error-mapping.ts';

/** What is the same for every call of a method, made once. */
export type ObservedMethod = {
  readonly spanName: string;
  readonly isStream: boolean;
  readonly attributes: { readonly [name: string]: string };
  /** By status code, so that the hot path allocates no attributes. */
  readonly attributesByCode: Map<Status, { readonly [name: string]: string }>;
};

/** On every span of a call; the metrics can do without. */
export const GRPC = { [ATTRIBUTES.rpcSystem]: 'grpc' };

export function observedMethod(method: RpcMethod): ObservedMethod {
  const [, service = '', name = ''] = method.path.split('/');
  return {
    spanName: method.path.slice(1),
    isStream: method.requestStream || method.responseStream,
    attributes: { [ATTRIBUTES.rpcService]: service, [ATTRIBUTES.rpcMethod]: name },
    attributesByCode: new Map(),
  };
}

export function attributesOfCode(method: ObservedMethod, code: Status) {
  let attributes = method.attributesByCode.get(code);
  if (attributes === undefined) {
    attributes = { ...method.attributes, [ATTRIBUTES.rpcCode]: Status[code] };
    method.attributesByCode.set(code, attributes);
  }
  return attributes;
}

const failureLines = new LineLimit(FAILURE_LINES_PER_SECOND);
const reasonAttributes = new Map<ErrorReasonName, { readonly [name: string]: string }>();

function attributesOfReason(reason: ErrorReasonName) {
  let attributes = reasonAttributes.get(reason);
  if (attributes === undefined) {
    attributes = { [ATTRIBUTES.reason]: reason };
    reasonAttributes.set(reason, attributes);
  }
  return attributes;
}

/** Metadata by key, whichever library's. */
type Readable = { get(key: string): unknown };

/** What a call says of itself. */
export type CallOrigin = {
  readonly metadata: Readable;
  readonly peer: string;
  readonly deadlineMs: number;
};

function textOf(value: unknown): string | undefined {
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first : undefined;
}

/** Begins to observe a call; `end` or `fail` must be called once. */
export class ObservedCall {
  readonly traceId: string;
  readonly deadlineMs: number;
  /** In which the handler runs. */
  readonly otel: Context;
  readonly #method: ObservedMethod;
  readonly #span: Span;
  readonly #traceparent: string;
  readonly #logger: Logger;
  readonly #peer: string;
  readonly #startMs = performance.now();

  constructor(method: ObservedMethod, origin: CallOrigin, logger: Logger) {
    this.#method = method;
    this.#logger = logger;
    this.#peer = origin.peer;
    this.deadlineMs = origin.deadlineMs;
    const remote = parseTraceparent(textOf(origin.metadata.get(TRACEPARENT_KEY)));
    const isForced = textOf(origin.metadata.get(TRACE_FORCE_KEY)) === '1';
    const { span, within } = startCallSpan(method.spanName, remote, isForced);
    this.#span = span;
    this.otel = within;
    const spanContext = this.#span.spanContext();
    this.#traceparent = formatTraceparent(spanContext);
    this.traceId = this.#traceparent === '' ? '' : spanContext.traceId;
    addToMetric(METRICS.rpcActive, 1, method.attributes);
  }

  /** The handler's view of the call. */
  extend(call: CallContext, draining: AbortSignal): RpcContext {
    const extension: CallExtension = {
      traceId: this.traceId,
      deadlineMs: this.deadlineMs,
      draining,
    };
    return Object.assign(call, extension);
  }

  /** Puts the trace id where the caller finds it, in a header or in a trailer. */
  writeTrace(metadata: { set(key: string, value: string): unknown }): void {
    if (this.#traceparent === '') return;
    metadata.set(TRACE_ID_KEY, this.traceId);
    metadata.set(TRACEPARENT_KEY, this.#traceparent);
  }

  /** The call was served. */
  end(): void {
    this.#close(Status.OK, 'call served');
  }

  /** The caller stopped waiting before the call was over. */
  cancel(): void {
    const isLate = Date.now() >= this.deadlineMs;
    this.#close(isLate ? Status.DEADLINE_EXCEEDED : Status.CANCELLED, 'call canceled');
  }

  /** Lines of good calls are written with the trace that they explain; all of them at debug. */
  #close(code: Status, message: string): void {
    this.#finish(code);
    if (this.#span.isRecording()) {
      this.#logger.info(this.#line(code), message);
    } else if (this.#logger.isLevelEnabled('debug')) {
      this.#logger.debug(this.#line(code), message);
    }
    this.#endSpan(code);
  }

  /** The call failed with what was thrown; answers the error as the caller is to see it. */
  fail(thrown: unknown): OperatingError {
    const error = toOperatingError(thrown, this.traceId);
    this.#finish(error.code);
    if (error.reason !== undefined) {
      addToMetric(METRICS.rejections, 1, attributesOfReason(error.reason));
    }
    this.#logFailure(error);
    if (loudnessOf(error.code) !== 'info') failSpan(this.#span, error.cause ?? error);
    if (error.reason !== undefined) this.#span.setAttribute(ATTRIBUTES.reason, error.reason);
    this.#endSpan(error.code);
    return error;
  }

  #logFailure(error: OperatingError): void {
    const suppressed = failureLines.take(performance.now());
    if (suppressed === undefined) return;
    const line = { ...this.#line(error.code), reason: error.reason };
    const before = suppressed === 0 ? {} : { lines_suppressed: suppressed };
    const loudness = loudnessOf(error.code);
    if (loudness === 'info') {
      this.#logger.info({ ...line, ...before, detail: error.message }, 'call refused');
    } else {
      this.#logger[loudness]({ ...line, ...before, error: error.cause ?? error }, 'call failed');
    }
  }

  #finish(code: Status): void {
    const attributes = attributesOfCode(this.#method, code);
    addToMetric(METRICS.rpcActive, -1, this.#method.attributes);
    addToMetric(METRICS.rpcRequests, 1, attributes);
    // How long a stream was open says nothing about how fast it was served.
    if (!this.#method.isStream) recordMetric(METRICS.rpcDuration, this.#seconds(), attributes);
  }

  #endSpan(code: Status): void {
    if (!this.#span.isRecording()) return;
    this.#span.setAttributes({ ...GRPC, ...attributesOfCode(this.#method, code) });
    this.#span.end();
  }

  #seconds(): number {
    return (performance.now() - this.#startMs) / 1000;
  }

  #line(code: Status): object {
    return {
      method: this.#method.spanName,
      code: Status[code],
      duration_ms: Math.round(this.#seconds() * 1e6) / 1e3,
      peer: this.#peer,
      trace_id: this.traceId,
    };
  }
}

/** What nice-grpc turns into the status of the reply; the details go into the trailer. */
export function toServerError(error: OperatingError, trailer: CallContext['trailer']): ServerError {
  const details = encodeStatusDetails(error);
  if (details !== undefined) trailer.set(STATUS_DETAILS_KEY, details);
  return new ServerError(error.code, statusMessage(error));
}
