// Starting and ending spans around work, and keeping the context across `next()` of generators.

import {
  type Attributes,
  context as activeContext,
  type Context,
  type Link,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';

const IDLE: Tracer = trace.getTracer('bourse');
let tracer: Tracer | undefined;

/** The tracer of this process; before tracing starts one whose spans have no trace id. */
export function getTracer(): Tracer {
  return tracer ?? IDLE;
}

/** Told by `startTracing` when tracing starts and, with undefined, when it ends. */
export function setTracer(next: Tracer | undefined): void {
  tracer = next;
}

export type SpanOptions = {
  /** Where the span belongs; the active context when absent. */
  readonly parent?: Context;
  /** What it concerns besides its parent: every request of a batch, for instance. */
  readonly links?: readonly Link[];
  readonly attributes?: Attributes;
  readonly kind?: SpanKind;
  /** When it began, in milliseconds since the epoch; now when absent. */
  readonly startTimeMs?: number;
};

/** Starts a span that the caller ends. */
export function startSpan(name: string, options: SpanOptions = {}): Span {
  const { parent = activeContext.active(), links, attributes, kind, startTimeMs } = options;
  return getTracer().startSpan(
    name,
    {
      kind: kind ?? SpanKind.INTERNAL,
      ...(links === undefined ? {} : { links: [...links] }),
      ...(attributes === undefined ? {} : { attributes }),
      ...(startTimeMs === undefined ? {} : { startTime: startTimeMs }),
    },
    parent,
  );
}

/** Runs `work` inside a span that ends with it; what it throws is recorded and thrown on. */
export async function withSpan<Result>(
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  const parent = options.parent ?? activeContext.active();
  const span = startSpan(name, { ...options, parent });
  try {
    return await activeContext.with(trace.setSpan(parent, span), () => work(span));
  } catch (error) {
    failSpan(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Marks a span as failed with what was thrown. */
export function failSpan(span: Span, error: unknown): void {
  if (!span.isRecording()) return;
  const message = error instanceof Error ? error.message : String(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  if (error instanceof Error) span.recordException(error);
}

/**
 * An iterable whose every step runs in `context`. A generator does not keep the context it was
 * created in: each step runs in that of whoever calls `next()`.
 */
export function bindIterable<Item>(
  context: Context,
  source: { [Symbol.asyncIterator](): AsyncIterator<Item, void> },
): AsyncIterableIterator<Item, void> {
  const iterator = activeContext.with(context, () => source[Symbol.asyncIterator]());
  const ended = { done: true, value: undefined } as const;
  return {
    next: () => activeContext.with(context, () => iterator.next()),
    return: () => activeContext.with(context, () => iterator.return?.() ?? Promise.resolve(ended)),
    throw: (error) =>
      activeContext.with(context, () => iterator.throw?.(error) ?? Promise.reject(error)),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
