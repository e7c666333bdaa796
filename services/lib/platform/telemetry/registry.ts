// Holds the values of metrics. Our own, because a call writes four of them: OpenTelemetry's
// instruments sort and serialize the attributes each time, here a constant attributes object finds
// its series by identity. OpenTelemetry's exporters read from it as from any producer.

import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type CollectionResult,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import type { Metric } from './names.ts';

/** Different attributes of one metric; beyond it everything goes to one series, marked as such. */
const SERIES_LIMIT = 2_000;
/** Marks what went beyond the limit, by OpenTelemetry's convention. */
const OVERFLOW: Attributes = { 'otel.metric.overflow': true };
const NONE: Attributes = {};

/** What a gauge shows when someone collects. */
export type Reading = () => Iterable<readonly [value: number, attributes: Attributes]>;

type Sum = { readonly attributes: Attributes; value: number };
type Distribution = {
  readonly attributes: Attributes;
  readonly counts: number[];
  count: number;
  sum: number;
  min: number;
  max: number;
};

/** Attributes objects remembered by identity; whoever makes a new one each time is looked at. */
const IDENTITIES_LIMIT = 2 * SERIES_LIMIT;

/** The series of one metric, found by the identity of their attributes or by their content. */
class Family<Series> {
  #identities = 0;
  readonly #byIdentity = new WeakMap<Attributes, Series>();
  readonly #byContent = new Map<string, Series>();
  readonly #make: (attributes: Attributes) => Series;

  constructor(make: (attributes: Attributes) => Series) {
    this.#make = make;
  }

  find(attributes: Attributes): Series {
    let series = this.#byIdentity.get(attributes);
    if (series === undefined) {
      series = this.#findByContent(attributes);
      this.#identities += 1;
      if (this.#identities <= IDENTITIES_LIMIT) this.#byIdentity.set(attributes, series);
    }
    return series;
  }

  all(): Iterable<Series> {
    return this.#byContent.values();
  }

  #findByContent(attributes: Attributes): Series {
    const names = Object.keys(attributes).sort((a, b) => (a < b ? -1 : 1));
    const content = JSON.stringify(names.map((name) => [name, attributes[name]]));
    let series = this.#byContent.get(content);
    if (series === undefined) {
      if (this.#byContent.size >= SERIES_LIMIT && attributes !== OVERFLOW) {
        return this.find(OVERFLOW);
      }
      series = this.#make({ ...attributes });
      this.#byContent.set(content, series);
    }
    return series;
  }
}

export class MetricRegistry implements MetricProducer {
  readonly #resource: Resource;
  readonly #startTime = hrTimeNow();
  readonly #sums = new Map<Metric<'counter' | 'up-down-counter'>, Family<Sum>>();
  readonly #distributions = new Map<Metric<'histogram'>, Family<Distribution>>();
  readonly #readings: ReadonlyMap<Metric<'gauge'>, ReadonlySet<Reading>>;

  constructor(resource: Resource, readings: ReadonlyMap<Metric<'gauge'>, ReadonlySet<Reading>>) {
    this.#resource = resource;
    this.#readings = readings;
  }

  add(
    metric: Metric<'counter'> | Metric<'up-down-counter'>,
    value: number,
    attributes: Attributes = NONE,
  ): void {
    let family = this.#sums.get(metric);
    if (family === undefined) {
      family = new Family((own) => ({ attributes: own, value: 0 }));
      this.#sums.set(metric, family);
    }
    family.find(attributes).value += value;
  }

  record(metric: Metric<'histogram'>, value: number, attributes: Attributes = NONE): void {
    const buckets = metric.buckets ?? [];
    let family = this.#distributions.get(metric);
    if (family === undefined) {
      family = new Family((own) => emptyDistribution(own, buckets.length + 1));
      this.#distributions.set(metric, family);
    }
    const series = family.find(attributes);
    let bucket = 0;
    while (bucket < buckets.length && value > (buckets[bucket] as number)) bucket += 1;
    series.counts[bucket] = (series.counts[bucket] as number) + 1;
    series.count += 1;
    series.sum += value;
    if (value < series.min) series.min = value;
    if (value > series.max) series.max = value;
  }

  async collect(): Promise<CollectionResult> {
    const endTime = hrTimeNow();
    const times = { startTime: this.#startTime, endTime };
    const metrics: MetricData[] = [];
    for (const [metric, family] of this.#sums) {
      const dataPoints = points(times, family.all(), (series) => series.value);
      const isMonotonic = metric.kind === 'counter';
      metrics.push({
        ...describe(metric),
        dataPointType: DataPointType.SUM,
        isMonotonic,
        dataPoints,
      });
    }
    for (const [metric, family] of this.#distributions) {
      const dataPoints = points(times, family.all(), (series) => histogramOf(metric, series));
      metrics.push({ ...describe(metric), dataPointType: DataPointType.HISTOGRAM, dataPoints });
    }
    for (const [metric, readings] of this.#readings) {
      const seen = [...readings].flatMap((reading) => [...reading()]);
      const series = seen.map(([value, attributes]) => ({ value, attributes }));
      const dataPoints = points(times, series, ({ value }) => value);
      if (dataPoints.length === 0) continue;
      metrics.push({ ...describe(metric), dataPointType: DataPointType.GAUGE, dataPoints });
    }
    const scopeMetrics = [{ scope: { name: 'bourse' }, metrics }];
    return { resourceMetrics: { resource: this.#resource, scopeMetrics }, errors: [] };
  }
}

function emptyDistribution(attributes: Attributes, buckets: number): Distribution {
  const counts = new Array<number>(buckets).fill(0);
  return { attributes, counts, count: 0, sum: 0, min: Infinity, max: -Infinity };
}

function histogramOf(metric: Metric, { counts, count, sum, min, max }: Distribution): Histogram {
  const boundaries = [...(metric.buckets ?? [])];
  return { buckets: { boundaries, counts: [...counts] }, count, sum, min, max };
}

function describe({ name, unit, description }: Metric) {
  return {
    descriptor: { name, unit, description, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  } as const;
}

function points<Series extends { readonly attributes: Attributes }, Value>(
  times: { readonly startTime: HrTime; readonly endTime: HrTime },
  all: Iterable<Series>,
  read: (series: Series) => Value,
): DataPoint<Value>[] {
  return [...all].map((one) => ({ ...times, attributes: one.attributes, value: read(one) }));
}

function hrTimeNow(): HrTime {
  const nowMs = Date.now();
  return [Math.floor(nowMs / 1_000), (nowMs % 1_000) * 1_000_000];
}
