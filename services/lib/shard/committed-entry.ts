// An entry as its readers see it: commands with their events and outcomes, decoded.

import { decodeCommandBatch, decodeOutcomeBatch, type OutcomeRecord } from './entry-codec.ts';
import type { LogEntry } from './log-entry.ts';
import type { ShardCodec } from './proposal.ts';
import type { Outcome } from './state-machine.ts';
import { MalformedBytes } from './wire.ts';

/** What one command, or work that was due, did in one entry. */
export type CommittedCommand<E, A> = {
  /** Empty for work that was due by itself and for the start of a leadership. */
  readonly identity: string;
  readonly traceContext: string;
  /** Sequence of the first event; the others follow densely. */
  readonly firstSequence: number;
  readonly events: readonly E[];
  /** The same events in their canonical encoding. */
  readonly encodedEvents: readonly Uint8Array[];
  readonly outcome: Outcome<A>;
  /** True when it was read from the log for one reader; what others read is made anew. */
  readonly isStored?: true;
};

/** A command of an earlier entry that was carried on (LOG-17). */
export type ContinuedCommand<E, A> = CommittedCommand<E, A> & {
  /** Entry in which the command began; it was the last command there. */
  readonly originEntryIndex: number;
};

/** A committed entry. Its events have dense sequences in the order due, continued, commands. */
export type CommittedEntry<E, A> = {
  readonly entryIndex: number;
  readonly epoch: number;
  readonly logTimeUs: number;
  /** Sequence of the first event, or of the next one to come when the entry has none. */
  readonly firstSequence: number;
  readonly eventCount: number;
  readonly chainChecksum: string;
  /** Work that was due by itself (LOG-15); undefined when there was none. */
  readonly due: CommittedCommand<E, A> | undefined;
  readonly continued: ContinuedCommand<E, A> | undefined;
  readonly commands: readonly CommittedCommand<E, A>[];
  /** Bytes of the stored entry. */
  readonly storedBytes: number;
};

/** A command of a stored entry; its events are decoded when somebody asks for them. */
class StoredCommand<E, A> implements CommittedCommand<E, A> {
  readonly identity: string;
  readonly traceContext: string;
  readonly firstSequence: number;
  readonly encodedEvents: readonly Uint8Array[];
  readonly outcome: Outcome<A>;
  readonly isStored = true;
  readonly #decodeEvent: (bytes: Uint8Array) => E;
  #events: readonly E[] | undefined;

  constructor(
    command: Omit<CommittedCommand<E, A>, 'events'>,
    decodeEvent: (bytes: Uint8Array) => E,
  ) {
    this.identity = command.identity;
    this.traceContext = command.traceContext;
    this.firstSequence = command.firstSequence;
    this.encodedEvents = command.encodedEvents;
    this.outcome = command.outcome;
    this.#decodeEvent = decodeEvent;
  }

  get events(): readonly E[] {
    this.#events ??= this.encodedEvents.map(this.#decodeEvent);
    return this.#events;
  }
}

/** Every group of events of an entry, in the order of their sequences. */
export function eventGroups<E, A>(entry: CommittedEntry<E, A>): readonly CommittedCommand<E, A>[] {
  if (entry.due === undefined && entry.continued === undefined) return entry.commands;
  const groups: CommittedCommand<E, A>[] = [];
  if (entry.due !== undefined) groups.push(entry.due);
  if (entry.continued !== undefined) groups.push(entry.continued);
  return [...groups, ...entry.commands];
}

/** Bytes that an entry's content takes in the log. */
export function storedBytesOf(entry: LogEntry): number {
  return entry.commands.length + entry.outcomes.length;
}

/**
 * Decodes a stored entry, its events when they are asked for: whoever follows the log takes most of
 * them as they are.
 *
 * @throws MalformedBytes when the content is not what the format says.
 */
export function decodeEntry<C, E, A>(
  entry: LogEntry,
  codec: ShardCodec<C, E, A>,
): CommittedEntry<E, A> {
  const records = decodeCommandBatch(entry.commands);
  const outcomes = decodeOutcomeBatch(entry.outcomes);
  if (records.length !== outcomes.records.length || records.length !== entry.commandCount) {
    throw new MalformedBytes(`entry ${entry.entryIndex} has commands without outcomes`);
  }
  let nextSequence = entry.firstSequence;
  const decodeEvent = (event: Uint8Array): E => codec.decodeEvent(event);
  const decode = (identity: string, traceContext: string, outcome: OutcomeRecord) => {
    const command = new StoredCommand<E, A>(
      {
        identity,
        traceContext,
        firstSequence: nextSequence,
        encodedEvents: outcome.events,
        outcome: decodeOutcome(outcome, codec),
      },
      decodeEvent,
    );
    nextSequence += outcome.events.length;
    return command;
  };

  const dueOutcome: OutcomeRecord = {
    events: outcomes.dueEvents,
    answer: undefined,
    unfinished: false,
  };
  const due = outcomes.dueEvents.length === 0 ? undefined : decode('', '', dueOutcome);
  const continued =
    outcomes.continued === undefined
      ? undefined
      : continuedOf(decode('', '', outcomes.continued), outcomes.continuedEntryIndex);
  const commands = records.map(({ identity, traceContext }, index) =>
    decode(identity, traceContext, outcomes.records[index] as OutcomeRecord),
  );
  if (nextSequence - entry.firstSequence !== entry.eventCount) {
    throw new MalformedBytes(`entry ${entry.entryIndex} does not have the events it counts`);
  }
  return {
    entryIndex: entry.entryIndex,
    epoch: entry.epoch,
    logTimeUs: entry.logTimeUs,
    firstSequence: entry.firstSequence,
    eventCount: entry.eventCount,
    chainChecksum: entry.chainChecksum,
    due,
    continued,
    commands,
    storedBytes: storedBytesOf(entry),
  };
}

function continuedOf<E, A>(
  { identity, traceContext, firstSequence, events, encodedEvents, outcome }: CommittedCommand<E, A>,
  originEntryIndex: number,
): ContinuedCommand<E, A> {
  const place = { originEntryIndex, firstSequence };
  return { identity, traceContext, ...place, events, encodedEvents, outcome };
}

function decodeOutcome<C, E, A>(record: OutcomeRecord, codec: ShardCodec<C, E, A>): Outcome<A> {
  if (record.unfinished) return { kind: 'unfinished' };
  if (record.refusal !== undefined) return { kind: 'refused', refusal: record.refusal };
  if (record.answer === undefined) return { kind: 'done' };
  return { kind: 'done', answer: codec.decodeAnswer(record.answer) };
}
