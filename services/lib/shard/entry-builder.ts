// Applies commands to the state machine and writes down what they did: one entry at a time. Used
// by the leader to make entries and by every replica to repeat them, so both do the same (LOG-7).

import type { CommittedCommand, CommittedEntry, ContinuedCommand } from './committed-entry.ts';
import {
  type EpochStarted,
  type OutcomeRecord,
  writeCommandRecord,
  writeContinued,
  writeDueEvents,
  writeEpochStarted,
  writeOutcomeRecord,
  writeStateChecksum,
  writeVersionRaised,
} from './entry-codec.ts';
import { chainChecksum, type LogEntry } from './log-entry.ts';
import type { ShardCodec } from './proposal.ts';
import { CommandDied } from './quarantine.ts';
import type { CommandContext, Outcome, StateMachine } from './state-machine.ts';
import { useVersion } from './versions.ts';
import { WireWriter } from './wire.ts';

/** Bounds of one entry (LOG-3); the entry closes when one is reached. */
export const ENTRY_LIMITS = { commands: 4096, bytes: 1 << 20, events: 10_000, applyUs: 5_000 };

/** A command as the builder takes it. */
export type CommandToApply<C> = {
  readonly identity: string;
  readonly validUntilUs: number;
  readonly traceContext: string;
  readonly command: C;
  readonly encodedCommand?: Uint8Array | undefined;
  /** The version to raise the log to; then there is no command (LOG-16). */
  readonly raisesVersionTo?: number;
};

/** A command that goes on in the next entry (LOG-17). */
export type UnfinishedCommand = {
  /** Entry in which it began. */
  readonly entryIndex: number;
  /** Its place there. */
  readonly record: number;
  readonly identity: string;
  readonly traceContext: string;
};

/** Where the next entry stands. */
export type EntryPlace = {
  readonly entryIndex: number;
  readonly logTimeUs: number;
  readonly firstSequence: number;
  readonly unfinished: UnfinishedCommand | undefined;
};

/** A finished entry, as it goes into the log and as its readers see it. */
export type BuiltEntry<E, A> = {
  readonly entry: LogEntry;
  readonly committed: CommittedEntry<E, A>;
};

export class EntryBuilder<C, E, A> {
  readonly #machine: StateMachine<C, E, A>;
  readonly #codec: ShardCodec<C, E, A>;
  readonly #commandBytes = new WireWriter(1 << 16);
  readonly #outcomeBytes = new WireWriter(1 << 16);
  readonly #emit: (event: E) => void;
  #events: E[] = [];
  #encodedEvents: Uint8Array[] = [];
  #place: EntryPlace | undefined;
  #eventCount = 0;
  #due: CommittedCommand<E, A> | undefined;
  #continued: ContinuedCommand<E, A> | undefined;
  #commands: CommittedCommand<E, A>[] = [];
  #unfinished: UnfinishedCommand | undefined;
  #closed = false;
  #raisedVersion: number | undefined;

  constructor(machine: StateMachine<C, E, A>, codec: ShardCodec<C, E, A>) {
    this.#machine = machine;
    this.#codec = codec;
    this.#emit = (event) => {
      this.#events.push(event);
      this.#encodedEvents.push(codec.encodeEvent(event));
    };
  }

  /** True when the entry takes no further command. */
  get closed(): boolean {
    return this.#closed;
  }

  get commandCount(): number {
    return this.#commands.length;
  }

  /** Sequence of the next event; undefined when no entry has begun. */
  get nextSequence(): number | undefined {
    return this.#place === undefined ? undefined : this.#place.firstSequence + this.#eventCount;
  }

  /** Bytes that the entry holds so far. */
  get byteCount(): number {
    return this.#commandBytes.length + this.#outcomeBytes.length;
  }

  /** The command that goes on in the next entry, once this entry has come that far. */
  get unfinished(): UnfinishedCommand | undefined {
    return this.#unfinished;
  }

  get continued(): ContinuedCommand<E, A> | undefined {
    return this.#continued;
  }

  /**
   * Begins an entry: time advances and everything due happens first (LOG-15), then the unfinished
   * command goes on (LOG-17). What is still due or unfinished afterwards closes the entry.
   */
  begin(place: EntryPlace): void {
    this.#place = place;
    this.#eventCount = 0;
    this.#due = undefined;
    this.#continued = undefined;
    this.#commands = [];
    this.#unfinished = place.unfinished;
    this.#closed = false;
    this.#raisedVersion = undefined;

    this.#machine.advance(place.logTimeUs, this.#emit);
    if (this.#events.length > 0) {
      this.#due = this.#takeEvents('', '', { kind: 'done' });
      writeDueEvents(this.#outcomeBytes, this.#due.encodedEvents);
    }
    if (this.#isDue(place.logTimeUs)) this.#closed = true;
    else if (place.unfinished !== undefined) {
      this.#proceed(place.unfinished);
      // What had to wait for the end of that command goes before the next one.
      if (this.#isDue(place.logTimeUs)) this.#closed = true;
    }
    this.#closeWhenFull();
  }

  #isDue(logTimeUs: number): boolean {
    const due = this.#machine.nextDueTimeUs();
    return due !== undefined && due <= logTimeUs;
  }

  #proceed(unfinished: UnfinishedCommand): void {
    const { logTimeUs } = this.#mustHavePlace();
    const outcome = this.#machine.proceed({ logTimeUs }, this.#emit);
    const part = this.#takeEvents(unfinished.identity, unfinished.traceContext, outcome);
    this.#continued = { ...part, originEntryIndex: unfinished.entryIndex };
    writeContinued(this.#outcomeBytes, unfinished.entryIndex, this.#recordOf(part));
    if (outcome.kind === 'unfinished') this.#closed = true;
    else this.#unfinished = undefined;
  }

  /** Records that a leadership began (LOG-2). */
  startEpoch(started: EpochStarted): void {
    writeEpochStarted(this.#commandBytes, started);
    this.#finishCommand(this.#takeEvents('', '', { kind: 'done' }));
    this.#closed = true;
  }

  /** Applies one command. The entry must not be closed. */
  apply(toApply: CommandToApply<C>): CommittedCommand<E, A> {
    const { identity, validUntilUs, traceContext, raisesVersionTo } = toApply;
    if (raisesVersionTo !== undefined) return this.#raiseVersion(toApply, raisesVersionTo);
    const place = this.#mustHavePlace();
    const command = toApply.encodedCommand ?? this.#codec.encodeCommand(toApply.command);
    const context = { logTimeUs: place.logTimeUs, identity, validUntilUs };
    const outcome = this.#applied(toApply.command, context);
    writeCommandRecord(this.#commandBytes, { identity, validUntilUs, traceContext, command });
    const applied = this.#takeEvents(identity, traceContext, outcome);
    if (outcome.kind === 'unfinished') {
      const record = this.#commands.length;
      this.#unfinished = { entryIndex: place.entryIndex, record, identity, traceContext };
      this.#closed = true;
    }
    this.#finishCommand(applied);
    this.#closeWhenFull();
    return applied;
  }

  /** @throws CommandDied: the machine threw, and is of no use any more (LOG-14). */
  #applied(command: C, context: CommandContext): Outcome<A> {
    try {
      return this.#machine.apply(command, context, this.#emit);
    } catch (error) {
      throw new CommandDied(context.identity, error);
    }
  }

  /** The entries behind this one have another version; it is the last record of this one. */
  #raiseVersion(
    record: Pick<CommandToApply<C>, 'identity' | 'validUntilUs'>,
    version: number,
  ): CommittedCommand<E, A> {
    writeVersionRaised(this.#commandBytes, record, version);
    const applied = this.#takeEvents(record.identity, '', { kind: 'done' });
    this.#finishCommand(applied);
    this.#raisedVersion = version;
    this.#closed = true;
    return applied;
  }

  /** Ends the entry, in such a way that the next can begin. */
  seal(end: {
    readonly epoch: number;
    readonly previousChecksum: string;
    readonly withStateChecksum: boolean;
  }): BuiltEntry<E, A> {
    const place = this.#mustHavePlace();
    const { formatVersion } = this.#machine;
    // The state checksum is already one of the new version, as snapshots behind this entry are.
    if (this.#raisedVersion !== undefined) useVersion(this.#machine, this.#raisedVersion);
    if (end.withStateChecksum) {
      writeStateChecksum(this.#outcomeBytes, this.#machine.stateChecksum());
    }
    const unchained = {
      entryIndex: place.entryIndex,
      epoch: end.epoch,
      logTimeUs: place.logTimeUs,
      formatVersion,
      firstSequence: place.firstSequence,
      eventCount: this.#eventCount,
      commandCount: this.#commands.length,
      commands: this.#commandBytes.take(),
      outcomes: this.#outcomeBytes.take(),
    };
    const checksum = chainChecksum(end.previousChecksum, unchained);
    const entry: LogEntry = { ...unchained, chainChecksum: checksum };
    const committed: CommittedEntry<E, A> = {
      entryIndex: entry.entryIndex,
      epoch: entry.epoch,
      logTimeUs: entry.logTimeUs,
      firstSequence: entry.firstSequence,
      eventCount: entry.eventCount,
      chainChecksum: checksum,
      due: this.#due,
      continued: this.#continued,
      commands: this.#commands,
      storedBytes: entry.commands.length + entry.outcomes.length,
    };
    this.#place = undefined;
    return { entry, committed };
  }

  #finishCommand(applied: CommittedCommand<E, A>): void {
    this.#commands.push(applied);
    writeOutcomeRecord(this.#outcomeBytes, this.#recordOf(applied));
  }

  #closeWhenFull(): void {
    this.#closed ||=
      this.#commands.length >= ENTRY_LIMITS.commands ||
      this.#eventCount >= ENTRY_LIMITS.events ||
      this.byteCount >= ENTRY_LIMITS.bytes;
  }

  #takeEvents(identity: string, traceContext: string, outcome: Outcome<A>): CommittedCommand<E, A> {
    const events = this.#events;
    const encodedEvents = this.#encodedEvents;
    if (outcome.kind === 'refused' && events.length > 0) {
      throw new Error(`command ${identity} was refused, yet it emitted events`);
    }
    const firstSequence = this.#mustHavePlace().firstSequence + this.#eventCount;
    this.#eventCount += events.length;
    this.#events = [];
    this.#encodedEvents = [];
    return { identity, traceContext, firstSequence, events, encodedEvents, outcome };
  }

  #recordOf({ encodedEvents, outcome }: CommittedCommand<E, A>): OutcomeRecord {
    const events = encodedEvents;
    switch (outcome.kind) {
      case 'unfinished':
        return { events, answer: undefined, unfinished: true };
      case 'refused':
        return { events, refusal: outcome.refusal, answer: undefined, unfinished: false };
      case 'done': {
        const answer =
          outcome.answer === undefined ? undefined : this.#codec.encodeAnswer(outcome.answer);
        return { events, answer, unfinished: false };
      }
    }
  }

  #mustHavePlace(): EntryPlace {
    if (this.#place === undefined) throw new Error('no entry has begun');
    return this.#place;
  }
}
