// One leadership of a shard, from the commit of its `EpochStarted` to its end: orders proposals
// into entries, applies them, appends them one at a time and one ahead (LOG-3), and answers only
// what is committed (LOG-5).

import { type AppendEnd, Appender, type LogTrouble } from './appender.ts';
import { ChecksumPace } from './checksum-pace.ts';
import { CommittedLog } from './committed-log.ts';
import { ENTRY_LIMITS } from './entry-builder.ts';
import {
  answerAll,
  answerCarriedUnknown,
  type CarriedCommand,
  type EntryInFlight,
  type OpenEntry,
} from './entry-in-work.ts';
import { answerDuplicate, answerEntry, findRefusal, type Refuse, refuseBarred } from './intake.ts';
import type { LeadershipEnd, LeadershipOptions, ReplicaFate } from './leadership-options.ts';
import { MAXIMUM_VALIDITY_US, type NotAppliedReason, type Proposal } from './proposal.ts';
import { ProposalQueue, type Reservation, type Settle, type Waiting } from './proposal-queue.ts';
import { type ReadFailure, ReadGate } from './read-gate.ts';
import { RecentRows } from './recent-rows.ts';
import { Standbys } from './standbys.ts';
import { Tick } from './tick.ts';

/** Commands between two looks at the clock. */
const COMMANDS_PER_CLOCK_LOOK = 32;

export class Leadership<C, E, A> {
  readonly committed: CommittedLog<C, E, A>;
  readonly queue: ProposalQueue<C, E, A>;
  /** For standbys: the latest committed rows as they are stored, and who follows them (REP-1). */
  readonly rows: RecentRows;
  readonly standbys = new Standbys();
  readonly #options: LeadershipOptions<C, E, A>;
  readonly #appender: Appender;
  readonly #gate: ReadGate;
  readonly #commitListeners = new Set<() => void>();
  #open: OpenEntry<E, A> | undefined;
  #inFlight: EntryInFlight<E, A> | undefined;
  #carried: CarriedCommand<E, A> | undefined;
  #trouble: LogTrouble | undefined;
  #phase: 'serving' | 'draining' | 'ended' = 'serving';
  #pumpIsDue = false;
  readonly #tick: Tick;
  readonly #checksumPace: ChecksumPace;
  #committedLogTimeUs: number;
  #replicaFate: ReplicaFate = 'committed';
  #handedOverTo: Readonly<Record<string, string>> | undefined;

  constructor(options: LeadershipOptions<C, E, A>) {
    const { world, log, replica, shardId, codec } = options;
    this.#options = options;
    this.queue = new ProposalQueue(options.queueLimits);
    this.committed = new CommittedLog({
      shardId,
      log,
      codec,
      end: replica.point,
      nextSequence: replica.nextSequence,
      openLog: (otherShardId) => world.openLog(otherShardId),
    });
    this.rows = new RecentRows(replica.point, replica.keptRows);
    this.#committedLogTimeUs = replica.logTimeUs;
    const onTrouble = (trouble: LogTrouble | undefined): void => this.#setTrouble(trouble);
    this.#appender = new Appender({ world, log, onTrouble, onStuck: options.onTrouble });
    this.#gate = new ReadGate(
      {
        log,
        isOurs: ({ entryIndex, chainChecksum }) =>
          replica.findChecksum(entryIndex) === chainChecksum,
        appendComes: () => this.#open !== undefined || this.queue.length > 0,
        onDeposed: () => this.#end({ kind: 'deposed', reason: 'the log has another end' }),
      },
      replica.point.entryIndex,
    );
    if (replica.unfinished !== undefined) {
      const { entryIndex, record } = replica.unfinished;
      this.#carried = { entryIndex, record, settle: undefined, duplicates: [] };
    }
    this.#tick = new Tick(world, () => this.#pump());
    this.#checksumPace = new ChecksumPace(options.stateChecksumInterval, {
      logTimeUs: replica.logTimeUs,
      hasOne: options.hasStateChecksum,
    });
    this.#schedulePump();
  }

  get committedLogTimeUs(): number {
    return this.#committedLogTimeUs;
  }

  get ended(): boolean {
    return this.#phase === 'ended';
  }

  /** After the end. */
  get replicaFate(): ReplicaFate {
    return this.#replicaFate;
  }

  /** Takes a proposal in; `settle` is called exactly once, perhaps before this returns. */
  submit(proposal: Proposal<C>, settle: Settle<E, A>, reservation?: Reservation): void {
    const reason = findRefusal(proposal, this.#phase === 'serving', this.#trouble !== undefined);
    // Only spans need the time of arrival.
    const arrivedUs = proposal.traceContext === '' ? 0 : this.#options.world.wallClockUs();
    if (reason !== undefined) settle(this.#refuse(...reason));
    else if (this.queue.push({ proposal, settle, arrivedUs }, reservation)) {
      this.#options.observer.onStep?.('arrived', proposal.command);
      this.#schedulePump();
    } else settle(this.#refuse('SHARD_OVERLOADED'));
  }

  /** What a standby that diverged begins anew from (LOG-7). */
  get ownSnapshot(): LeadershipOptions<C, E, A>['ownSnapshot'] {
    return this.#options.ownSnapshot;
  }

  /** Has the next entry come at once, with the state checksum (SNAP-3). */
  wantChecksum(): void {
    this.#checksumPace.want();
    this.#schedulePump();
  }

  /** Calls back once what is applied now may be shown (READ-1). */
  waitForProof(release: () => void, fail: (reason: ReadFailure) => void): void {
    if (this.#phase === 'ended' || this.#trouble !== undefined) {
      fail(this.#trouble === undefined ? 'NOT_LEADER' : 'LOG_UNAVAILABLE');
      return;
    }
    // What is applied ends with the open entry, the entry in flight or the last committed one.
    const entryIndex = this.#open?.entryIndex ?? this.#options.replica.point.entryIndex;
    this.#gate.wait({ entryIndex, release, fail });
  }

  /** Calls back after every commit and at the end, until the returned function is called. */
  onCommit(listener: () => void): () => void {
    this.#commitListeners.add(listener);
    return () => this.#commitListeners.delete(listener);
  }

  /** Ends the leadership because the log was seen to be forked or taken over. */
  endBecause(end: LeadershipEnd): void {
    this.#end(end);
  }

  /** Takes nothing more, commits what is applied and ends; who waits is sent there (REP-5). */
  handOver(to: Readonly<Record<string, string>>): void {
    if (this.#phase !== 'serving') return;
    this.#handedOverTo = to;
    this.#phase = 'draining';
    this.#refuseQueue('NOT_LEADER');
    this.#pump();
  }

  /** Takes no more proposals, finishes what it has and ends. */
  drain(): void {
    if (this.#phase !== 'serving') return;
    this.#phase = 'draining';
    this.#pump();
  }

  /** Ends now; the outcome of the append in flight stays unknown. */
  abandon(): void {
    this.#appender.abandon();
    this.#end({ kind: 'released' });
  }

  #schedulePump(): void {
    if (this.#pumpIsDue) return;
    this.#pumpIsDue = true;
    this.#options.world.nextTurn(() => this.#pump());
  }

  /** Applies what waits, as far as one entry takes it, and sends one when none is in flight. */
  #pump(): void {
    this.#pumpIsDue = false;
    if (this.#phase === 'ended') return;
    try {
      if (this.#trouble === undefined && this.#handedOverTo === undefined) this.#fill();
      if (this.#inFlight === undefined && this.#open !== undefined) {
        this.#send(this.#open);
        if (this.queue.length > 0) this.#schedulePump();
      }
    } catch (error) {
      this.#end({ kind: 'failed', error: error as Error });
      return;
    }
    this.#gate.prove();
    // What comes due while nothing can be sent waits for the end of the append, or of the trouble.
    const waits = this.#inFlight !== undefined || this.#trouble !== undefined;
    this.#tick.setDueTime(waits ? undefined : this.#nextDueTimeUs());
    if (this.#phase === 'draining' && this.#idle()) this.#end({ kind: 'released' });
  }

  #nextDueTimeUs(): number | undefined {
    const { machine } = this.#options.replica;
    return this.#checksumPace.earlierOf(machine.nextDueTimeUs());
  }

  #idle(): boolean {
    return this.#inFlight === undefined && this.#open === undefined && this.queue.length === 0;
  }

  #fill(): void {
    const { replica, world } = this.#options;
    const { builder } = replica;
    const started = world.monotonicUs();
    const logTimeUs = this.#open?.logTimeUs ?? Math.max(replica.logTimeUs, world.wallClockUs());
    const due = this.#nextDueTimeUs();
    const somethingIsDue = due !== undefined && due <= logTimeUs;
    let spentUs = this.#open?.applyDurationUs ?? 0;
    if (this.#open === undefined && (somethingIsDue || replica.unfinished !== undefined)) {
      this.#begin(logTimeUs);
    }
    for (let count = 1; this.#open === undefined || !builder.closed; count += 1) {
      const elapsedUs = count % COMMANDS_PER_CLOCK_LOOK === 0 ? world.monotonicUs() - started : 0;
      if (spentUs + elapsedUs > ENTRY_LIMITS.applyUs) break;
      const waiting = this.queue.shift();
      if (waiting === undefined) break;
      try {
        this.#take(waiting, logTimeUs);
      } catch (error) {
        this.#replicaFate = 'spoilt';
        waiting.settle(this.#refuse('NOT_LEADER'));
        throw error;
      }
    }
    spentUs += world.monotonicUs() - started;
    if (this.#open !== undefined) this.#open.applyDurationUs = spentUs;
  }

  #begin(logTimeUs: number): OpenEntry<E, A> {
    const { replica } = this.#options;
    const entryIndex = replica.point.entryIndex + 1;
    replica.beginNext(logTimeUs);
    this.#open = {
      entryIndex,
      logTimeUs,
      pending: [],
      expired: [],
      traced: [],
      applyDurationUs: 0,
    };
    return this.#open;
  }

  #take(waiting: Waiting<C, E, A>, logTimeUs: number): void {
    const { proposal, settle } = waiting;
    const { identities } = this.#options.replica;
    const known = identities.find(proposal.identity);
    if (known !== undefined) {
      const inFlight = this.#inFlight;
      const attempts = { committed: this.committed, inFlight, open: this.#open };
      answerDuplicate({ ...attempts, carried: this.#carried }, known, settle, this.#refuse);
    } else if (proposal.validUntilUs > logTimeUs + MAXIMUM_VALIDITY_US) {
      settle(this.#refuse('PROPOSAL_INVALID', { field: 'valid_until' }));
    } else if (identities.full) {
      settle(this.#refuse('SHARD_OVERLOADED', { limit: 'identities' }));
    } else if (!refuseBarred(waiting, this.#options.findBar, this.#refuse)) {
      const open = this.#open ?? this.#begin(logTimeUs);
      if (proposal.validUntilUs < logTimeUs) open.expired.push(settle);
      else this.#apply(waiting, open);
    }
  }

  #apply({ proposal, settle, arrivedUs }: Waiting<C, E, A>, open: OpenEntry<E, A>): void {
    const { replica, world, observer } = this.#options;
    const { identity, traceContext } = proposal;
    const traced = traceContext !== '' && observer.isTraced?.(traceContext);
    const applyStartUs = traced ? world.wallClockUs() : 0;
    const record = replica.builder.commandCount;
    const command = replica.builder.apply(proposal);
    replica.remember(proposal, command.outcome, { entryIndex: open.entryIndex, record });
    open.pending.push({ command, settle, duplicates: undefined });
    observer.onStep?.('applied', proposal.command);
    if (!traced) return;
    const applyEndUs = world.wallClockUs();
    open.traced.push({ identity, traceContext, arrivedUs, applyStartUs, applyEndUs });
  }

  #send(open: OpenEntry<E, A>): void {
    const { replica, world, epoch } = this.#options;
    const { machine, builder, point: previous } = replica;
    const hasStateChecksum = this.#checksumPace.takes(open, builder.commandCount, machine);
    const built = replica.sealNext({ epoch, withStateChecksum: hasStateChecksum });
    if (hasStateChecksum) this.#options.ownSnapshot.sealed(replica);
    const appendStartUs = world.wallClockUs();
    const inFlight = { ...open, built, previous, appendStartUs, hasStateChecksum };
    this.#open = undefined;
    this.#inFlight = inFlight;
    this.#gate.sent(open.entryIndex);
    this.#appender
      .append(built.entry, { epoch, previous, previousEpoch: 'same' })
      .then((end) => this.#appendEnded(inFlight, end))
      .catch((error: unknown) => this.#end({ kind: 'failed', error: error as Error }));
  }

  #appendEnded(entry: EntryInFlight<E, A>, end: AppendEnd): void {
    if (this.#inFlight !== entry) return; // ended meanwhile
    switch (end.kind) {
      case 'committed':
        this.#commit(entry);
        break;
      case 'deposed':
        this.#refuseInFlight();
        this.#end({ kind: 'deposed', reason: `epoch ${end.epoch} has begun` });
        break;
      case 'forked':
        this.#refuseInFlight();
        this.#end({ kind: 'forked', seen: end.known, found: end.found });
        break;
      case 'abandoned':
        break;
    }
  }

  #commit(entry: EntryInFlight<E, A>): void {
    const { world, observer } = this.#options;
    const { committed } = entry.built;
    const appendEndUs = world.wallClockUs();
    this.committed.push(entry.built);
    this.rows.push(entry.built.entry);
    this.#committedLogTimeUs = committed.logTimeUs;
    this.#inFlight = undefined;
    let failure: unknown;
    try {
      // The log should not wait while answers are handed out.
      if (this.#open !== undefined && this.#phase !== 'ended') this.#send(this.#open);
    } catch (error) {
      failure = error;
    }

    this.#carried = answerEntry(entry, this.#carried, this.committed, this.#refuse);
    this.#gate.committed(committed.entryIndex);
    for (const listener of this.#commitListeners) listener();
    this.#options.onEntry(committed, committed.commands.length, entry.hasStateChecksum);
    const { traced, applyDurationUs, appendStartUs } = entry;
    observer.onCommit?.({ entry: committed, appendStartUs, appendEndUs, applyDurationUs, traced });
    if (failure === undefined) this.#schedulePump();
    else this.#end({ kind: 'failed', error: failure as Error });
  }

  #setTrouble(trouble: LogTrouble | undefined): void {
    if (this.#phase === 'ended') return;
    this.#trouble = trouble;
    this.#options.onTrouble(trouble);
    if (trouble === undefined) {
      this.#schedulePump();
    } else {
      this.#gate.fail('LOG_UNAVAILABLE');
      this.#refuseQueue('LOG_UNAVAILABLE');
    }
  }

  #refuseQueue(reason: NotAppliedReason): void {
    for (let waiting = this.queue.shift(); waiting !== undefined; waiting = this.queue.shift()) {
      waiting.settle(this.#refuse(reason));
    }
  }

  /** Answers everybody who waits; what was applied and is not committed has to be undone. */
  #end(end: LeadershipEnd): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.queue.ended = true;
    this.#appender.abandon();
    this.#tick.cancel();
    if (this.#open !== undefined) this.#replicaFate = 'spoilt';
    else if (this.#inFlight !== undefined) this.#replicaFate = 'sent';
    answerAll(this.#inFlight, { kind: 'unknown' });
    this.#inFlight = undefined;
    answerAll(this.#open, this.#refuse('NOT_LEADER'));
    this.#open = undefined;
    answerCarriedUnknown(this.#carried);
    this.#refuseQueue('NOT_LEADER');
    this.#gate.fail('NOT_LEADER');
    for (const listener of this.#commitListeners) listener();
    this.committed.close();
    this.#options.onEnded(end);
  }

  /** What was in flight is not in the log, and never will be. */
  #refuseInFlight(): void {
    answerAll(this.#inFlight, this.#refuse('NOT_LEADER'));
    this.#inFlight = undefined;
    this.#replicaFate = 'spoilt';
  }

  readonly #refuse: Refuse<E, A> = (reason, detail = {}) => {
    const { observer, shardId } = this.#options;
    observer.onRefused?.(reason, 1);
    return {
      kind: 'notApplied',
      reason,
      detail: { shard_id: shardId, ...this.#handedOverTo, ...detail },
    };
  };
}
