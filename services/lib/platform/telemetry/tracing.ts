// Sets up tracing for the process: sampling, W3C context across awaits, export over OTLP.

import { randomFillSync } from 'node:crypto';
import {
  type Context,
  context,
  createContextKey,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import type { Resource } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { getTracer, setTracer } from './spans.ts';

/** Spans leave this often; short, so that whoever waits for a trace in Jaeger need not. */
const EXPORT_INTERVAL_MS = 1_000;
/** Spans that wait for export; beyond it the newest are dropped and the exporter counts them. */
const EXPORT_QUEUE_LIMIT = 16_384;
const EXPORT_TIMEOUT_MS = 5_000;

export type TracingOptions = {
  readonly resource: Resource;
  /** Where to export, such as http://127.0.0.1:4317; nowhere when absent. */
  readonly otlpEndpoint?: string | undefined;
  /** Share of traces begun here that are recorded, 0 to 1. */
  readonly sampleRatio: number;
};

const FORCED = createContextKey('bourse trace forced');

/** A context in which every span is recorded: the caller asked for it by header. */
export function forceTrace(parent: Context): Context {
  return parent.setValue(FORCED, true);
}

/** Follows the parent's decision, decides by ratio where a trace begins; a forced one always is. */
export function createSampler(sampleRatio: number): Sampler {
  const root = new TraceIdRatioBasedSampler(sampleRatio);
  return {
    shouldSample(parent: Context, traceId: string): SamplingResult {
      if (parent.getValue(FORCED) === true) return RECORD;
      const span = trace.getSpanContext(parent);
      if (span !== undefined && isSpanContextValid(span)) {
        return (span.traceFlags & TraceFlags.SAMPLED) === 0 ? DROP : RECORD;
      }
      return root.shouldSample(parent, traceId);
    },
    toString: () => `ForcedOrParentBased{ratio=${sampleRatio}}`,
  };
}

const RECORD: SamplingResult = { decision: SamplingDecision.RECORD_AND_SAMPLED };
const DROP: SamplingResult = { decision: SamplingDecision.NOT_RECORD };

/**
 * Starts the span of a call that this process serves, and the context to serve it in. Most calls
 * are not recorded: they get ids to be found by and cost nothing else.
 */
export function startCallSpan(
  name: string,
  remote: SpanContext | undefined,
  isForced: boolean,
): { readonly span: Span; readonly within: Context } {
  if (sampleRatio === undefined) return IDLE_CALL;
  const isRecorded =
    isForced ||
    (remote === undefined
      ? Math.random() < sampleRatio
      : (remote.traceFlags & TraceFlags.SAMPLED) !== 0);
  if (!isRecorded) {
    const traceId = remote?.traceId ?? randomHex(16);
    const span = trace.wrapSpanContext({ traceId, spanId: randomHex(8), traceFlags: 0 });
    return { span, within: trace.setSpan(ROOT_CONTEXT, span) };
  }
  const parent = remote === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote);
  const span = getTracer().startSpan(name, { kind: SpanKind.SERVER }, forceTrace(parent));
  return { span, within: trace.setSpan(parent, span) };
}

const IDLE_CALL = { span: trace.wrapSpanContext(INVALID_SPAN_CONTEXT), within: ROOT_CONTEXT };
/** Share of traces begun here that are recorded; undefined while tracing is off. */
let sampleRatio: number | undefined;

const RANDOM_BYTES = 8_192;
const random = Buffer.alloc(RANDOM_BYTES);
let randomOffset = RANDOM_BYTES;

/** Random bytes as hex, drawn from a pool: a system call each time would cost more than the rest. */
function randomHex(bytes: number): string {
  if (randomOffset + bytes > RANDOM_BYTES) {
    randomFillSync(random);
    randomOffset = 0;
  }
  randomOffset += bytes;
  return random.toString('hex', randomOffset - bytes, randomOffset);
}

/** Starts tracing for the whole process; answers what flushes and ends it. */
export function startTracing(options: TracingOptions): { shutdown(): Promise<void> } {
  const manager = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  const { otlpEndpoint, resource } = options;
  const spanProcessors =
    otlpEndpoint === undefined
      ? []
      : [
          new BatchSpanProcessor({
            exporter: new OTLPTraceExporter({
              url: otlpEndpoint,
              timeoutMillis: EXPORT_TIMEOUT_MS,
            }),
            scheduledDelayMillis: EXPORT_INTERVAL_MS,
            maxQueueSize: EXPORT_QUEUE_LIMIT,
            exportTimeoutMillis: EXPORT_TIMEOUT_MS,
          }),
        ];
  const provider = new TracerProvider({
    resource,
    sampler: createSampler(options.sampleRatio),
    spanProcessors,
  });
  trace.setGlobalTracerProvider(provider);
  setTracer(provider.getTracer('bourse'));
  sampleRatio = options.sampleRatio;
  return {
    async shutdown() {
      setTracer(undefined);
      sampleRatio = undefined;
      await provider.shutdown();
      trace.disable();
      context.disable();
    },
  };
}
