// Starts traces and metrics of a process together, under one description of who it is.

import { resourceFromAttributes } from '@opentelemetry/resources';
import { startMetrics } from './metrics.ts';
import { ATTRIBUTES } from './names.ts';
import { observeProcess } from './process-usage.ts';
import { startTracing } from './tracing.ts';

export type TelemetryOptions = {
  /** The service's name: order, matching, … */
  readonly service: string;
  /** The process's node id: order-1, matching-2, … */
  readonly node: string;
  readonly version?: string;
  /** OTEL_EXPORTER_OTLP_ENDPOINT: where traces and metrics are sent; nowhere when absent. */
  readonly otlpEndpoint?: string | undefined;
  /** Share of traces begun here that are recorded, 0 to 1; 0.01 when absent. */
  readonly traceSampleRatio?: number | undefined;
  readonly prometheusPort?: number | undefined;
  readonly prometheusHost?: string | undefined;
};

const DEFAULT_SAMPLE_RATIO = 0.01;

/**
 * Starts telemetry for the whole process, once, before anything that is to be seen.
 *
 * @throws StartError when the Prometheus port cannot be opened.
 */
export async function startTelemetry(
  options: TelemetryOptions,
): Promise<{ shutdown(): Promise<void> }> {
  const { otlpEndpoint, prometheusHost, prometheusPort } = options;
  const resource = resourceFromAttributes({
    'service.name': options.service,
    'service.namespace': 'bourse',
    'service.instance.id': options.node,
    [ATTRIBUTES.nodeId]: options.node,
    ...(options.version === undefined ? {} : { 'service.version': options.version }),
  });
  const metrics = await startMetrics({ resource, otlpEndpoint, prometheusHost, prometheusPort });
  const stopObserving = observeProcess();
  const sampleRatio = options.traceSampleRatio ?? DEFAULT_SAMPLE_RATIO;
  const tracing = startTracing({ resource, otlpEndpoint, sampleRatio });
  return {
    async shutdown() {
      stopObserving();
      // A collector that does not answer must not keep the process from stopping.
      await Promise.allSettled([tracing.shutdown(), metrics.shutdown()]);
    },
  };
}
