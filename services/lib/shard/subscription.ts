// Follows the committed entries of a shard from a sequence on: from the log while behind, from
// memory when caught up, with a sign of life in between (CON-2).

import type { CommittedEntry } from './committed-entry.ts';
import type { Leadership } from './leadership.ts';
import type { LogPoint } from './log-entry.ts';
import { HistoryGone } from './log-history.ts';
import { NextCommit } from './next-commit.ts';
import type { World } from './world.ts';

export type SubscribeOptions = {
  /** First sequence wanted, from 1. */
  readonly fromSequence: number;
  /** The last entry that the caller has seen (LOG-12). */
  readonly seen?: LogPoint;
  /** Who has seen it, for the message when the log lacks it. */
  readonly seenBy?: string;
  /** A batch without entries comes after this silence. */
  readonly heartbeatMs: number;
  readonly signal?: AbortSignal;
};

/** Committed entries, in order, and how far the shard has come. */
export type SubscriptionBatch<E, A> = {
  /** Empty in a sign of life. Entries without events are among them. */
  readonly entries: readonly CommittedEntry<E, A>[];
  readonly epoch: number;
  readonly committed: LogPoint;
  /** Every event up to this sequence is in this batch or an earlier one. */
  readonly throughSequence: number;
  /** Log time of the last committed entry. */
  readonly logTimeUs: number;
};

/** Why a subscription ended before its subscriber wanted. */
export type SubscriptionEndReason =
  | 'NOT_LEADER'
  | 'LOG_FORKED'
  /** What was asked for was cut off the log (SNAP-4). */
  | 'BEYOND_WINDOW';

export class SubscriptionEnded extends Error {
  readonly reason: SubscriptionEndReason;

  constructor(reason: SubscriptionEndReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Whom a subscription follows. */
export type Followed<C, E, A> = {
  readonly leadership: Leadership<C, E, A>;
  readonly epoch: number;
  readonly world: World;
};

/**
 * @param open answers whom to follow, once that is asked for
 * @throws SubscriptionEnded, or LogUnreachable when older entries cannot be read at present; and
 * what `open` throws
 */
export async function* followLeadership<C, E, A>(
  open: () => Promise<Followed<C, E, A>>,
  { fromSequence, heartbeatMs, signal }: SubscribeOptions,
): AsyncGenerator<SubscriptionBatch<E, A>, void, void> {
  const { leadership, epoch, world } = await open();
  const { committed } = leadership;
  let nextIndex = await unlessCut(committed.findSequence(fromSequence));
  let throughSequence = fromSequence - 1;
  let silentSinceUs = Number.NEGATIVE_INFINITY; // the first batch comes at once
  const next = new NextCommit(leadership, world, signal);
  try {
    while (signal?.aborted !== true) {
      if (leadership.ended) throw new SubscriptionEnded('NOT_LEADER', 'the shard is led elsewhere');
      next.look();
      const entries =
        committed.findLatest(nextIndex) ?? (await unlessCut(committed.fetchFrom(nextIndex)));
      const last = entries.at(-1);
      const silentMs = (world.monotonicUs() - silentSinceUs) / 1000;
      if (last === undefined && silentMs < heartbeatMs) {
        await next.wait(heartbeatMs - silentMs);
        continue;
      }
      if (last !== undefined) {
        nextIndex = last.entryIndex + 1;
        throughSequence = Math.max(throughSequence, last.firstSequence + last.eventCount - 1);
      }
      silentSinceUs = world.monotonicUs();
      const logTimeUs = leadership.committedLogTimeUs;
      yield { entries, epoch, committed: committed.end, throughSequence, logTimeUs };
    }
  } finally {
    next.close();
  }
}

/** @throws SubscriptionEnded when the log begins later than what is read */
export async function unlessCut<T>(read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof HistoryGone) throw new SubscriptionEnded('BEYOND_WINDOW', error.message);
    throw error;
  }
}
