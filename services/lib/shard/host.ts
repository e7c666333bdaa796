// The shard host: one replica of one shard on one node. Leads when told to, takes proposals,
// answers reads and lets others follow the committed entries.

import { Candidacy, type SeenPoint } from './candidacy.ts';
import type { ShardHostOptions } from './host-options.ts';
import {
  describeStop,
  type HostState,
  type LeadResult,
  type ReadPlace,
  type ReadResult,
  type ShardPosition,
  type StopReason,
} from './host-state.ts';
import { Leadership } from './leadership.ts';
import type { LeadershipEnd } from './leadership-options.ts';
import type { LogPoint } from './log-entry.ts';
import type { HostObserver } from './observer.ts';
import type { Proposal, ProposalResult } from './proposal.ts';
import { DEFAULT_QUEUE_LIMITS, type Reservation } from './proposal-queue.ts';
import { Quarantine } from './quarantine.ts';
import { DEFAULT_MAXIMUM_IDENTITIES, Replica, type ReplicaOptions } from './replica.ts';
import { keepSnapshots } from './snapshot-keeper.ts';
import { SnapshotLoader } from './snapshot-loader.ts';
import type { StateMachine } from './state-machine.ts';
import {
  followLeadership,
  type SubscribeOptions,
  type SubscriptionBatch,
  SubscriptionEnded,
} from './subscription.ts';
import { LogNotDurable, type LogStore, type Timer, type World } from './world.ts';

export type { ShardHostOptions } from './host-options.ts';
export type { LeadResult, ReadPlace, ReadResult, ShardPosition } from './host-state.ts';

const DEFAULT_STATE_CHECKSUM_INTERVAL = 100_000;
const DURABILITY_CHECK_MS = 60_000;

export class ShardHost<C, E, A> {
  readonly shardId: string;
  /** Random id of this process' life of the host. */
  readonly incarnation: string;
  readonly #options: ShardHostOptions<C, E, A>;
  readonly #world: World;
  readonly #log: LogStore;
  readonly #quarantine: Quarantine;
  readonly #observer: HostObserver<E, A>;
  readonly #identityKey: Uint8Array;
  #state: HostState = { kind: 'follower', reason: undefined };
  #replica: Replica<C, E, A> | undefined;
  #leadership: Leadership<C, E, A> | undefined;
  #wantedEpoch = 0;
  /** The attempt to lead that runs now, if any. */
  #candidacy: Promise<LeadResult> | undefined;
  #durabilityTimer: Timer | undefined;
  #forkRecorded: Promise<void> | undefined;
  #leadershipEnded: PromiseWithResolvers<void> | undefined;

  constructor(options: ShardHostOptions<C, E, A>) {
    this.#options = options;
    this.#world = options.world;
    this.shardId = options.shardId;
    this.#log = options.world.openLog(options.shardId);
    this.#quarantine = new Quarantine(options.world, this.shardId);
    this.#observer = options.observer ?? {};
    this.#identityKey = options.identityKey ?? options.world.randomBytes(16);
    this.incarnation = Buffer.from(options.world.randomBytes(8)).toString('hex');
  }

  get state(): HostState {
    return this.#state;
  }

  /**
   * The machine that is applied to at present, while leading. Its state may be ahead of what is
   * committed: good for deciding what to propose, never to be shown to anybody (LOG-5).
   */
  get machine(): StateMachine<C, E, A> | undefined {
    return this.#leadership === undefined ? undefined : this.#replica?.machine;
  }

  /** Commands that wait, by class; undefined when not leading. */
  get queueDepth(): { readonly [K in Proposal<C>['commandClass']]: number } | undefined {
    const queue = this.#leadership?.queue;
    if (queue === undefined) return undefined;
    return {
      internal: queue.depth('internal'),
      cancel: queue.depth('cancel'),
      rest: queue.depth('rest'),
    };
  }

  /** The last committed entry and so on, without proof of leadership; undefined: not leading. */
  get position(): ShardPosition | undefined {
    const leadership = this.#leadership;
    if (leadership === undefined || !('epoch' in this.#state)) return undefined;
    const { committed, committedLogTimeUs: logTimeUs } = leadership;
    const { end, lastSequence } = committed;
    return { epoch: this.#state.epoch, committed: end, lastSequence, logTimeUs };
  }

  /**
   * Leads the shard for an epoch. While the log cannot be reached it keeps trying, until a later
   * epoch is asked for or the host is ended.
   *
   * @param seen points that consumers, replicas or the coordinator have seen (LOG-12)
   */
  async lead(epoch: number, seen: readonly SeenPoint[] = []): Promise<LeadResult> {
    if (this.#state.kind === 'stopped') return refused('STOPPED', 'this host has stopped');
    if (epoch < this.#wantedEpoch) {
      return refused('EPOCH_TOO_LOW', `epoch ${this.#wantedEpoch} was asked for before`);
    }
    if (epoch === this.#wantedEpoch) {
      if (this.#candidacy !== undefined) return this.#candidacy;
      if (this.#state.kind === 'leading') return { kind: 'leading', epoch };
    }
    this.#wantedEpoch = epoch;
    const earlier = this.#candidacy;
    const candidacy = (earlier ?? Promise.resolve()).then(() => this.#lead(epoch, seen));
    this.#candidacy = candidacy;
    const result = await candidacy;
    if (this.#candidacy === candidacy) this.#candidacy = undefined;
    return result;
  }

  async #lead(epoch: number, seen: readonly SeenPoint[]): Promise<LeadResult> {
    await this.release();
    if (this.#wantedEpoch !== epoch) return refused('SUPERSEDED', 'another order has come');
    this.#log.setEpoch(epoch);
    const loader = this.#openLoader();
    const candidacy = new Candidacy({
      world: this.#world,
      log: this.#log,
      epoch,
      nodeId: this.#options.nodeId,
      incarnation: this.incarnation,
      identityKey: this.#identityKey,
      seen,
      createReplica: () => new Replica(this.#replicaOptions()),
      loadSnapshot: (pause) => loader.load(pause),
      loadQuarantine: () => this.#quarantine.load(),
      replica: this.#replica,
      isSuperseded: () => this.#wantedEpoch !== epoch || this.#state.kind === 'stopped',
      onProgress: (appliedIndex, logTrouble) =>
        this.#setState({ kind: 'loading', epoch, appliedIndex, logTrouble }),
      onCandidate: () => this.#setState({ kind: 'candidate', epoch }),
    });
    this.#replica = undefined;
    this.#setState({ kind: 'loading', epoch, appliedIndex: 0, logTrouble: undefined });
    try {
      const end = await candidacy.run();
      if (end.kind === 'elected') return this.#serve(epoch, end.replica);
      if (end.kind === 'forked') {
        const reason = { ...end, kind: 'LOG_FORKED', seenBy: end.seen.seenBy } as const;
        this.#stop(reason);
        return refused('LOG_FORKED', describeStop(reason));
      }
      this.#setState({ kind: 'follower', reason: end.message });
      return end;
    } catch (error) {
      this.#stop({ kind: 'FAILED', error: error as Error });
      return refused('FAILED', (error as Error).message);
    }
  }

  #replicaOptions(): ReplicaOptions<C, E, A> {
    const { shardId, createMachine, codec } = this.#options;
    const maximumIdentities = this.#options.maximumIdentities ?? DEFAULT_MAXIMUM_IDENTITIES;
    return { shardId, createMachine, codec, maximumIdentities };
  }

  #openLoader(): SnapshotLoader<C, E, A> {
    return new SnapshotLoader({
      log: this.#log,
      openSnapshots: () => this.#world.openSnapshots(this.shardId),
      replica: this.#replicaOptions(),
      onPassedOver: (passed) => this.#observer.onSnapshotPassedOver?.(passed),
      onRestored: (point) => this.#observer.onSnapshotRestored?.(point),
    });
  }

  #serve(epoch: number, replica: Replica<C, E, A>): LeadResult {
    if (this.#state.kind === 'stopped') return refused('STOPPED', 'this host has stopped');
    const { shardId, codec, queueLimits, stateChecksumInterval } = this.#options;
    this.#replica = replica;
    const leadership: Leadership<C, E, A> = new Leadership({
      world: this.#world,
      log: this.#log,
      shardId,
      epoch,
      replica,
      codec,
      queueLimits: queueLimits ?? DEFAULT_QUEUE_LIMITS,
      findBar: ({ identity, command, raisesVersionTo }) => {
        if (this.#quarantine.holds(identity)) return 'COMMAND_QUARANTINED';
        return raisesVersionTo === undefined ? this.#options.refuses?.(command) : undefined;
      },
      stateChecksumInterval: stateChecksumInterval ?? DEFAULT_STATE_CHECKSUM_INTERVAL,
      observer: this.#observer,
      onTrouble: (trouble) => {
        if (this.#state.kind !== 'leading') return; // draining
        this.#setState({ kind: 'leading', epoch, logTrouble: trouble?.message });
      },
      onEntry: (...entry) => keeper?.committed(...entry),
      onEnded: (end) => {
        keeper?.stop();
        this.#endLeadership(leadership, end);
      },
    });
    const [plan, onEnd] = [this.#options.snapshots, this.#observer.onSnapshotEnd];
    const keeper = keepSnapshots(replica, { world: this.#world, shardId, epoch, plan, onEnd });
    this.#leadership = leadership;
    this.#leadershipEnded = Promise.withResolvers();
    this.#setState({ kind: 'leading', epoch, logTrouble: undefined });
    this.#watchDurability(leadership);
    return { kind: 'leading', epoch };
  }

  #watchDurability(leadership: Leadership<C, E, A>): void {
    this.#durabilityTimer = this.#world.setTimer(DURABILITY_CHECK_MS, () => {
      this.#log.checkDurability().catch((error: unknown) => {
        if (!(error instanceof LogNotDurable)) return; // unreachable: the next append will tell
        leadership.endBecause({ kind: 'deposed', reason: error.message });
      });
      if (!leadership.ended) this.#watchDurability(leadership);
    });
  }

  #endLeadership(leadership: Leadership<C, E, A>, end: LeadershipEnd): void {
    this.#leadership = undefined;
    const epoch = 'epoch' in this.#state ? this.#state.epoch : 0;
    this.#durabilityTimer?.cancel();
    // What is applied and not committed is undone by building the state anew (LOG-5, REP-7).
    if (!leadership.replicaIsClean) this.#replica = undefined;
    switch (end.kind) {
      case 'deposed':
        this.#setState({ kind: 'follower', reason: end.reason });
        break;
      case 'released':
        this.#setState({ kind: 'follower', reason: undefined });
        break;
      case 'forked':
        this.#stop({ ...end, kind: 'LOG_FORKED', seenBy: `shard ${this.shardId}'s leader` });
        break;
      case 'failed':
        this.#setState({ kind: 'draining', epoch });
        this.#quarantine.recorded(end.error, epoch, () => {
          this.#stop({ kind: 'FAILED', error: end.error });
        });
    }
    this.#leadershipEnded?.resolve();
  }

  /** Proposes commands; the results come one by one, in the order of the commands. */
  propose(
    proposals: readonly Proposal<C>[],
    reservation?: Reservation,
  ): Promise<ProposalResult<E, A>>[] {
    return proposals.map(
      (proposal) =>
        new Promise((resolve) => {
          this.submit(proposal, resolve, reservation);
        }),
    );
  }

  /** As `propose`, for one command, with a callback that is called exactly once. */
  submit(
    proposal: Proposal<C>,
    settle: (result: ProposalResult<E, A>) => void,
    reservation?: Reservation,
  ): void {
    if (this.#leadership === undefined) {
      this.#observer.onRefused?.('NOT_LEADER', 1);
      settle({ kind: 'notApplied', reason: 'NOT_LEADER', detail: { shard_id: this.shardId } });
    } else {
      this.#leadership.submit(proposal, settle, reservation);
    }
  }

  /** Room in the queue that the caller can count on (LOG-10); undefined when not leading. */
  reserve(): Reservation | undefined {
    return this.#leadership?.queue.reserve();
  }

  /** Answers from the state, when that may be shown (READ-1). The query must not change it. */
  read<T>(query: (machine: StateMachine<C, E, A>, place: ReadPlace) => T): Promise<ReadResult<T>> {
    const leadership = this.#leadership;
    const replica = this.#replica;
    if (leadership === undefined || replica === undefined) {
      return Promise.resolve({ kind: 'notAnswered', reason: 'NOT_LEADER' });
    }
    const nextSequence = replica.builder.nextSequence ?? replica.nextSequence;
    const place = { lastSequence: nextSequence - 1, logTimeUs: replica.logTimeUs };
    const value = query(replica.machine, place);
    return new Promise((resolve) => {
      leadership.waitForProof(
        () => resolve({ kind: 'answered', value }),
        (reason) => resolve({ kind: 'notAnswered', reason }),
      );
    });
  }

  /** How far the shard has committed, as a read (READ-1). */
  async readPosition(): Promise<ReadResult<ShardPosition>> {
    const proof = await this.read(() => undefined);
    if (proof.kind === 'notAnswered') return proof;
    const value = this.position;
    if (value === undefined) return { kind: 'notAnswered', reason: 'NOT_LEADER' };
    return { kind: 'answered', value };
  }

  /**
   * Follows the committed entries, gap-free.
   *
   * @throws SubscriptionEnded, LogUnreachable
   */
  async *subscribe(options: SubscribeOptions): AsyncGenerator<SubscriptionBatch<E, A>, void, void> {
    const leadership = this.#leadership;
    if (leadership === undefined || !('epoch' in this.#state)) {
      throw new SubscriptionEnded('NOT_LEADER', 'the shard is led elsewhere');
    }
    const { epoch } = this.#state;
    if (options.seen !== undefined) await this.#checkSeen(leadership, options.seen, options.seenBy);
    yield* followLeadership({ leadership, epoch, world: this.#world }, options);
  }

  /** A point that was seen and is not in the log means that the log is forked (LOG-12). */
  async #checkSeen(
    leadership: Leadership<C, E, A>,
    seen: LogPoint,
    seenBy = 'a consumer',
  ): Promise<void> {
    if (seen.entryIndex === 0) return;
    let found = await leadership.committed.findPoint(seen.entryIndex);
    if (found?.chainChecksum === seen.chainChecksum) return;
    if (found === undefined) {
      // Behind our end: committed by another leader, or lost.
      [found] = await this.#log.fetchEntries(seen.entryIndex, seen.entryIndex);
      if (found?.chainChecksum === seen.chainChecksum) {
        leadership.endBecause({ kind: 'deposed', reason: 'the log goes on without this leader' });
        throw new SubscriptionEnded('NOT_LEADER', 'the shard is led elsewhere');
      }
    }
    const { entryIndex, chainChecksum } = found ?? leadership.committed.end;
    leadership.endBecause({ kind: 'released' });
    this.#stop({ kind: 'LOG_FORKED', seen, found: { entryIndex, chainChecksum }, seenBy });
    throw new SubscriptionEnded('LOG_FORKED', `entry ${seen.entryIndex} is not what was seen`);
  }

  /** Stops leading once what it has is committed (REP-5, REP-9). */
  async release(): Promise<void> {
    const leadership = this.#leadership;
    if (leadership === undefined || !('epoch' in this.#state)) return;
    this.#setState({ kind: 'draining', epoch: this.#state.epoch });
    leadership.drain();
    await this.#leadershipEnded?.promise;
  }

  /** Ends the host: what is in flight gets up to `drainMs` milliseconds. */
  async end(drainMs: number): Promise<void> {
    const timer = this.#world.setTimer(drainMs, () => this.#leadership?.abandon());
    this.#wantedEpoch = Number.POSITIVE_INFINITY;
    if (this.#candidacy !== undefined) await this.#candidacy;
    await this.release();
    timer.cancel();
    if (this.#state.kind !== 'stopped') this.#stop({ kind: 'ended' });
    await Promise.all([this.#forkRecorded, this.#quarantine.close()]);
    await this.#log.close();
  }

  #stop(reason: StopReason): void {
    if (reason.kind === 'LOG_FORKED') {
      // Also for the next process: it would not know what was seen. The state says it in any case.
      this.#forkRecorded = this.#log.recordFork(describeStop(reason)).catch(() => {});
    }
    this.#replica = undefined;
    this.#setState({ kind: 'stopped', reason });
  }

  #setState(state: HostState): void {
    if (this.#state.kind === 'stopped') return;
    this.#state = state;
    this.#observer.onStateChange?.(state);
  }
}

function refused(
  reason: Extract<LeadResult, { readonly kind: 'refused' }>['reason'],
  message: string,
): LeadResult {
  return { kind: 'refused', reason, message };
}
