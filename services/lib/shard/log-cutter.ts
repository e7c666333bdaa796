// Cuts the beginning of a shard's log off, in ascending prefixes and small steps (SNAP-4): below
// the older of the last two snapshots that were found whole, below what every registered consumer
// has confirmed, within retention, never the last 1,000 entries and nothing that is still within
// the windows of LOG-11 and HLD-2.

import { HistoryGone } from './log-history.ts';
import type { ConsumedPlace, LogConsumer, LogUpkeep } from './log-upkeep.ts';
import type { LogStore, World } from './world.ts';

/** What stays in any case. */
export type CutWindows = {
  /** So many entries at the end. */
  readonly keptEntries: number;
  /** And those of this much counted log time. */
  readonly windowUs: number;
};

/** Longest time in which an answer may be asked for again (LOG-11, HLD-2). */
const LONGEST_WINDOWS: CutWindows = { keptEntries: 1_000, windowUs: 600_000_000 + 121_000_000 };
/** An outage does not use the window up: one entry counts for at most so much (HLD-2). */
const MOST_COUNTED_US = 1_000_000;
/** Log times of every so many entries are looked at; of all only where much time has passed. */
const STRIDE = 64;
const SAMPLES_AT_ONCE = 256;
/** Entries that are removed at a time. */
const STEP_ENTRIES = 200;
/** A cut that takes longer goes on behind the next snapshot. */
const LONGEST_US = 60_000_000;

export type CutOptions = {
  readonly world: Pick<World, 'monotonicUs'>;
  readonly log: Pick<LogStore, 'fetchEnd' | 'fetchEntries'>;
  readonly upkeep: LogUpkeep;
  /** Entries whose log time is not older than this stay. */
  readonly retentionUs: number;
  /** Entry of the older of the last two snapshots; both were found whole. */
  readonly olderSnapshotIndex: number;
  /** Other windows than those of the rules, where a run is shorter than they are. */
  readonly windows?: CutWindows | undefined;
  /** Called after every step. */
  readonly pause: () => Promise<void>;
};

/** What a cut came to. */
export type CutResult = {
  readonly removedEntries: number;
  /** The log may be removed up to here, as far as it is not held up. */
  readonly throughEntryIndex: number;
  /** Consumers that would be stranded, and therefore hold the cut up. */
  readonly heldUpBy: readonly (LogConsumer & { readonly heldEntries: number })[];
};

/** @throws LogUnreachable, LogNotDurable; what `pause` throws. */
export async function cutLog(options: CutOptions): Promise<CutResult> {
  const { upkeep, pause, world } = options;
  const throughEntryIndex = await findBound(options);
  const consumers = await upkeep.fetchConsumers();
  const heldUpBy = consumers
    .filter(({ entryIndex }) => entryIndex - 1 < throughEntryIndex)
    .map((consumer) => {
      return { ...consumer, heldEntries: throughEntryIndex - consumer.entryIndex + 1 };
    });
  let removedEntries = 0;
  const beginUs = world.monotonicUs();
  while (throughEntryIndex > 0 && world.monotonicUs() - beginUs < LONGEST_US) {
    const removed = await upkeep.cut({ throughEntryIndex, limit: STEP_ENTRIES });
    removedEntries += removed;
    if (removed < STEP_ENTRIES) break;
    await pause();
  }
  return { removedEntries, throughEntryIndex, heldUpBy };
}

/** The last entry that nothing but a consumer may still need; 0 when there is none. */
async function findBound(options: CutOptions): Promise<number> {
  const { log, upkeep, retentionUs, olderSnapshotIndex, windows = LONGEST_WINDOWS } = options;
  const [start, end] = await Promise.all([upkeep.fetchStart(), log.fetchEnd()]);
  const most = Math.min(olderSnapshotIndex - 1, end.entryIndex - windows.keptEntries);
  if (start === 0 || most < start) return 0;
  const all = { start, end: end.entryIndex };
  const outside = await findOutsideWindow(upkeep, all, windows.windowUs);
  const bound = Math.min(most, outside);
  if (bound < start) return 0;
  return findOlder(upkeep, { start, end: bound }, end.logTimeUs - retentionUs);
}

type Range = { readonly start: number; readonly end: number };

/** The last entry that lies outside of the windows, counted back from the end; 0 when none does. */
async function findOutsideWindow(
  upkeep: LogUpkeep,
  { start, end }: Range,
  windowUs: number,
): Promise<number> {
  let countedUs = 0;
  let later: { readonly at: number; readonly timeUs: number } | undefined;
  for (let from = end; from >= start; from -= STRIDE * SAMPLES_AT_ONCE) {
    const indices: number[] = [];
    for (let at = from; at >= start && indices.length < SAMPLES_AT_ONCE; at -= STRIDE) {
      indices.unshift(at);
    }
    const times = await upkeep.fetchLogTimes(indices);
    for (let sample = times.length - 1; sample >= 0; sample -= 1) {
      const [at, timeUs] = [indices[sample] as number, times[sample] as number];
      countedUs += later === undefined ? 0 : await countTime(upkeep, { at, timeUs }, later);
      if (countedUs >= windowUs) return at - 1;
      later = { at, timeUs };
    }
  }
  return 0;
}

type Sample = { readonly at: number; readonly timeUs: number };

/** Time between two entries as the windows count it: exact, and seldom looked at closely. */
async function countTime(upkeep: LogUpkeep, earlier: Sample, later: Sample): Promise<number> {
  const passedUs = later.timeUs - earlier.timeUs;
  if (passedUs <= MOST_COUNTED_US) return passedUs;
  const inner = Array.from({ length: later.at - earlier.at - 1 }, (_, index) => {
    return earlier.at + 1 + index;
  });
  let countedUs = 0;
  let beforeUs = earlier.timeUs;
  for (const timeUs of [...(await upkeep.fetchLogTimes(inner)), later.timeUs]) {
    countedUs += Math.min(timeUs - beforeUs, MOST_COUNTED_US);
    beforeUs = timeUs;
  }
  return countedUs;
}

/** The last entry of a range with a log time before another; 0 when there is none. */
async function findOlder(
  upkeep: LogUpkeep,
  { start, end }: Range,
  beforeUs: number,
): Promise<number> {
  let low = start - 1;
  let high = end;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const [timeUs] = await upkeep.fetchLogTimes([middle]);
    if (timeUs === undefined || timeUs < beforeUs) low = middle;
    else high = middle - 1;
  }
  return low < start ? 0 : low;
}

/** What a consumer will miss that stands at a place and is no longer waited for. */
export function describeMissed(place: ConsumedPlace, end: ConsumedPlace): string {
  const entries = end.entryIndex - place.entryIndex;
  const events = end.sequence - place.sequence;
  return entries <= 0
    ? 'nothing: it has confirmed everything'
    : `${entries} entries with ${events} events behind entry ${place.entryIndex}, ` +
        'as far as they are cut off';
}

/** Whether everything up to an index was cut off, which is not a log that lacks entries (LOG-6). */
export async function isCutOff(
  log: Pick<LogStore, 'fetchEntries'>,
  entryIndex: number,
): Promise<boolean> {
  return entryIndex >= 1 && (await log.fetchEntries(1, entryIndex)).length === 0;
}

/** @throws HistoryGone when everything up to an index was cut off */
export async function checkNotCut(
  log: Pick<LogStore, 'fetchEntries'>,
  entryIndex: number,
): Promise<void> {
  if (!(await isCutOff(log, entryIndex))) return;
  throw new HistoryGone(`entry ${entryIndex} was cut off the log`);
}
