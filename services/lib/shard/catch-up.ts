// Brings a replica to the present end of its log (REP-1, REP-4): reads entries in batches, the next
// one while one is applied, and lets other things run in between.

import { isCutOff } from './log-cutter.ts';
import type { LogEntry, LogPoint } from './log-entry.ts';
import { LogBroken, type Replica } from './replica.ts';
import type { LogEnd, LogStore, World } from './world.ts';

/** The log does not have an entry that was applied or seen. */
export class PointMissing extends Error {
  readonly point: LogPoint;
  /** What the log has in its place, or its end; undefined when its beginning was cut (SNAP-4). */
  readonly found: LogPoint | undefined;

  constructor(point: LogPoint, found: LogPoint | undefined) {
    super(`entry ${point.entryIndex} is not in the log any more`);
    this.point = point;
    if (found === undefined) return;
    this.found = { entryIndex: found.entryIndex, chainChecksum: found.chainChecksum };
  }
}

export type CatchUpOptions<C, E, A> = {
  readonly world: World;
  readonly log: LogStore;
  readonly replica: Replica<C, E, A>;
  readonly isStopped: () => boolean;
  readonly onProgress: (appliedIndex: number) => void;
};

/** Longest stretch of repeating entries without letting anything else run. */
export const SLICE_US = 10_000;

/**
 * Repeats the log to its present end, unless it is stopped.
 *
 * @returns the end that was found
 * @throws PointMissing, LogBroken, ReplicaDiverged, LogUnreachable.
 */
export async function catchUp<C, E, A>(options: CatchUpOptions<C, E, A>): Promise<LogEnd> {
  const { log, world, replica, isStopped, onProgress } = options;
  const end = await log.fetchEnd();
  if (isStopped()) return end;
  checkEnd(replica.point, end);
  const fetchAfter = (entryIndex: number): Promise<readonly LogEntry[]> | undefined =>
    entryIndex < end.entryIndex ? log.fetchEntries(entryIndex + 1, end.entryIndex) : undefined;

  const turns = new Turns(world);
  let next = fetchAfter(replica.point.entryIndex);
  let isFirst = true;
  while (next !== undefined) {
    const entries = await next;
    if (isStopped()) return end;
    const [first, last] = [entries[0], entries.at(-1)];
    if (first === undefined || last === undefined) {
      throw new LogBroken('entries before the end of the log are missing');
    }
    if (isFirst && !replica.isFollowedBy(first)) {
      await checkPoint(log, replica.point);
      if (isStopped()) return end;
    }
    isFirst = false;
    next = fetchAfter(last.entryIndex);
    next?.catch(() => {}); // awaited in the next round, unless this one fails before
    for (const entry of entries) {
      replica.repeat(entry, end.logTimeUs);
      if (!turns.isOver) continue;
      onProgress(entry.entryIndex);
      await turns.next();
      if (isStopped()) return end;
    }
  }
  onProgress(replica.point.entryIndex);
  return end;
}

function checkEnd(point: LogPoint, end: LogEnd): void {
  const isThere = point.entryIndex < end.entryIndex || point.chainChecksum === end.chainChecksum;
  if (!isThere) throw new PointMissing(point, end);
}

/** @throws PointMissing when the log does not have the entry. */
export async function checkPoint(log: LogStore, point: LogPoint): Promise<void> {
  if (point.entryIndex === 0) return;
  const [found] = await log.fetchEntries(point.entryIndex, point.entryIndex);
  if (found?.chainChecksum === point.chainChecksum) return;
  if (found !== undefined) throw new PointMissing(point, found);
  const isCut = await isCutOff(log, point.entryIndex);
  const end = await log.fetchEnd();
  throw new PointMissing(point, isCut && end.entryIndex > point.entryIndex ? undefined : end);
}

/** Divides long work into slices. */
export class Turns {
  readonly #world: World;
  #startUs: number;

  constructor(world: World) {
    this.#world = world;
    this.#startUs = world.monotonicUs();
  }

  get isOver(): boolean {
    return this.#world.monotonicUs() - this.#startUs >= SLICE_US;
  }

  /** Lets everything else run. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => this.#world.nextTurn(resolve));
    this.#startUs = this.#world.monotonicUs();
  }
}
