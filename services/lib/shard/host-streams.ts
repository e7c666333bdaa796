// What a leader streams to others: to consumers its events (CON-2), to standbys its rows (REP-1);
// and the check that the log has what they have seen (LOG-12).

import { type EntrySource, type StreamEntriesOptions, streamEntries } from './entry-stream.ts';
import type { StopReason } from './host-state.ts';
import type { LogPoint } from './log-entry.ts';
import {
  followLeadership,
  type SubscribeOptions,
  type SubscriptionBatch,
  SubscriptionEnded,
  unlessCut,
} from './subscription.ts';
import type { EntryBatch } from './world.ts';

export type StreamSource<C, E, A> = EntrySource<C, E, A> & {
  /** The log lacks what was seen: nobody leads this shard any more. */
  readonly onForked: (reason: StopReason) => void;
};

/** @param find throws SubscriptionEnded when there is no leadership to follow */
export function subscribeTo<C, E, A>(
  find: () => StreamSource<C, E, A>,
  options: SubscribeOptions,
): AsyncGenerator<SubscriptionBatch<E, A>, void, void> {
  const { seen, seenBy } = options;
  const open = async (): Promise<StreamSource<C, E, A>> => {
    const source = find();
    if (seen !== undefined) await checkSeen(source, seen, seenBy);
    return source;
  };
  return followLeadership(open, options);
}

/** @throws SubscriptionEnded, LogUnreachable */
export async function* streamEntriesTo<C, E, A>(
  source: StreamSource<C, E, A>,
  options: StreamEntriesOptions,
): AsyncGenerator<EntryBatch, void, void> {
  const { applied, isCommitted } = options.from;
  if (isCommitted) await checkSeen(source, applied, options.seenBy);
  yield* streamEntries(source, options);
}

/** A point that was seen and is not in the log means that the log is forked (LOG-12). */
async function checkSeen<C, E, A>(
  { leadership, log, onForked }: StreamSource<C, E, A>,
  seen: LogPoint,
  seenBy = 'a consumer',
): Promise<void> {
  if (seen.entryIndex === 0) return;
  let found = await unlessCut(leadership.committed.findPoint(seen.entryIndex));
  if (found?.chainChecksum === seen.chainChecksum) return;
  if (found === undefined) {
    // Behind our end: committed by another leader, or lost.
    [found] = await log.fetchEntries(seen.entryIndex, seen.entryIndex);
    if (found?.chainChecksum === seen.chainChecksum) {
      leadership.endBecause({ kind: 'deposed', reason: 'the log goes on without this leader' });
      throw new SubscriptionEnded('NOT_LEADER', 'the shard is led elsewhere');
    }
  }
  const { entryIndex, chainChecksum } = found ?? leadership.committed.end;
  leadership.endBecause({ kind: 'released' });
  onForked({ kind: 'LOG_FORKED', seen, found: { entryIndex, chainChecksum }, seenBy });
  throw new SubscriptionEnded('LOG_FORKED', `entry ${seen.entryIndex} is not what was seen`);
}
