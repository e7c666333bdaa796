// Serves one `StreamEvents` stream: committed entries with the groups of events that pass a
// filter, and a sign of life when nothing passes (CON-2). Knows no messages.

import type { CommittedCommand, CommittedEntry } from './committed-entry.ts';
import { eventGroups } from './committed-entry.ts';
import type { ShardHost } from './host.ts';
import type { LogPoint } from './log-entry.ts';
import { type SubscriptionBatch, SubscriptionEnded } from './subscription.ts';
import type { World } from './world.ts';

export type StreamEventsOptions<C, E, A> = {
  readonly host: ShardHost<C, E, A>;
  readonly world: World;
  /** First sequence wanted; a group that holds it is sent whole. */
  readonly fromSequence: number;
  readonly seen?: LogPoint;
  readonly seenBy?: string;
  /** Whether the subscriber wants a group, sent whole or not at all; all of them when absent. */
  readonly passes?: (group: CommittedCommand<E, A>) => boolean;
  readonly heartbeatMs?: number;
  readonly signal?: AbortSignal;
};

/** What passed of one entry. */
export type EntryEvents<E, A> = {
  readonly entryIndex: number;
  readonly logTimeUs: number;
  /** In order; `entry.commands` itself when that is what passed. */
  readonly groups: readonly CommittedCommand<E, A>[];
  readonly entry: CommittedEntry<E, A>;
};

export type EventsMessage<E, A> = {
  /** Entries of which something passed, in order. */
  readonly entries: readonly EntryEvents<E, A>[];
  readonly epoch: number;
  readonly committed: LogPoint;
  /** Every event up to this sequence has been sent or did not pass. */
  readonly throughSequence: number;
  readonly logTimeUs: number;
  /** True in the last message before a planned end. */
  readonly closing: boolean;
};

const HEARTBEAT_MS = 200;
/** A message ends with the entry that brings it to this many bytes in the log. */
const MESSAGE_BYTES = 1 << 20;

/** @throws SubscriptionEnded when the host does not lead or its log is forked, LogUnreachable. */
export async function* streamEvents<C, E, A>(
  options: StreamEventsOptions<C, E, A>,
): AsyncGenerator<EventsMessage<E, A>, void, void> {
  const { host, world } = options;
  const heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS;
  let last: EventsMessage<E, A> | undefined;
  let lastSentUs = Number.NEGATIVE_INFINITY;
  // Twice as often, because a batch of which nothing passes delays the next sign of life.
  const batches = host.subscribe({ ...options, heartbeatMs: heartbeatMs / 2 });
  try {
    for await (const batch of batches) {
      for (const message of split(batch, options)) {
        last = message;
        const silentMs = (world.monotonicUs() - lastSentUs) / 1000;
        if (message.entries.length === 0 && silentMs < heartbeatMs / 2) continue;
        yield message;
        lastSentUs = world.monotonicUs();
      }
    }
  } catch (error) {
    const { state } = host;
    const planned =
      state.kind === 'draining' ||
      (state.kind === 'follower' && state.reason === undefined) ||
      (state.kind === 'stopped' && state.reason.kind === 'ended');
    if (!planned || last === undefined || !(error instanceof SubscriptionEnded)) throw error;
    yield { ...last, entries: [], closing: true };
  }
}

type Selection<E, A> = Pick<StreamEventsOptions<never, E, A>, 'fromSequence' | 'passes'>;

/** Nothing here looks at the events themselves, which need not be decoded for it. */
function select<E, A>(
  entry: CommittedEntry<E, A>,
  { fromSequence, passes }: Selection<E, A>,
): readonly CommittedCommand<E, A>[] {
  const all = eventGroups(entry);
  const isWanted = ({ encodedEvents, firstSequence }: CommittedCommand<E, A>): boolean =>
    encodedEvents.length > 0 && firstSequence + encodedEvents.length > fromSequence;
  if (passes !== undefined) return all.filter((group) => isWanted(group) && passes(group));
  return all.every(isWanted) ? all : all.filter(isWanted);
}

/** Cuts a batch into messages, between entries only. */
function split<E, A>(
  batch: SubscriptionBatch<E, A>,
  selection: Selection<E, A>,
): EventsMessage<E, A>[] {
  const { epoch, committed, logTimeUs } = batch;
  const messages: EventsMessage<E, A>[] = [];
  let entries: EntryEvents<E, A>[] = [];
  let bytes = 0;
  const end = (throughSequence: number): void => {
    messages.push({ entries, epoch, committed, throughSequence, logTimeUs, closing: false });
    entries = [];
    bytes = 0;
  };
  for (const entry of batch.entries) {
    const groups = select(entry, selection);
    if (groups.length === 0) continue;
    entries.push({ entryIndex: entry.entryIndex, logTimeUs: entry.logTimeUs, groups, entry });
    bytes += entry.storedBytes;
    if (bytes >= MESSAGE_BYTES) end(entry.firstSequence + entry.eventCount - 1);
  }
  end(batch.throughSequence);
  return messages;
}
