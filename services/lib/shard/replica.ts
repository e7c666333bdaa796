// A state machine with the place in the log up to which it has applied, and the memory of
// identities that belongs to it. Repeats entries from the log and checks that it computes what
// the leader recorded (LOG-7).

import { type BuiltEntry, EntryBuilder, type UnfinishedCommand } from './entry-builder.ts';
import { type CommandRecord, decodeCommandBatch, decodeOutcomeBatch } from './entry-codec.ts';
import { EntryRepeater, type OnRepeated, type RepeatedEntry } from './entry-repeater.ts';
import { Identities, isRemembered } from './identities.ts';
import type { AnswerPosition } from './identity-table.ts';
import type { KeptRows } from './kept-rows.ts';
import { chainChecksum, genesisPoint, type LogEntry, type LogPoint } from './log-entry.ts';
import {
  ANSWER_WINDOW_US,
  MAXIMUM_VALIDITY_US,
  type Proposal,
  type ShardCodec,
} from './proposal.ts';
import { RecentPoints } from './recent-points.ts';
import type { Outcome, StateMachine } from './state-machine.ts';
import { useVersion } from './versions.ts';
import { WireReader } from './wire.ts';

/** The log cannot be read as a chain of whole entries (LOG-6). */
export class LogBroken extends Error {}

/** A replica computed other events than the leader recorded (LOG-7). */
export class ReplicaDiverged extends Error {
  readonly entryIndex: number;

  constructor(entryIndex: number, message: string) {
    super(message);
    this.entryIndex = entryIndex;
  }
}

/** Most identities remembered, unless said otherwise (LOG-11). */
export const DEFAULT_MAXIMUM_IDENTITIES = 8_000_000;

type Identified<C> = Pick<Proposal<C>, 'identity' | 'validUntilUs' | 'command' | 'raisesVersionTo'>;

export type ReplicaOptions<C, E, A> = {
  readonly shardId: string;
  readonly createMachine: () => StateMachine<C, E, A>;
  readonly codec: ShardCodec<C, E, A>;
  readonly maximumIdentities: number;
  /** Gets every row that becomes part of the replica; none does when absent. */
  readonly keptRows?: KeptRows;
};

/** Where a replica stands, and what it knows beside its state. */
export type ReplicaPlace = {
  readonly point: LogPoint;
  readonly epoch: number;
  readonly logTimeUs: number;
  readonly nextSequence: number;
  readonly unfinished: UnfinishedCommand | undefined;
  readonly identityKey: Uint8Array;
};

export class Replica<C, E, A> {
  readonly machine: StateMachine<C, E, A>;
  readonly builder: EntryBuilder<C, E, A>;
  readonly #options: ReplicaOptions<C, E, A>;
  readonly #repeater: EntryRepeater<C, E, A>;
  readonly #points = new RecentPoints();
  #identities: Identities | undefined;
  #identityKey: Uint8Array = new Uint8Array(0);
  #unsavedCommands = 0;
  #point: LogPoint;
  #epoch = 0;
  #logTimeUs = 0;
  #nextSequence = 1;
  #unfinished: UnfinishedCommand | undefined;

  constructor(options: ReplicaOptions<C, E, A>) {
    this.#options = options;
    this.machine = options.createMachine();
    this.builder = new EntryBuilder(this.machine, options.codec);
    this.#repeater = new EntryRepeater(this.machine, options.codec);
    this.#point = genesisPoint(options.shardId);
  }

  get codec(): ShardCodec<C, E, A> {
    return this.#options.codec;
  }

  get keptRows(): KeptRows | undefined {
    return this.#options.keptRows;
  }

  /** The last entry that is applied. */
  get point(): LogPoint {
    return this.#point;
  }

  /** The chain checksum of an entry that was applied lately; undefined when it is not known. */
  findChecksum(entryIndex: number): string | undefined {
    return this.#points.find(entryIndex);
  }

  /** Whether an entry stands right behind the last one that is applied (LOG-6). */
  isFollowedBy(entry: LogEntry): boolean {
    return (
      entry.entryIndex === this.#point.entryIndex + 1 &&
      chainChecksum(this.#point.chainChecksum, entry) === entry.chainChecksum
    );
  }

  /** Epoch of that entry; 0 before the first. */
  get epoch(): number {
    return this.#epoch;
  }

  get logTimeUs(): number {
    return this.#logTimeUs;
  }

  get nextSequence(): number {
    return this.#nextSequence;
  }

  get unfinished(): UnfinishedCommand | undefined {
    return this.#unfinished;
  }

  /** The memory of identities; it has its key from the shard's first entry. */
  get identities(): Identities {
    if (this.#identities === undefined) throw new Error('the shard has no first entry yet');
    return this.#identities;
  }

  /** Gives the memory of identities its key, when the shard's first entry is made or read. */
  setIdentityKey(key: Uint8Array): void {
    this.#identityKey = key;
    const { shardId, maximumIdentities: limit } = this.#options;
    this.#identities = new Identities({ shardId, key, limit });
  }

  /** Commands that were repeated from the log, because no snapshot contains them. */
  get unsavedCommands(): number {
    return this.#unsavedCommands;
  }

  get place(): ReplicaPlace {
    const [point, epoch, logTimeUs] = [this.#point, this.#epoch, this.#logTimeUs];
    const [nextSequence, unfinished] = [this.#nextSequence, this.#unfinished];
    return { point, epoch, logTimeUs, nextSequence, unfinished, identityKey: this.#identityKey };
  }

  /** Stands at a place whose state the machine has taken over; identities follow. */
  moveTo(place: ReplicaPlace): void {
    this.setIdentityKey(place.identityKey);
    this.#point = place.point;
    this.#points.push(place.point);
    this.#epoch = place.epoch;
    this.#logTimeUs = place.logTimeUs;
    this.#nextSequence = place.nextSequence;
    this.#unfinished = place.unfinished;
  }

  /** Where the next entry stands when it gets this log time. */
  beginNext(logTimeUs: number): void {
    if (logTimeUs < this.#logTimeUs) throw new Error('log time must not go back');
    this.builder.begin({
      entryIndex: this.#point.entryIndex + 1,
      logTimeUs,
      firstSequence: this.#nextSequence,
      unfinished: this.#unfinished,
    });
  }

  /** Ends the entry that was begun; the replica stands behind it from here on. */
  sealNext(end: { readonly epoch: number; readonly withStateChecksum: boolean }): BuiltEntry<E, A> {
    const built = this.builder.seal({ ...end, previousChecksum: this.#point.chainChecksum });
    this.#moveBehind(built.entry, this.builder.unfinished);
    return built;
  }

  #moveBehind(entry: LogEntry, unfinished: UnfinishedCommand | undefined): void {
    this.#point = { entryIndex: entry.entryIndex, chainChecksum: entry.chainChecksum };
    this.#points.push(this.#point);
    this.#epoch = entry.epoch;
    this.#logTimeUs = entry.logTimeUs;
    this.#nextSequence = entry.firstSequence + entry.eventCount;
    this.#unfinished = unfinished;
    this.#identities?.forgetBefore(entry.logTimeUs);
  }

  /**
   * Repeats an entry from the log.
   *
   * @param rememberAfterUs identities that log time will have left behind by then are not taken in
   * @returns whether the entry has the state checksum (SNAP-3), which then is this replica's
   * @throws LogBroken when it does not follow (LOG-6), ReplicaDiverged when it computes otherwise,
   * VersionUnsupported when what follows is beyond this program (LOG-16).
   */
  repeat(entry: LogEntry, rememberAfterUs: number): boolean {
    this.#checkFollows(entry);
    if (entry.logTimeUs < this.#logTimeUs) {
      throw new LogBroken(`${this.#nameOf(entry)} goes back in log time`);
    }
    const records = decodeCommandBatch(entry.commands);
    const [first] = records;
    if (first?.epochStarted !== undefined && first.epochStarted.identityKey.length > 0) {
      this.setIdentityKey(first.epochStarted.identityKey);
    }
    const rememberedUntilUs = entry.logTimeUs + MAXIMUM_VALIDITY_US + ANSWER_WINDOW_US + 1_000_000;
    const remembers = rememberedUntilUs >= rememberAfterUs;
    const onRepeated = remembers ? this.#rememberer(entry.entryIndex, records) : undefined;
    const repeated = this.#repeater.repeat(entry, records, this.#unfinished, onRepeated);
    const raisedVersion = records.at(-1)?.raisedVersion;
    if (raisedVersion !== undefined) useVersion(this.machine, raisedVersion);
    this.#checkSame(entry, records.length, repeated);
    this.#moveBehind(entry, repeated.unfinished);
    this.#options.keptRows?.push(entry);
    this.#unsavedCommands += records.length;
    return entry.outcomes.length > repeated.outcomes.length;
  }

  #rememberer(entryIndex: number, records: readonly CommandRecord[]): OnRepeated<C, A> {
    return (record, command, outcome) => {
      const { identity, validUntilUs } = records[record] as CommandRecord;
      this.remember({ identity, validUntilUs, command }, outcome, { entryIndex, record });
    };
  }

  /** Remembers the identity of a command that was applied, and what it brings (LOG-11). */
  remember(
    { identity, validUntilUs, command, raisesVersionTo }: Identified<C>,
    outcome: Outcome<A>,
    position: AnswerPosition,
  ): void {
    if (!isRemembered(outcome) || raisesVersionTo !== undefined) return;
    const { slots } = this.machine;
    const slot = slots?.slotOf(command);
    const step = outcome.kind === 'done' ? slots?.stepOf(command) : undefined;
    this.identities.remember({ identity, validUntilUs, position, slot, step });
  }

  #nameOf({ entryIndex }: LogEntry): string {
    return `entry ${entryIndex} of shard ${this.#options.shardId}`;
  }

  #checkFollows(entry: LogEntry): void {
    const name = this.#nameOf(entry);
    if (entry.entryIndex !== this.#point.entryIndex + 1) {
      throw new LogBroken(`${name} does not follow entry ${this.#point.entryIndex}`);
    }
    if (chainChecksum(this.#point.chainChecksum, entry) !== entry.chainChecksum) {
      throw new LogBroken(`${name} does not have the chain checksum of its content`);
    }
    if (entry.firstSequence !== this.#nextSequence) {
      throw new LogBroken(`${name} begins at sequence ${entry.firstSequence}`);
    }
    if (entry.epoch < this.#epoch) throw new LogBroken(`${name} goes back in epochs`);
    if (entry.entryIndex === 1) useVersion(this.machine, entry.formatVersion);
    if (entry.formatVersion !== this.machine.formatVersion) {
      throw new LogBroken(`${name} has a version that was not raised: ${entry.formatVersion}`);
    }
  }

  /** Recorded and computed outcomes must be equal; the recorded may add a state checksum. */
  #checkSame(recorded: LogEntry, commandCount: number, computed: RepeatedEntry): void {
    const { length } = computed.outcomes;
    const same =
      computed.outcomes.equals(recorded.outcomes.subarray(0, length)) &&
      computed.eventCount === recorded.eventCount &&
      commandCount === recorded.commandCount &&
      this.#checksumAgrees(recorded.outcomes.subarray(length));
    if (same) return;
    const describe = (outcomes: Uint8Array): string => JSON.stringify(readable(outcomes));
    throw new ReplicaDiverged(
      recorded.entryIndex,
      `${this.#nameOf(recorded)}: the log records ${describe(recorded.outcomes)}, ` +
        `this replica computes ${describe(computed.outcomes)}`,
    );
  }

  #checksumAgrees(rest: Uint8Array): boolean {
    if (rest.length === 0) return true;
    const reader = new WireReader(rest);
    return reader.field() === 4 && reader.text() === this.machine.stateChecksum() && reader.done;
  }
}

/** The outcomes of an entry, with bytes as hexadecimal digits, for a person to compare. */
function readable(outcomes: Uint8Array): unknown {
  const batch = decodeOutcomeBatch(outcomes);
  return JSON.parse(
    JSON.stringify(batch, (_key, value) =>
      value !== null && value?.type === 'Buffer' ? Buffer.from(value.data).toString('hex') : value,
    ),
  );
}
