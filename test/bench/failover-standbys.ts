// What standbys are worth and what they cost: how far behind they are while the mesh does what it
// can, and what callers feel of snapshots that are being written (SNAP-2).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import type { Load } from '../chaos/load.ts';
import type { ChaosMesh } from '../chaos/mesh.ts';
import { ROOT } from '../support/exchange.ts';

const HOSTS = ['matching-1', 'matching-2', 'account-1', 'account-2'] as const;
/** A node's metrics are so far above its port. */
const METRICS_DISTANCE = 2_000;
const BUCKET = /^bourse_shard_(commit|standby)_lag_bucket\{.*le="([^"]+)".*\} (\d+)$/gm;

/** 99th percentiles, in milliseconds, of the time from entries' log time on. */
export type Lags = {
  /** To their commit: no standby can be earlier. */
  readonly commitMs: number;
  /** To when a standby has applied them. */
  readonly standbyMs: number;
};

/** How many entries were so late at most, by seconds. */
type Buckets = ReadonlyMap<number, number>;
type Scraped = Readonly<Record<'commit' | 'standby', Buckets>>;

/**
 * How late entries are while something is done, from the nodes' own histograms, interpolated
 * within a bucket.
 */
export async function measureLags(mesh: ChaosMesh, work: () => Promise<void>): Promise<Lags> {
  const before = await scrape(mesh);
  await work();
  const after = await scrape(mesh);
  const lagOf = (kind: 'commit' | 'standby') => p99Between(before[kind], after[kind]);
  return { commitMs: lagOf('commit'), standbyMs: lagOf('standby') };
}

function p99Between(before: Buckets, after: Buckets): number {
  const counts = [...after].map(
    ([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const,
  );
  counts.sort(([one], [other]) => one - other);
  const wanted = (counts.at(-1)?.[1] ?? 0) * 0.99;
  let [lowerBound, lowerCount] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= wanted && count > lowerCount) {
      if (!Number.isFinite(bound)) return lowerBound * 1_000;
      const part = (wanted - lowerCount) / (count - lowerCount);
      return (lowerBound + (bound - lowerBound) * part) * 1_000;
    }
    [lowerBound, lowerCount] = [bound, count];
  }
  return 0;
}

async function scrape({ exchange }: ChaosMesh): Promise<Scraped> {
  const sums = { commit: new Map<number, number>(), standby: new Map<number, number>() };
  for (const nodeId of HOSTS) {
    const [host, port] = exchange.addressOf(nodeId).split(':');
    const response = await fetch(`http://${host}:${Number(port) + METRICS_DISTANCE}/metrics`);
    for (const [, kind, bound = '', count] of (await response.text()).matchAll(BUCKET)) {
      const found = sums[kind as keyof Scraped];
      const seconds = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
      found.set(seconds, (found.get(seconds) ?? 0) + Number(count));
    }
  }
  return sums;
}

export type SnapshotFigures = {
  /** 99th percentile of calls, in milliseconds, before and after, and while they are written. */
  readonly withoutP99Ms: number;
  readonly duringP99Ms: number;
  readonly seconds: number;
};

/** Has a snapshot of each shard written by `bourse snapshot write`, as a standby has it written. */
export async function measureSnapshots(mesh: ChaosMesh, load: Load): Promise<SnapshotFigures> {
  const beganMs = performance.now();
  await writeSnapshots(mesh);
  const endedMs = performance.now();
  // As long again without one; the very first moments still belong to the one before.
  const quietFromMs = endedMs + 500;
  await new Promise((resolve) => setTimeout(resolve, 500 + endedMs - beganMs));
  const latencies = (fromMs: number, toMs: number): number[] =>
    load.calls
      .filter(({ startedMs }) => startedMs >= fromMs && startedMs < toMs)
      .map(({ startedMs, answeredMs }) => answeredMs - startedMs);
  return {
    withoutP99Ms: p99(latencies(quietFromMs, performance.now())),
    duringP99Ms: p99(latencies(beganMs, endedMs)),
    seconds: (endedMs - beganMs) / 1_000,
  };
}

async function writeSnapshots({ exchange: { launcher } }: ChaosMesh): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      ...['--disable-warning=ExperimentalWarning', join(ROOT, 'services/cli/main.ts')],
      ...['--port-offset', String(launcher.portOffset ?? 0), 'snapshot', 'write'],
    ],
    {
      cwd: ROOT,
      env: { ...process.env, BOURSE_DATA_FOLDER: launcher.dataFolder },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  // A standby has no command line started: only what that starts is to be felt.
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  let problem = '';
  child.stderr.on('data', (chunk) => {
    problem += String(chunk);
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`no snapshot was written: ${problem}`);
}

function p99(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0;
}
