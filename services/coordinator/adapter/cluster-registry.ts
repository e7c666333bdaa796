// What the tables say about who is there: takes in joins, heartbeats and departures, decides by the
// domain's functions, stores every decision before anyone hears of it (CRD-1), and repeats orders
// until the reports agree (CRD-5).

import type { ProbingWorld } from '../../lib/platform/cluster/probe.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import { decidePublishedSlots, type Holdings } from '../domain/agreement.ts';
import {
  applyChanges,
  type ClusterTables,
  type NodeRow,
  type TableChange,
} from '../domain/cluster-tables.ts';
import { firstChanges, type ShardCounts } from '../domain/first-tables.ts';
import { decisionsOnLeaders, type Situation, standbysOf } from '../domain/leaders.ts';
import { type PullOrder, pullOrdersFor } from '../domain/moves.ts';
import {
  decideReplicas,
  type ExpectedNodes,
  type NodeOrder,
  ordersFor,
} from '../domain/placement.ts';
import { SeenPoints } from '../domain/seen-points.ts';
import { versionOrdersFor } from '../domain/versions.ts';
import type { CoordinatorStores } from './coordinator-stores.ts';
import { HandOvers } from './hand-overs.ts';
import type { LeaderClock } from './leader-clock.ts';
import { type FullReport, type Heard, type Member, Members, type NodeSession } from './members.ts';
import { TablesChanged } from './versioned-write.ts';

const CHECK_MS = 100;
/** An order that was sent is repeated after this long. */
const REPEAT_ORDER_MS = 500;

export type ClusterListener = (tables: ClusterTables, changes: readonly TableChange[]) => void;

/** What should change, given the tables; throwing refuses it. */
export type Decision = (tables: ClusterTables) => readonly TableChange[];

export type RegistryOptions = {
  readonly stores: Pick<CoordinatorStores, 'storeClusterChanges'>;
  readonly term: number;
  readonly tables: ClusterTables;
  readonly world: ProbingWorld;
  readonly clock: LeaderClock;
  readonly log: Logger;
  readonly shardCounts: ShardCounts;
  readonly expectedNodes: ExpectedNodes;
  /** Of each shard: the leader and its standbys. */
  readonly replicas: number;
  /** A shard is known to hold more, or something else, than before. */
  readonly onHoldings: () => void;
  /** Another coordinator has the term. */
  readonly onTermLost: () => void;
};

/** A decision that somebody waits for. */
type Asked = { readonly decide: Decision; readonly done: PromiseWithResolvers<void> };

export class ClusterRegistry {
  readonly #options: RegistryOptions;
  readonly #members: Members;
  readonly #clock: LeaderClock;
  readonly #holdings = new Map<string, Holdings>();
  readonly #seen = new SeenPoints();
  readonly #listeners = new Set<ClusterListener>();
  readonly #heardListeners = new Set<() => void>();
  /** Decisions besides the registry's own, made with every one of those. */
  readonly #standing: Decision[] = [];
  #asked: Asked[] = [];
  readonly #handOvers: HandOvers;
  #tables: ClusterTables;
  #isDeciding = false;
  #decideAgain = false;
  #stopped = false;
  #checkedUs: number;

  constructor(options: RegistryOptions) {
    const { world, log, tables } = options;
    this.#options = options;
    this.#tables = tables;
    this.#checkedUs = world.monotonicUs();
    this.#clock = options.clock;
    this.#handOvers = new HandOvers(log);
    this.#members = new Members({
      ...{ world, log, known: tables.nodes },
      onGone: () => this.decideSoon(),
    });
    this.#scheduleCheck();
    this.decideSoon();
  }

  get tables(): ClusterTables {
    return this.#tables;
  }

  get holdings(): ReadonlyMap<string, Holdings> {
    return this.#holdings;
  }

  /** Who has joined, and what it said last, by node id. */
  members(): ReadonlyMap<string, Member> {
    return this.#members.all();
  }

  /** What the nodes said last; undefined for a node that was not heard. */
  reportsOf(nodeId: string): readonly FullReport[] | undefined {
    const member = this.#members.all().get(nodeId);
    return member === undefined ? undefined : [...member.reports.values()];
  }

  heardAgoMs(nodeId: string): number | undefined {
    return this.#members.heardAgoMs(nodeId);
  }

  /** Calls back after every stored change, in order; returns what ends it. */
  listen(listener: ClusterListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls back whenever a node has said something; returns what ends it. */
  listenToNodes(listener: () => void): () => void {
    this.#heardListeners.add(listener);
    return () => this.#heardListeners.delete(listener);
  }

  /** Adds what is decided together with everything else from now on. */
  addDecision(decide: Decision): void {
    this.#standing.push(decide);
    this.decideSoon();
  }

  /**
   * Changes the tables; resolves when that is stored.
   *
   * @throws OperatingError what `decide` throws, or OUTCOME_UNKNOWN when it may not be stored.
   */
  change(decide: Decision): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#asked.push({ decide, done });
    this.decideSoon();
    return done.promise;
  }

  /**
   * Wants a node to lead a shard (REP-5), until another one has to lead it, or the returned
   * function takes the wish back.
   */
  wishLeader(shardId: string, nodeId: string): () => void {
    const takeBack = this.#handOvers.wish(shardId, nodeId);
    this.decideSoon();
    return takeBack;
  }

  /** Nodes that could lead a shard now, the best first. */
  standbysOf(shardId: string): readonly NodeRow[] {
    const shard = this.#tables.shards.get(shardId);
    if (shard === undefined) return [];
    return standbysOf(this.#tables, shard, this.#members.reports(), this.#members.leaving());
  }

  /** A node has said hello. An older stream or process of it ends. */
  join(session: NodeSession): void {
    this.#members.join(session);
    this.decideSoon();
  }

  /** A node has said how it is, and what it has seen. */
  hear(session: NodeSession, heard: Heard): void {
    const member = this.#members.find(session);
    if (member === undefined) return;
    this.#noteSeen(session.node.nodeId, heard);
    this.#noteTrouble(session.node.nodeId, heard);
    this.#members.hear(member, heard);
    for (const listener of [...this.#heardListeners]) listener();
    this.decideSoon();
  }

  /** Only what a leader has committed counts: a log's end may not have reached its replica. */
  #noteSeen(nodeId: string, { reports, followed }: Heard): void {
    for (const { shardId, role, epoch, appliedEntryIndex, appliedChainChecksum } of reports) {
      if (role !== 'leader') continue;
      const seenBy = `${nodeId} as leader of epoch ${epoch}`;
      const place = { entryIndex: appliedEntryIndex, chainChecksum: appliedChainChecksum };
      this.#seen.note(shardId, nodeId, { ...place, seenBy });
    }
    for (const { shardId, followerShardId, ...place } of followed) {
      this.#seen.note(shardId, nodeId, { ...place, seenBy: followerShardId || nodeId });
    }
  }

  /** Whoever led before may not know yet that it is over. */
  #noteTrouble(nodeId: string, { reports }: Heard): void {
    for (const { shardId, role, epoch, fault } of reports) {
      const shard = this.#tables.shards.get(shardId);
      if (role !== 'leader' || shard?.leader?.nodeId !== nodeId || shard.epoch !== epoch) continue;
      this.#clock.heard(shardId, fault !== '');
    }
  }

  /** A leader has said what its shard holds; only the leader's word counts. */
  learnHoldings(session: NodeSession, shardId: string, holdings: Holdings): void {
    if (this.#members.find(session) === undefined) return;
    this.#holdings.set(shardId, holdings);
    this.#options.onHoldings();
    this.decideSoon();
  }

  /** A command was committed by a shard, so it holds more. */
  updateHoldings(shardId: string, update: (holdings: Holdings) => Holdings): void {
    const holdings = this.#holdings.get(shardId);
    if (holdings === undefined) return;
    this.#holdings.set(shardId, update(holdings));
    this.#options.onHoldings();
    this.decideSoon();
  }

  /** A node's stream is over. */
  leave(session: NodeSession): void {
    this.#members.leave(session);
    this.decideSoon();
  }

  stop(): void {
    this.#stopped = true;
    const message = 'This coordinator has stopped being the active one.';
    this.#members.end(new OperatingError('NOT_READY', message));
    this.#rejectAsked(new OperatingError('OUTCOME_UNKNOWN', message));
    this.#listeners.clear();
    this.#heardListeners.clear();
  }

  /** Decides again once what is being stored is stored. */
  decideSoon(): void {
    if (this.#stopped) return;
    if (this.#isDeciding) {
      this.#decideAgain = true;
      return;
    }
    this.#isDeciding = true;
    void this.#decideAll();
  }

  async #decideAll(): Promise<void> {
    do {
      this.#decideAgain = false;
      try {
        await this.#decideOnce();
      } catch (error) {
        if (error instanceof TablesChanged) {
          this.#options.onTermLost();
          return;
        }
        // The loop that renews the term says it aloud.
        this.#options.log.debug({ error }, 'cannot store a change of the cluster, trying again');
        break; // the next check decides again
      }
    } while (this.#decideAgain && !this.#stopped);
    this.#isDeciding = false;
  }

  async #decideOnce(): Promise<void> {
    const { stores, term } = this.#options;
    const situation = this.#situation();
    const asked = this.#asked;
    this.#asked = [];
    let wanted = this.#tables;
    const changes: TableChange[] = [];
    const answers: Asked[] = [];
    const take = (found: readonly TableChange[]) => {
      if (found.length === 0) return;
      wanted = applyChanges(wanted, found);
      changes.push(...found);
    };
    for (const one of asked) {
      try {
        take(one.decide(wanted));
        answers.push(one);
      } catch (error) {
        one.done.reject(error);
      }
    }
    for (const decide of this.#decisions(situation)) take(decide(wanted));
    if (changes.length > 0) {
      try {
        await stores.storeClusterChanges({ term, version: this.#tables.version }, changes);
      } catch (error) {
        const message = 'The change may not be stored. Look, and repeat it.';
        for (const { done } of answers) done.reject(new OperatingError('OUTCOME_UNKNOWN', message));
        throw error;
      }
      if (this.#stopped) return this.#rejectAsked(notReady(), answers);
      this.#take(changes);
    }
    for (const { done } of answers) done.resolve();
    const hasBegun = this.#handOvers.begin(this.#tables, this.#members.reports(), situation);
    this.#decideAgain ||= hasBegun;
    this.#sendOrders();
  }

  #decisions(situation: Situation): readonly Decision[] {
    const { shardCounts, expectedNodes, replicas } = this.#options;
    const members = this.#members;
    const reports = members.reports();
    const plan = { expectedNodes, replicas, isLost: (nodeId: string) => members.isLost(nodeId) };
    return [
      (tables) => firstChanges(tables, shardCounts),
      (tables) => members.changes(tables),
      (tables) => decideReplicas(tables, plan),
      ...decisionsOnLeaders(reports, situation),
      (tables) => decidePublishedSlots(tables, this.#holdings),
      ...this.#standing,
    ];
  }

  #situation(): Situation {
    const members = this.#members;
    return {
      isDead: (node) => members.isDead(node),
      isSettled: (shardId) => this.#clock.isSettled(shardId),
      isOverdue: (shardId) => this.#clock.isOverdue(shardId),
      isCutOff: (shardId) => this.#clock.isCutOff(shardId),
      leaving: members.leaving(),
      handOvers: this.#handOvers.begun,
    };
  }

  #take(changes: readonly TableChange[]): void {
    const before = this.#tables;
    this.#tables = applyChanges(before, changes);
    for (const shard of this.#tables.shards.values()) {
      const old = before.shards.get(shard.shardId);
      const { shardId, epoch, servingEpoch, leader } = shard;
      if (old?.epoch !== epoch) {
        this.#holdings.delete(shardId);
        this.#handOvers.changed(shard);
        this.#clock.told(shard);
      }
      if (epoch === 0 || servingEpoch !== epoch || old?.servingEpoch === servingEpoch) continue;
      this.#clock.served(shardId);
      const fields = { shard_id: shardId, epoch, node_id: leader?.nodeId };
      this.#options.log.info(fields, `${shardId} is led by ${leader?.nodeId} in epoch ${epoch}`);
    }
    for (const listener of [...this.#listeners]) listener(this.#tables, changes);
  }

  #sendOrders(): void {
    const nowUs = this.#options.world.monotonicUs();
    const reports = this.#members.reports();
    for (const [nodeId, member] of this.#members.all()) {
      const node = this.#tables.nodes.get(nodeId);
      if (node === undefined || node.incarnation !== member.session.node.incarnation) continue;
      const orders: readonly (NodeOrder | PullOrder)[] = [
        ...ordersFor(this.#tables, node, reports, this.#handOvers.begun),
        ...pullOrdersFor(this.#tables, node, member.pulls),
        ...versionOrdersFor(this.#tables, node, reports),
      ];
      for (const order of orders) {
        const text = JSON.stringify(order);
        const sentUs = member.sentUs.get(text) ?? Number.NEGATIVE_INFINITY;
        if (nowUs - sentUs < REPEAT_ORDER_MS * 1_000) continue;
        member.sentUs.set(text, nowUs);
        member.session.send(order, this.#seen.of(order.shardId));
      }
    }
  }

  #scheduleCheck(): void {
    this.#options.world.setTimer(CHECK_MS, () => {
      if (this.#stopped) return;
      this.#check();
      this.#scheduleCheck();
    });
  }

  #check(): void {
    const nowUs = this.#options.world.monotonicUs();
    const lateUs = nowUs - this.#checkedUs - CHECK_MS * 1_000;
    this.#checkedUs = nowUs;
    if (lateUs > CHECK_MS * 1_000) {
      this.#members.forgive(lateUs);
      this.#clock.forgive(lateUs);
    }
    if (this.#members.forgiveShared(CHECK_MS * 1_000)) this.#clock.forgive(CHECK_MS * 1_000);
    this.#members.endSilent();
    this.decideSoon();
  }

  #rejectAsked(error: OperatingError, asked: readonly Asked[] = this.#asked): void {
    for (const { done } of asked) done.reject(error);
    this.#asked = [];
  }
}

function notReady(): OperatingError {
  return new OperatingError('OUTCOME_UNKNOWN', 'Another coordinator became the active one.');
}
