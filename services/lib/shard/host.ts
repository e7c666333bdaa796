// The shard host: one replica of one shard on one node. Stands by, leads when told to, takes
// proposals, answers reads and lets others follow the committed entries.

import { Candidacy, type SeenPoint } from './candidacy.ts';
import type { StreamEntriesOptions } from './entry-stream.ts';
import { followNobody, type ShardHostOptions } from './host-options.ts';
import { readFrom } from './host-reads.ts';
import {
  describeStop,
  type HandOverTarget,
  type HostState,
  type LeadResult,
  type ReadPlace,
  type ReadResult,
  refused,
  type ShardPosition,
  type StopReason,
} from './host-state.ts';
import { type StreamSource, streamEntriesTo, subscribeTo } from './host-streams.ts';
import type { Leadership } from './leadership.ts';
import type { LeadershipEnd } from './leadership-options.ts';
import type { HostObserver } from './observer.ts';
import type { Proposal, ProposalResult } from './proposal.ts';
import type { Reservation } from './proposal-queue.ts';
import { Quarantine } from './quarantine.ts';
import type { Replica } from './replica.ts';
import { ReplicaSource } from './replica-source.ts';
import { Standby } from './standby.ts';
import { type KeptReplica, type StandbyView, standbyListener } from './standby-options.ts';
import type { StateMachine } from './state-machine.ts';
import {
  type SubscribeOptions,
  type SubscriptionBatch,
  SubscriptionEnded,
} from './subscription.ts';
import { beginTerm, type Elected } from './term.ts';
import type { EntryBatch, LogStore, World } from './world.ts';

export type { ShardHostOptions } from './host-options.ts';
export type {
  HandOverTarget,
  LeadResult,
  ReadPlace,
  ReadResult,
  ShardPosition,
} from './host-state.ts';

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
  /** What it leads with. */
  #replica: Replica<C, E, A> | undefined;
  /** What it has while it neither leads nor stands by. */
  #kept: KeptReplica<C, E, A> | undefined;
  #standsBy = false;
  #standby: Standby<C, E, A> | undefined;
  readonly #source: ReplicaSource<C, E, A>;
  #leadership: Leadership<C, E, A> | undefined;
  #wantedEpoch = 0;
  /** The attempt to lead that runs now, if any. */
  #candidacy: Promise<LeadResult> | undefined;
  #forkRecorded: Promise<void> | undefined;
  #leadershipEnded: PromiseWithResolvers<void> | undefined;
  /** Whom it has handed the leadership over to, for those who still ask here. */
  #successor: Readonly<Record<string, string>> = {};

  constructor(options: ShardHostOptions<C, E, A>) {
    this.#options = options;
    this.#world = options.world;
    this.shardId = options.shardId;
    this.#log = options.world.openLog(options.shardId);
    this.#quarantine = new Quarantine(options.world, this.shardId);
    this.#observer = options.observer ?? {};
    this.#source = new ReplicaSource(options, this.#log);
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
    return this.#leadership?.queue.depths;
  }

  /** The last committed entry and so on, without proof of leadership; undefined: not leading. */
  get position(): ShardPosition | undefined {
    const leadership = this.#leadership;
    if (leadership === undefined || !('epoch' in this.#state)) return undefined;
    const { committed, committedLogTimeUs: logTimeUs } = leadership;
    const { end, lastSequence } = committed;
    return { epoch: this.#state.epoch, committed: end, lastSequence, logTimeUs };
  }

  /** How the replica is that follows the leader; undefined when none does. */
  get standby(): StandbyView | undefined {
    return this.#standby?.view;
  }

  /** From now on it has a warm replica whenever it does not lead (REP-1). */
  standBy(): void {
    this.#standsBy = true;
    this.#startStandby();
  }

  #startStandby(): void {
    if (!this.#standsBy || this.#state.kind !== 'follower' || this.#standby !== undefined) return;
    const onStopped = (reason: StopReason): void => this.#stop(reason);
    const standby = new Standby<C, E, A>({
      world: this.#world,
      followLeader: this.#options.followLeader ?? followNobody,
      ...{ shardId: this.shardId, nodeId: this.#options.nodeId, log: this.#log },
      source: this.#source,
      prepare: () => this.#quarantine.load(),
      snapshots: { plan: this.#options.snapshots, onEnd: this.#observer.onSnapshotEnd },
      kept: this.#kept,
      listener: standbyListener(this.#observer, onStopped, (epoch) => void this.lead(epoch)),
    });
    this.#kept = undefined;
    this.#standby = standby;
    standby.start();
  }

  /** Ends the following; what there is of it is kept for whoever comes next. */
  #stopStandby(): { readonly isWarm: boolean } {
    const standby = this.#standby;
    if (standby === undefined) return { isWarm: false };
    const isWarm = standby.view.isWarm && standby.isDurable;
    this.#kept = standby.stop();
    this.#standby = undefined;
    return { isWarm };
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
    const { isWarm } = this.#stopStandby();
    this.#successor = {};
    this.#log.setEpoch(epoch);
    const candidacy = new Candidacy<C, E, A>({
      world: this.#world,
      log: this.#log,
      epoch,
      nodeId: this.#options.nodeId,
      incarnation: this.incarnation,
      identityKey: this.#identityKey,
      seen,
      source: this.#source,
      loadQuarantine: () => this.#quarantine.load(),
      kept: this.#kept,
      isWarm,
      isSuperseded: () => this.#wantedEpoch !== epoch || this.#state.kind === 'stopped',
      onProgress: (appliedIndex, logTrouble) =>
        this.#setState({ kind: 'loading', epoch, appliedIndex, logTrouble }),
      onCandidate: () => this.#setState({ kind: 'candidate', epoch }),
    });
    this.#kept = undefined;
    this.#setState({ kind: 'loading', epoch, appliedIndex: 0, logTrouble: undefined });
    try {
      const end = await candidacy.run();
      if (end.kind === 'elected') return this.#serve(epoch, end);
      if (end.kind === 'forked') {
        const reason = { ...end, kind: 'LOG_FORKED', seenBy: end.seen.seenBy } as const;
        this.#stop(reason);
        return refused('LOG_FORKED', describeStop(reason));
      }
      this.#kept = candidacy.kept;
      this.#becomeFollower(end.message);
      return end;
    } catch (error) {
      this.#stop({ kind: 'FAILED', error: error as Error });
      return refused('FAILED', (error as Error).message);
    }
  }

  #becomeFollower(reason: string | undefined): void {
    this.#setState({ kind: 'follower', reason });
    this.#startStandby();
  }

  #serve(epoch: number, elected: Elected<C, E, A>): LeadResult {
    if (this.#state.kind === 'stopped') return refused('STOPPED', 'this host has stopped');
    this.#replica = elected.replica;
    this.#leadership = beginTerm({
      host: this.#options,
      log: this.#log,
      observer: this.#observer,
      quarantine: this.#quarantine,
      epoch,
      elected,
      onTrouble: (trouble) => {
        if (this.#state.kind !== 'leading') return; // draining
        this.#setState({ kind: 'leading', epoch, logTrouble: trouble?.message });
      },
      onEnded: (leadership, end) => this.#endLeadership(leadership, end),
    });
    this.#leadershipEnded = Promise.withResolvers();
    this.#setState({ kind: 'leading', epoch, logTrouble: undefined });
    return { kind: 'leading', epoch };
  }

  #endLeadership(leadership: Leadership<C, E, A>, end: LeadershipEnd): void {
    this.#leadership = undefined;
    const epoch = 'epoch' in this.#state ? this.#state.epoch : 0;
    const { replicaFate, committed } = leadership;
    // What is applied and not committed is undone by building the state anew (LOG-5, REP-7).
    if (this.#replica !== undefined && replicaFate !== 'spoilt') {
      const isLevel = end.kind === 'released' && replicaFate === 'committed';
      const { entryIndex: committedIndex } = committed.end;
      this.#kept = { replica: this.#replica, committedIndex, isLevel };
    }
    this.#replica = undefined;
    switch (end.kind) {
      case 'deposed':
        this.#becomeFollower(end.reason);
        break;
      case 'released':
        this.#becomeFollower(undefined);
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
      settle({
        kind: 'notApplied',
        reason: 'NOT_LEADER',
        detail: { shard_id: this.shardId, ...this.#successor },
      });
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
    return readFrom(this.#leadership, this.#replica, query);
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
  subscribe(options: SubscribeOptions): AsyncGenerator<SubscriptionBatch<E, A>, void, void> {
    return subscribeTo(() => this.#streamSource(), options);
  }

  /**
   * Streams the committed rows of the log, gap-free, to a standby (REP-1).
   *
   * @throws SubscriptionEnded, LogUnreachable
   */
  async *streamEntries(options: StreamEntriesOptions): AsyncGenerator<EntryBatch, void, void> {
    yield* streamEntriesTo(this.#streamSource(), options);
  }

  #streamSource(): StreamSource<C, E, A> {
    const leadership = this.#leadership;
    if (leadership === undefined || !('epoch' in this.#state)) {
      throw new SubscriptionEnded('NOT_LEADER', 'the shard is led elsewhere');
    }
    const onForked = (reason: StopReason): void => this.#stop(reason);
    const { epoch } = this.#state;
    return { leadership, epoch, world: this.#world, log: this.#log, onForked };
  }

  /**
   * Stops leading once what it has is committed (REP-9); with a target, once what it has applied
   * is: whoever waits goes there (REP-5).
   */
  async release(target?: HandOverTarget): Promise<void> {
    const leadership = this.#leadership;
    if (leadership === undefined || !('epoch' in this.#state)) return;
    const ended = this.#leadershipEnded?.promise;
    this.#setState({ kind: 'draining', epoch: this.#state.epoch });
    if (target !== undefined) {
      const { nodeId, address, nextEpoch } = target;
      this.#successor = { leader_node_id: nodeId, leader_address: address };
      if (nextEpoch > 0) leadership.standbys.successor = { nodeId, epoch: nextEpoch };
      leadership.handOver(this.#successor);
    } else leadership.drain();
    await ended;
  }

  /** Ends the host: what is in flight gets up to `drainMs` milliseconds. */
  async end(drainMs: number): Promise<void> {
    const timer = this.#world.setTimer(drainMs, () => this.#leadership?.abandon());
    this.#wantedEpoch = Number.POSITIVE_INFINITY;
    if (this.#candidacy !== undefined) await this.#candidacy;
    this.#standsBy = false;
    this.#stopStandby();
    await this.release();
    timer.cancel();
    if (this.#state.kind !== 'stopped') this.#stop({ kind: 'ended' });
    await Promise.all([this.#forkRecorded, this.#quarantine.close()]);
    await this.#log.close();
  }

  #stop(reason: StopReason): void {
    if (reason.kind === 'LOG_FORKED') {
      this.#forkRecorded = this.#source.recordFork(reason);
    }
    this.#stopStandby();
    this.#replica = undefined;
    this.#kept = undefined;
    this.#setState({ kind: 'stopped', reason });
  }

  #setState(state: HostState): void {
    if (this.#state.kind === 'stopped') return;
    this.#state = state;
    this.#observer.onStateChange?.(state);
  }
}
