// Writes and serves the metrics declared in names.ts: Prometheus text over HTTP, and OTLP when an
// endpoint is set. Before `startMetrics` everything here does nothing.

import type {
  Attributes,
  Counter,
  Histogram,
  Meter,
  ObservableGauge,
  UpDownCounter,
} from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import type { Resource } from '@opentelemetry/resources';
import {
  type IMetricReader,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { StartError } from '../config/start-error.ts';
import type { Metric } from './names.ts';

const OTLP_INTERVAL_MS = 10_000;

export type MetricsOptions = {
  readonly resource: Resource;
  readonly otlpEndpoint?: string | undefined;
  /** Port of the Prometheus text; none is opened when absent. */
  readonly prometheusPort?: number | undefined;
  /** Address that the port binds to; loopback when absent. */
  readonly prometheusHost?: string | undefined;
};

type Reading = () => Iterable<readonly [value: number, attributes: Attributes]>;
type Written = Metric<'counter'> | Metric<'up-down-counter'>;

let meter: Meter | undefined;
const adders = new Map<Written, Counter | UpDownCounter>();
const histograms = new Map<Metric<'histogram'>, Histogram>();
const gauges = new Map<Metric<'gauge'>, ObservableGauge>();
const readings = new Map<Metric<'gauge'>, Set<Reading>>();

/** Adds to a counter; an up-down counter takes negative values too. */
export function addToMetric(metric: Written, value: number, attributes?: Attributes): void {
  if (meter === undefined) return;
  let instrument = adders.get(metric);
  if (instrument === undefined) {
    const { unit, description } = metric;
    instrument =
      metric.kind === 'counter'
        ? meter.createCounter(metric.name, { unit, description })
        : meter.createUpDownCounter(metric.name, { unit, description });
    adders.set(metric, instrument);
  }
  instrument.add(value, attributes);
}

/** Records one value of a histogram, in the metric's unit: seconds for durations. */
export function recordMetric(
  metric: Metric<'histogram'>,
  value: number,
  attributes?: Attributes,
): void {
  if (meter === undefined) return;
  let instrument = histograms.get(metric);
  if (instrument === undefined) {
    const { unit, description, buckets = [] } = metric;
    const advice = { explicitBucketBoundaries: [...buckets] };
    instrument = meter.createHistogram(metric.name, { unit, description, advice });
    histograms.set(metric, instrument);
  }
  instrument.record(value, attributes);
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
  attachGauge(metric);
  return () => {
    all.delete(reading);
  };
}

function attachGauge(metric: Metric<'gauge'>): void {
  if (meter === undefined || gauges.has(metric)) return;
  const { unit, description } = metric;
  const gauge = meter.createObservableGauge(metric.name, { unit, description });
  gauge.addCallback((result) => {
    for (const reading of readings.get(metric) ?? []) {
      for (const [value, attributes] of reading()) result.observe(value, attributes);
    }
  });
  gauges.set(metric, gauge);
}

/** Starts metrics for the whole process; answers what flushes and ends them. */
export async function startMetrics(
  options: MetricsOptions,
): Promise<{ shutdown(): Promise<void> }> {
  const { resource, otlpEndpoint, prometheusPort, prometheusHost = '127.0.0.1' } = options;
  const readers: IMetricReader[] = [];
  if (prometheusPort !== undefined) {
    readers.push(await servePrometheus(prometheusHost, prometheusPort));
  }
  if (otlpEndpoint !== undefined) {
    const exporter = new OTLPMetricExporter({ url: otlpEndpoint });
    readers.push(
      new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: OTLP_INTERVAL_MS }),
    );
  }
  const provider = new MeterProvider({ resource, readers });
  meter = provider.getMeter('bourse');
  for (const metric of readings.keys()) attachGauge(metric);
  return {
    async shutdown() {
      meter = undefined;
      adders.clear();
      histograms.clear();
      gauges.clear();
      await provider.shutdown();
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
