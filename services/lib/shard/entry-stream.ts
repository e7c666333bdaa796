// Streams the committed rows of a shard from its leader to a standby (REP-1): from the log while
// it is far behind, from memory when it has caught up, with a sign of life in between.

import type { Leadership } from './leadership.ts';
import { checkNotCut } from './log-cutter.ts';
import type { LogEntry } from './log-entry.ts';
import { NextCommit } from './next-commit.ts';
import { batchLength } from './recent-rows.ts';
import { LogBroken } from './replica.ts';
import { SubscriptionEnded, unlessCut } from './subscription.ts';
import type { EntryBatch, FollowFrom, LogStore, World } from './world.ts';

export type StreamEntriesOptions = {
  readonly from: FollowFrom;
  /** Who follows, for the message when the log lacks what it has seen. */
  readonly seenBy?: string;
  readonly signal: AbortSignal;
};

export type EntrySource<C, E, A> = {
  readonly leadership: Leadership<C, E, A>;
  readonly epoch: number;
  readonly world: World;
  readonly log: LogStore;
};

/** Twice as often as promised, because what delays one is not to delay the next. */
const HEARTBEAT_MS = 100;

/** @throws SubscriptionEnded, or LogUnreachable when older entries cannot be read at present. */
export async function* streamEntries<C, E, A>(
  source: EntrySource<C, E, A>,
  { from, signal }: StreamEntriesOptions,
): AsyncGenerator<EntryBatch, void, void> {
  const { leadership, epoch, world } = source;
  const { divergedEntryIndex = 0 } = from;
  if (divergedEntryIndex > 0) {
    // It has nothing to which an entry could be applied until the snapshot is there (LOG-7).
    leadership.ownSnapshot.want(divergedEntryIndex);
    yield { entries: [], epoch, committed: leadership.committed.end, writesSnapshots: false };
    return;
  }
  const { standbys } = leadership;
  const standby = standbys.add();
  const next = new NextCommit(leadership, world, signal);
  try {
    let nextIndex = from.applied.entryIndex + 1;
    let isChecked = false;
    let silentSinceUs = Number.NEGATIVE_INFINITY; // the first batch comes at once
    while (!signal.aborted) {
      if (leadership.ended) {
        if (isChecked) yield* lastBatches(source, nextIndex);
        throw new SubscriptionEnded('NOT_LEADER', 'the shard is led elsewhere');
      }
      next.look();
      const { end } = leadership.committed;
      // What it has read from the log itself may be ahead of what is known to be committed here.
      if (!isChecked && from.applied.entryIndex <= end.entryIndex) {
        await checkApplied(source, from);
        isChecked = true;
      }
      const entries = isChecked ? await fetchRows(source, nextIndex) : [];
      const silentMs = (world.monotonicUs() - silentSinceUs) / 1000;
      if (entries.length === 0 && silentMs < HEARTBEAT_MS) {
        await next.wait(HEARTBEAT_MS - silentMs);
        continue;
      }
      nextIndex += entries.length;
      silentSinceUs = world.monotonicUs();
      const writesSnapshots = standbys.isFirst(standby);
      yield { entries, epoch, committed: leadership.committed.end, writesSnapshots };
    }
  } finally {
    next.close();
    standbys.remove(standby);
  }
}

/** What is left of a leadership that was handed over, and who leads next (REP-5). */
function* lastBatches<C, E, A>(
  { leadership, epoch }: EntrySource<C, E, A>,
  fromIndex: number,
): Generator<EntryBatch, void, void> {
  const { rows, replicaFate, standbys } = leadership;
  const { end: committed } = leadership.committed;
  if (standbys.successor === undefined || replicaFate !== 'committed') return;
  if (fromIndex < rows.firstIndex) return; // it reads them from the log
  for (let nextIndex = fromIndex; ; ) {
    const entries = rows.takeFrom(nextIndex);
    nextIndex += entries.length;
    const isLast = nextIndex > committed.entryIndex;
    const successor = isLast ? standbys.successor : undefined;
    yield { entries, epoch, committed, writesSnapshots: false, successor };
    if (isLast || entries.length === 0) return;
  }
}

/** A standby that has applied something else cannot go on from there. */
async function checkApplied<C, E, A>(
  { leadership }: EntrySource<C, E, A>,
  { applied }: FollowFrom,
): Promise<void> {
  const found = await unlessCut(leadership.committed.findPoint(applied.entryIndex));
  if (found?.chainChecksum === applied.chainChecksum) return;
  const message = `entry ${applied.entryIndex} is not the one that the standby has applied`;
  throw new SubscriptionEnded('LOG_FORKED', message);
}

async function fetchRows<C, E, A>(
  { leadership, log }: EntrySource<C, E, A>,
  fromIndex: number,
): Promise<readonly LogEntry[]> {
  const { rows, committed } = leadership;
  if (fromIndex >= rows.firstIndex) return rows.takeFrom(fromIndex);
  const throughIndex = Math.min(committed.end.entryIndex, rows.firstIndex - 1);
  const read = await log.fetchEntries(fromIndex, throughIndex);
  if (read[0]?.entryIndex !== fromIndex) {
    await unlessCut(checkNotCut(log, fromIndex));
    throw new LogBroken(`entry ${fromIndex} is gone from the log`);
  }
  return read.slice(0, batchLength(read, 0));
}
