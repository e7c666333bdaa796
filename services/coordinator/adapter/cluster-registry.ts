// Who is there and what the tables say about it: takes in joins, heartbeats and departures, decides
// by the domain's functions, stores every decision before anyone hears of it (CRD-1), and repeats
// orders until the reports agree (CRD-5).

import type { ClusterWorld } from '../../lib/platform/cluster/cluster-world.ts';
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
import {
  decideLeaders,
  decideReplicas,
  decideServing,
  type ExpectedNodes,
  type NodeOrder,
  ordersFor,
  type ReplicaReport,
} from '../domain/placement.ts';
import { type SeenPoint, SeenPoints } from '../domain/seen-points.ts';
import type { CoordinatorStores } from './coordinator-stores.ts';
import { TablesChanged } from './versioned-write.ts';

/** A node that is silent for this long counts as gone (REP-3). */
const SILENCE_MS = 500;
const CHECK_MS = 100;
/** An order that was sent is repeated after this long. */
const REPEAT_ORDER_MS = 500;
/** After a completed change of leader none follows for this long unless the process died (REP-3). */
const SETTLE_MS = 2_000;

/** What a node says of a replica, and what its state holds when it has said so. */
export type FullReport = ReplicaReport & {
  readonly appliedChainChecksum: string;
  readonly queuedCommands: number;
  readonly fault: string;
};

/** How far a node has followed the log of another node's shard. */
export type FollowedPoint = Omit<SeenPoint, 'seenBy'> & { readonly shardId: string };

/** One node's Join stream. */
export type NodeSession = {
  readonly node: Omit<NodeRow, 'live'>;
  /** @param seen what has been seen of the order's shard (LOG-12) */
  send(order: NodeOrder, seen: readonly SeenPoint[]): void;
  end(error: OperatingError): void;
};

export type ClusterListener = (tables: ClusterTables, changes: readonly TableChange[]) => void;

export type RegistryOptions = {
  readonly stores: Pick<CoordinatorStores, 'storeClusterChanges'>;
  readonly term: number;
  readonly tables: ClusterTables;
  readonly world: ClusterWorld;
  readonly log: Logger;
  readonly shardCounts: ShardCounts;
  readonly expectedNodes: ExpectedNodes;
  /** A shard is known to hold more, or something else, than before. */
  readonly onHoldings: () => void;
  /** Another coordinator has the term. */
  readonly onTermLost: () => void;
};

type Member = {
  readonly session: NodeSession;
  reports: ReadonlyMap<string, FullReport>;
  /** When each order was last sent, by its text. */
  readonly sentUs: Map<string, number>;
};

export class ClusterRegistry {
  readonly #options: RegistryOptions;
  readonly #members = new Map<string, Member>();
  readonly #heardUs = new Map<string, number>();
  readonly #holdings = new Map<string, Holdings>();
  readonly #servingSinceUs = new Map<string, number>();
  readonly #seen = new SeenPoints();
  readonly #listeners = new Set<ClusterListener>();
  readonly #startedUs: number;
  #tables: ClusterTables;
  #isDeciding = false;
  #decideAgain = false;
  #stopped = false;
  #checkedUs: number;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#tables = options.tables;
    this.#startedUs = options.world.monotonicUs();
    this.#checkedUs = this.#startedUs;
    // A new coordinator waits one full time-out before it calls anyone gone (REP-3).
    for (const nodeId of this.#tables.nodes.keys()) this.#heardUs.set(nodeId, this.#startedUs);
    this.#scheduleCheck();
    this.decideSoon();
  }

  get tables(): ClusterTables {
    return this.#tables;
  }

  get holdings(): ReadonlyMap<string, Holdings> {
    return this.#holdings;
  }

  /** What the nodes said last; undefined for a node that was not heard. */
  reportsOf(nodeId: string): readonly FullReport[] | undefined {
    const member = this.#members.get(nodeId);
    return member === undefined ? undefined : [...member.reports.values()];
  }

  heardAgoMs(nodeId: string): number | undefined {
    const heardUs = this.#heardUs.get(nodeId);
    if (heardUs === undefined || !this.#members.has(nodeId)) return undefined;
    return Math.max(0, Math.round((this.#options.world.monotonicUs() - heardUs) / 1_000));
  }

  /** Calls back after every stored change, in order; returns what ends it. */
  listen(listener: ClusterListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A node has said hello. An older stream or process of it ends. */
  join(session: NodeSession): void {
    const { nodeId, incarnation } = session.node;
    const before = this.#members.get(nodeId);
    if (before !== undefined) {
      const isSame = before.session.node.incarnation === incarnation;
      before.session.end(isSame ? takenOver(nodeId) : replaced(nodeId));
    }
    this.#members.set(nodeId, { session, reports: new Map(), sentUs: new Map() });
    this.#heardUs.set(nodeId, this.#options.world.monotonicUs());
    this.#options.log.info({ node_id: nodeId, incarnation }, `${nodeId} has joined`);
    this.decideSoon();
  }

  /** A node has said how it is, and what it has seen. */
  hear(
    session: NodeSession,
    reports: readonly FullReport[],
    followed: readonly FollowedPoint[] = [],
  ): void {
    const member = this.#memberOf(session);
    if (member === undefined) return;
    this.#noteSeen(session.node.nodeId, reports, followed);
    this.#heardUs.set(session.node.nodeId, this.#options.world.monotonicUs());
    member.reports = new Map(reports.map((report) => [report.shardId, report]));
    this.decideSoon();
  }

  /** Only what a leader has committed counts: a log's end may not have reached its replica. */
  #noteSeen(
    nodeId: string,
    reports: readonly FullReport[],
    followed: readonly FollowedPoint[],
  ): void {
    for (const { shardId, role, epoch, appliedEntryIndex, appliedChainChecksum } of reports) {
      if (role !== 'leader') continue;
      const seenBy = `${nodeId} as leader of epoch ${epoch}`;
      const place = { entryIndex: appliedEntryIndex, chainChecksum: appliedChainChecksum };
      this.#seen.note(shardId, nodeId, { ...place, seenBy });
    }
    for (const { shardId, ...place } of followed) {
      this.#seen.note(shardId, nodeId, { ...place, seenBy: nodeId });
    }
  }

  /** A leader has said what its shard holds; only the leader's word counts. */
  learnHoldings(session: NodeSession, shardId: string, holdings: Holdings): void {
    if (this.#memberOf(session) === undefined) return;
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

  /** A node's stream is over; when it said so before, it is gone at once. */
  leave(session: NodeSession, isPlanned: boolean): void {
    if (this.#memberOf(session) === undefined) return;
    const { nodeId } = session.node;
    this.#members.delete(nodeId);
    if (isPlanned) {
      this.#heardUs.delete(nodeId);
      this.#options.log.info({ node_id: nodeId }, `${nodeId} has left`);
    }
    this.decideSoon();
  }

  stop(): void {
    this.#stopped = true;
    const error = new OperatingError(
      'NOT_READY',
      'This coordinator has stopped being the active one.',
    );
    for (const member of this.#members.values()) member.session.end(error);
    this.#members.clear();
    this.#listeners.clear();
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
    const { stores, term, shardCounts, expectedNodes, world } = this.#options;
    const reports = new Map([...this.#members].map(([id, member]) => [id, member.reports]));
    const nowUs = world.monotonicUs();
    const isSettled = (shardId: string) =>
      nowUs - (this.#servingSinceUs.get(shardId) ?? Number.NEGATIVE_INFINITY) >= SETTLE_MS * 1_000;
    const steps: readonly ((tables: ClusterTables) => readonly TableChange[])[] = [
      (tables) => firstChanges(tables, shardCounts),
      (tables) => this.#nodeChanges(tables, nowUs),
      (tables) => decideServing(tables, reports),
      (tables) => decideReplicas(tables, expectedNodes),
      (tables) => decideLeaders(tables, reports, isSettled),
      (tables) => decidePublishedSlots(tables, this.#holdings),
    ];
    let wanted = this.#tables;
    const changes: TableChange[] = [];
    for (const decide of steps) {
      const found = decide(wanted);
      if (found.length === 0) continue;
      wanted = applyChanges(wanted, found);
      changes.push(...found);
    }
    if (changes.length > 0) {
      await stores.storeClusterChanges({ term, version: this.#tables.version }, changes);
      if (this.#stopped) return;
      this.#take(changes);
    }
    this.#sendOrders();
  }

  #take(changes: readonly TableChange[]): void {
    const before = this.#tables;
    this.#tables = applyChanges(before, changes);
    for (const shard of this.#tables.shards.values()) {
      const old = before.shards.get(shard.shardId);
      if (old?.epoch !== shard.epoch) this.#holdings.delete(shard.shardId);
      if (shard.epoch === 0 || shard.servingEpoch !== shard.epoch) continue;
      if (old?.servingEpoch === shard.servingEpoch) continue;
      this.#servingSinceUs.set(shard.shardId, this.#options.world.monotonicUs());
      const { shardId, epoch, leader } = shard;
      const fields = { shard_id: shardId, epoch, node_id: leader?.nodeId };
      this.#options.log.info(fields, `${shardId} is led by ${leader?.nodeId} in epoch ${epoch}`);
    }
    for (const listener of [...this.#listeners]) listener(this.#tables, changes);
  }

  #nodeChanges(tables: ClusterTables, nowUs: number): readonly TableChange[] {
    const changes: TableChange[] = [];
    for (const { session } of this.#members.values()) {
      const node: NodeRow = { ...session.node, live: true };
      const row = tables.nodes.get(node.nodeId);
      const isKnown =
        row?.live === true && row.incarnation === node.incarnation && row.address === node.address;
      if (!isKnown) changes.push({ kind: 'node', node });
    }
    for (const row of tables.nodes.values()) {
      if (!row.live || this.#members.has(row.nodeId)) continue;
      const heardUs = this.#heardUs.get(row.nodeId);
      if (heardUs !== undefined && nowUs - heardUs < SILENCE_MS * 1_000) continue;
      changes.push({ kind: 'node', node: { ...row, live: false } });
      if (heardUs === undefined) continue;
      this.#options.log.warn({ node_id: row.nodeId }, `${row.nodeId} is gone`);
    }
    return changes;
  }

  #sendOrders(): void {
    const nowUs = this.#options.world.monotonicUs();
    const reports = new Map([...this.#members].map(([id, member]) => [id, member.reports]));
    for (const [nodeId, member] of this.#members) {
      const node = this.#tables.nodes.get(nodeId);
      if (node === undefined || node.incarnation !== member.session.node.incarnation) continue;
      for (const order of ordersFor(this.#tables, node, reports)) {
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

  /** Ends the sessions of silent nodes. Silence while this loop was late does not count (REP-3). */
  #check(): void {
    const nowUs = this.#options.world.monotonicUs();
    const lateUs = nowUs - this.#checkedUs - CHECK_MS * 1_000;
    this.#checkedUs = nowUs;
    if (lateUs > CHECK_MS * 1_000) {
      for (const [nodeId, heardUs] of this.#heardUs) this.#heardUs.set(nodeId, heardUs + lateUs);
    }
    for (const [nodeId, member] of this.#members) {
      const heardUs = this.#heardUs.get(nodeId) ?? nowUs;
      if (nowUs - heardUs < SILENCE_MS * 1_000) continue;
      this.#members.delete(nodeId);
      member.session.end(new OperatingError('NOT_READY', `${nodeId} was silent for too long.`));
    }
    this.decideSoon();
  }

  #memberOf(session: NodeSession): Member | undefined {
    const member = this.#members.get(session.node.nodeId);
    return member?.session === session ? member : undefined;
  }
}

function replaced(nodeId: string): OperatingError {
  return new OperatingError('NODE_REPLACED', `A newer process of ${nodeId} has joined.`);
}

function takenOver(nodeId: string): OperatingError {
  return new OperatingError('NOT_READY', `A newer stream of ${nodeId} has taken over.`);
}
