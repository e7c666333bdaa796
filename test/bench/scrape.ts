// Reads a process's Prometheus page.

/** Count of observations up to each bound, over all labels; the last bound is infinity. */
export type Histogram = ReadonlyMap<number, number>;

type Sample = { readonly name: string; readonly labels: string; readonly value: number };

/** Everything that a process showed at one moment. */
export class Page {
  readonly #samples: readonly Sample[];

  constructor(text: string) {
    this.#samples = text.split('\n').flatMap((line) => sampleOf(line) ?? []);
  }

  /** @param name as Prometheus has it @param label what its labels must contain */
  sum(name: string, label = ''): number {
    return this.#matching(name, label).reduce((sum, { value }) => sum + value, 0);
  }

  /** @param name as Prometheus has it, without `_bucket` */
  histogram(name: string, label = ''): Histogram {
    const counts = new Map<number, number>();
    for (const { labels, value } of this.#matching(`${name}_bucket`, label)) {
      const bound = /le="([^"]+)"/.exec(labels)?.[1] ?? '';
      const le = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
      counts.set(le, (counts.get(le) ?? 0) + value);
    }
    return counts;
  }

  #matching(name: string, label: string): readonly Sample[] {
    return this.#samples.filter((sample) => sample.name === name && sample.labels.includes(label));
  }
}

function sampleOf(line: string): Sample | undefined {
  const [, name, labels = '', value] = /^(\w+)(\{.*\})? (\S+)/.exec(line) ?? [];
  return name === undefined ? undefined : { name, labels, value: Number(value) };
}

/** @param port of the process's metrics */
export async function scrape(port: number): Promise<Page> {
  return new Page(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
}

/** What was observed between two readings, by upper bound of its bucket. */
export function histogramBetween(before: Histogram, after: Histogram): Histogram {
  return new Map([...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)]));
}

export function addHistograms(histograms: readonly Histogram[]): Histogram {
  const counts = new Map<number, number>();
  for (const histogram of histograms) {
    for (const [bound, count] of histogram) counts.set(bound, (counts.get(bound) ?? 0) + count);
  }
  return counts;
}

/** What that share stayed below, by a straight line through its bucket; 0 when there is nothing. */
export function quantileOf(histogram: Histogram, share: number): number {
  const bounds = [...histogram.keys()].sort((one, other) => one - other);
  const wanted = (histogram.get(Number.POSITIVE_INFINITY) ?? 0) * share;
  if (wanted === 0) return 0;
  let lower = 0;
  let below = 0;
  for (const bound of bounds) {
    const through = histogram.get(bound) ?? 0;
    if (through >= wanted) {
      if (bound === Number.POSITIVE_INFINITY) return lower;
      return lower + ((bound - lower) * (wanted - below)) / (through - below);
    }
    lower = bound;
    below = through;
  }
  return lower;
}
