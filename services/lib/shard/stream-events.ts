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
  /** Whether the subscriber wants a group; groups are sent whole or not at all. */
  readonly passes: (group: CommittedCommand<E, A>) => boolean;
  readonly heartbeatMs?: number;
  readonly signal?: AbortSignal;
};

/** What passed of one entry. */
export type EntryEvents<E, A> = {
  readonly entryIndex: number;
  readonly logTimeUs: number;
  readonly groups: readonly CommittedCommand<E, A>[];
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
/** A message ends with the entry that brings it to this many bytes of events. */
const MESSAGE_BYTES = 1 << 20;

/** @throws SubscriptionEnded when the host does not lead or its log is forked, LogUnreachable. */
export async function* streamEvents<C, E, A>(
  options: StreamEventsOptions<C, E, A>,
): AsyncGenerator<EventsMessage<E, A>, void, void> {
  const { host, world, passes, fromSequence } = options;
  const heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS;
  let last: EventsMessage<E, A> | undefined;
  let lastSentUs = Number.NEGATIVE_INFINITY;
  // Twice as often, because a batch of which nothing passes delays the next sign of life.
  const batches = host.subscribe({ ...options, heartbeatMs: heartbeatMs / 2 });
  try {
    for await (const batch of batches) {
      const selected = batch.entries.map((entry) => select(entry, fromSequence, passes));
      for (const message of split(batch, selected)) {
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

function select<E, A>(
  entry: CommittedEntry<E, A>,
  fromSequence: number,
  passes: (group: CommittedCommand<E, A>) => boolean,
): CommittedCommand<E, A>[] {
  return eventGroups(entry).filter((group) => {
    // Not the events themselves: they need not be decoded for this.
    const { encodedEvents, firstSequence } = group;
    const count = encodedEvents.length;
    return count > 0 && firstSequence + count > fromSequence && passes(group);
  });
}

/** Cuts a batch into messages, between entries only. */
function* split<E, A>(
  batch: SubscriptionBatch<E, A>,
  selected: readonly (readonly CommittedCommand<E, A>[])[],
): Generator<EventsMessage<E, A>> {
  const { epoch, committed, logTimeUs } = batch;
  const message = (entries: readonly EntryEvents<E, A>[], throughSequence: number) => {
    return { entries, epoch, committed, throughSequence, logTimeUs, closing: false };
  };
  let entries: EntryEvents<E, A>[] = [];
  let bytes = 0;
  for (const [index, entry] of batch.entries.entries()) {
    const groups = selected[index] as readonly CommittedCommand<E, A>[];
    if (groups.length === 0) continue;
    entries.push({ entryIndex: entry.entryIndex, logTimeUs: entry.logTimeUs, groups });
    for (const { encodedEvents } of groups) {
      for (const event of encodedEvents) bytes += event.length;
    }
    if (bytes < MESSAGE_BYTES) continue;
    yield message(entries, entry.firstSequence + entry.eventCount - 1);
    entries = [];
    bytes = 0;
  }
  yield message(entries, batch.throughSequence);
}
