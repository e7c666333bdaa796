// Structured logs: one JSON object a line, with the service, the node and the trace it belongs to.

import { isSpanContextValid, trace } from '@opentelemetry/api';
import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

export type LoggerOptions = {
  /** The service's name: order, matching, … */
  readonly service: string;
  /** The process's node id: order-1, matching-2, … */
  readonly node: string;
  readonly level?: LogLevel;
  /** Where lines go; standard output when absent. */
  readonly destination?: DestinationStream;
};

/** A logger whose lines carry `service`, `node` and, inside a span, `trace_id` and `span_id`. */
export function createLogger(options: LoggerOptions): Logger {
  const { service, node, level = 'info', destination } = options;
  const settings = {
    level,
    base: { service, node },
    messageKey: 'message',
    errorKey: 'error',
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    mixin: activeTrace,
    serializers: { error: describeError, err: describeError },
  };
  // Synchronously: in the background the last lines of a process would change places.
  return pino(settings, destination ?? pino.destination({ dest: 1, sync: true }));
}

function activeTrace(): object {
  const span = trace.getActiveSpan()?.spanContext();
  if (span === undefined || !isSpanContextValid(span)) return {};
  return { trace_id: span.traceId, span_id: span.spanId };
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack } = error;
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) };
  return { name, message, stack, ...cause };
}
