// Reads histograms from a process's Prometheus page.

/** Count of observations up to each bound, over all labels; the last bound is infinity. */
export type Histogram = ReadonlyMap<number, number>;

/** @param name as Prometheus has it, without `_bucket` */
export async function scrapeHistogram(port: number, name: string): Promise<Histogram> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const counts = new Map<number, number>();
  for (const line of page.split('\n')) {
    if (!line.startsWith(`${name}_bucket{`)) continue;
    const bound = /le="([^"]+)"/.exec(line)?.[1] ?? '';
    const le = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
    const count = Number(
      line
        .slice(line.lastIndexOf('}') + 1)
        .trim()
        .split(' ')[0],
    );
    counts.set(le, (counts.get(le) ?? 0) + count);
  }
  return counts;
}

/** Upper bound of the bucket with that share of what was observed between two readings. */
export function quantileBetween(before: Histogram, after: Histogram, share: number): number {
  const bounds = [...after.keys()].sort((one, other) => one - other);
  const since = (bound: number) => (after.get(bound) ?? 0) - (before.get(bound) ?? 0);
  const total = since(Number.POSITIVE_INFINITY);
  return bounds.find((bound) => since(bound) >= total * share) ?? 0;
}
