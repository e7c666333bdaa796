// Sets up tracing for the process: sampling, W3C context across awaits, export over OTLP.

import {
  type Context,
  context,
  createContextKey,
  isSpanContextValid,
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
import { setTracer } from './spans.ts';

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

/** Starts tracing for the whole process; answers what flushes and ends it. */
export function startTracing(options: TracingOptions): { shutdown(): Promise<void> } {
  const manager = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  const { otlpEndpoint, resource, sampleRatio } = options;
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
    sampler: createSampler(sampleRatio),
    spanProcessors,
  });
  trace.setGlobalTracerProvider(provider);
  setTracer(provider.getTracer('bourse'));
  return {
    async shutdown() {
      setTracer(undefined);
      await provider.shutdown();
      trace.disable();
      context.disable();
    },
  };
}
