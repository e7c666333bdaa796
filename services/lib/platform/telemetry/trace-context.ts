// W3C trace context as text: in call metadata, and inside log entries and batches, where one trace
// must go on although the bytes cross a process, a table or a restart.

import {
  type Context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api';

/** Metadata key of the W3C trace context, of requests and of replies. */
export const TRACEPARENT_KEY = 'traceparent';
/** Metadata key of every reply's trace id: 32 lower-case hex digits. */
export const TRACE_ID_KEY = 'x-bourse-trace-id';
/** A request with this set to `1` is traced whatever the sampling says. */
export const TRACE_FORCE_KEY = 'x-bourse-trace';

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;

/**
 * The span that a traceparent names, as remote parent; undefined when the text is not one (W3C
 * Trace Context, 3.2.2: version ff, zero ids and upper case are not), so that a new trace begins.
 */
export function parseTraceparent(text: string | undefined): SpanContext | undefined {
  if (text === undefined || text === '') return undefined;
  const match = TRACEPARENT.exec(text);
  if (match === null) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  const traceFlags = Number.parseInt(flags, 16) & SAMPLED;
  const parsed: SpanContext = { traceId, spanId, traceFlags, isRemote: true };
  return isSpanContextValid(parsed) ? parsed : undefined;
}

/** The traceparent of a span; empty when there is none, as the contracts' fields want it. */
export function formatTraceparent(span: SpanContext | undefined): string {
  if (span === undefined || !isSpanContextValid(span)) return '';
  return `00-${span.traceId}-${span.spanId}-0${span.traceFlags & SAMPLED}`;
}

/** The traceparent of the active span, or of the one in `context`; empty when there is none. */
export function currentTraceparent(context?: Context): string {
  const span = context === undefined ? trace.getActiveSpan() : trace.getSpan(context);
  return formatTraceparent(span?.spanContext());
}

/** A context whose parent span is the one named, for work that carries on someone's trace. */
export function contextOfTraceparent(text: string | undefined): Context {
  const parent = parseTraceparent(text);
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}

/**
 * Links to the sampled spans among the traceparents, each once, at most `limit`: what a batch
 * gives its span. Links to spans that were never recorded would lead nowhere.
 */
export function linksToTraceparents(texts: Iterable<string>, limit = 32): Link[] {
  const links = new Map<string, Link>();
  for (const text of texts) {
    if (links.size >= limit) break;
    if (text === '' || text.endsWith('0') || links.has(text)) continue;
    const context = parseTraceparent(text);
    if (context !== undefined && context.traceFlags === SAMPLED) links.set(text, { context });
  }
  return [...links.values()];
}
