// Writes and serves the metrics declared in names.ts: Prometheus text over HTTP, and OTLP when an
// endpoint is set. Before `startMetrics` and after its shutdown, writing does nothing.

import type { Attributes } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import type { Resource } from '@opentelemetry/resources';
import { type MetricReader, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { StartError } from '../config/start-error.ts';
import type { Metric } from './names.ts';
import { MetricRegistry, type Reading } from './registry.ts';

const OTLP_INTERVAL_MS = 10_000;

export type MetricsOptions = {
  readonly resource: Resource;
  readonly otlpEndpoint?: string | undefined;
  /** Port of the Prometheus text; none is opened when absent. */
  readonly prometheusPort?: number | undefined;
  /** Address that the port binds to; loopback when absent. */
  readonly prometheusHost?: string | undefined;
};

let registry: MetricRegistry | undefined;
const readings = new Map<Metric<'gauge'>, Set<Reading>>();

/**
 * Adds to a counter; an up-down counter takes negative values too. Attributes that are one constant
 * object find their series without being looked at.
 */
export function addToMetric(
  metric: Metric<'counter'> | Metric<'up-down-counter'>,
  value: number,
  attributes?: Attributes,
): void {
  registry?.add(metric, value, attributes);
}

/** Records one value of a histogram, in the metric's unit: seconds for durations. */
export function recordMetric(
  metric: Metric<'histogram'>,
  value: number,
  attributes?: Attributes,
): void {
  registry?.record(metric, value, attributes);
}

/**
 * Lets a gauge be read by `reading` whenever someone collects; several readings add up to one
 * gauge with different attributes. Answers what ends it.
 */
export function observeMetric(metric: Metric<'gauge'>, reading: Reading): () => void {
  let all = readings.get(metric);
  if (all === undefined) {
    all = new Set();
    readings.set(metric, all);
  }
  all.add(reading);
  return () => {
    all.delete(reading);
  };
}

/** Ends all readings: those of simulated processes, which do not live to end their own. */
export function endReadings(): void {
  for (const all of readings.values()) all.clear();
}

/** Starts metrics for the whole process; answers what flushes and ends them. */
export async function startMetrics(
  options: MetricsOptions,
): Promise<{ shutdown(): Promise<void> }> {
  const { resource, otlpEndpoint, prometheusPort, prometheusHost = '127.0.0.1' } = options;
  const readers: MetricReader[] = [];
  if (prometheusPort !== undefined) {
    readers.push(await servePrometheus(prometheusHost, prometheusPort));
  }
  if (otlpEndpoint !== undefined) {
    const exporter = new OTLPMetricExporter({ url: otlpEndpoint });
    readers.push(
      new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: OTLP_INTERVAL_MS }),
    );
  }
  const started = new MetricRegistry(resource, readings);
  for (const reader of readers) reader.setMetricProducer(started);
  registry = started;
  return {
    async shutdown() {
      if (registry === started) registry = undefined;
      await Promise.allSettled(readers.map((reader) => reader.shutdown()));
    },
  };
}

async function servePrometheus(host: string, port: number): Promise<PrometheusExporter> {
  const exporter = new PrometheusExporter({ host, port, preventServerStart: true });
  try {
    await exporter.startServer();
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'is in use' : String(error);
    throw new StartError(`The metrics port ${host}:${port} cannot be opened: it ${why}.`);
  }
  return exporter;
}
