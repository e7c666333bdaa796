// Who has joined and what it said last, and who is gone (REP-2, REP-3). Suspicion may be wrong; the
// fence of the log makes that harmless.

import type { ProbingWorld } from '../../lib/platform/cluster/probe.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import type { ClusterTables, JoinedNode, NodeRow, TableChange } from '../domain/cluster-tables.ts';
import type { FollowedStream } from '../domain/consumers.ts';
import type { PullOrder, SlotPull } from '../domain/moves.ts';
import type { NodeOrder, ReplicaReport, Reports } from '../domain/placement.ts';
import type { SeenPoint } from '../domain/seen-points.ts';

/** A node that is silent for this long counts as gone (REP-3). */
export const SILENCE_MS = 500;
/** Not heard for so long: two heartbeats and more are missing. */
const QUIET_MS = 250;
/** No longer than this does a silence of most nodes not count. */
const LONGEST_SHARED_MS = 1_000;
/** One whose port still answers gets longer to find a coordinator that has just begun. */
const FIRST_SILENCE_MS = 3_000;
/** A node that went this long ago is not waited for: others take over its replicas (REP-8). */
const LOST_MS = 10_000;

/** What a node says of a replica, and what its state holds when it has said so. */
export type FullReport = ReplicaReport & {
  readonly appliedChainChecksum: string;
  readonly queuedCommands: number;
  readonly fault: string;
  readonly committedEntryIndex: number;
  readonly lagUs: number;
  readonly load: ShardLoad | undefined;
};

/** What a shard had to do in the last ten seconds. */
export type ShardLoad = {
  readonly commands: number;
  readonly logBytes: number;
  readonly slots: readonly { readonly slot: number; readonly commands: number }[];
};

/** How far a node has followed the log of another node's shard. */
export type FollowedPoint = Omit<SeenPoint, 'seenBy'> & FollowedStream;

/** What a node says with a heartbeat. */
export type Heard = {
  readonly reports: readonly FullReport[];
  readonly followed: readonly FollowedPoint[];
  readonly pulls: readonly SlotPull[];
  readonly isLeaving: boolean;
};

/** One node's Join stream. */
export type NodeSession = {
  readonly node: JoinedNode;
  /** @param seen what has been seen of the order's shard (LOG-12) */
  send(order: NodeOrder | PullOrder, seen: readonly SeenPoint[]): void;
  end(error: OperatingError): void;
};

export type Member = {
  readonly session: NodeSession;
  reports: ReadonlyMap<string, FullReport>;
  pulls: readonly SlotPull[];
  followed: readonly FollowedStream[];
  isLeaving: boolean;
  /** When each order was last sent, by its text. */
  readonly sentUs: Map<string, number>;
};

export type MembersOptions = {
  readonly world: ProbingWorld;
  readonly log: Logger;
  /** Nodes as an earlier coordinator left them. */
  readonly known: ClusterTables['nodes'];
  /** A node is known to be dead: decide at once. */
  readonly onGone: () => void;
};

export class Members {
  readonly #options: MembersOptions;
  readonly #members = new Map<string, Member>();
  readonly #heardUs = new Map<string, number>();
  readonly #goneUs = new Map<string, number>();
  /** Incarnations that have ended for sure. */
  readonly #dead = new Set<string>();
  /** Nodes of an earlier coordinator that were not heard yet. */
  readonly #awaited: Set<string>;
  /** Of them, those whose port has answered. */
  readonly #answering = new Set<string>();
  /** How much of the present silence of most nodes did not count. */
  #sharedUs = 0;

  constructor(options: MembersOptions) {
    this.#options = options;
    // A new coordinator waits one full time-out before it calls anyone gone (REP-3).
    const nowUs = options.world.monotonicUs();
    this.#awaited = new Set(options.known.keys());
    for (const { nodeId, live } of options.known.values()) {
      (live ? this.#heardUs : this.#goneUs).set(nodeId, nowUs);
    }
  }

  all(): ReadonlyMap<string, Member> {
    return this.#members;
  }

  find(session: NodeSession): Member | undefined {
    const member = this.#members.get(session.node.nodeId);
    return member?.session === session ? member : undefined;
  }

  reports(): Reports {
    return new Map([...this.#members].map(([id, member]) => [id, member.reports]));
  }

  /** Nodes that have said that they leave. */
  leaving(): ReadonlySet<string> {
    return new Set([...this.#members].filter(([, member]) => member.isLeaving).map(([id]) => id));
  }

  /** Whether a node's process has ended for sure; a silent one may be alive. */
  isDead({ incarnation }: NodeRow): boolean {
    return this.#dead.has(incarnation);
  }

  /** Whether a node went so long ago that nobody waits for it. */
  isLost(nodeId: string): boolean {
    if (this.#members.has(nodeId)) return false;
    const goneUs = this.#goneUs.get(nodeId);
    return goneUs !== undefined && this.#options.world.monotonicUs() - goneUs >= LOST_MS * 1_000;
  }

  heardAgoMs(nodeId: string): number | undefined {
    const heardUs = this.#heardUs.get(nodeId);
    if (heardUs === undefined || !this.#members.has(nodeId)) return undefined;
    return Math.max(0, Math.round((this.#options.world.monotonicUs() - heardUs) / 1_000));
  }

  /** A node has said hello. An older stream or process of it ends. */
  join(session: NodeSession): void {
    const { nodeId, incarnation } = session.node;
    const before = this.#members.get(nodeId);
    if (before !== undefined) {
      const isSame = before.session.node.incarnation === incarnation;
      before.session.end(isSame ? takenOver(nodeId) : replaced(nodeId));
    }
    this.#members.set(nodeId, {
      ...{ session, reports: new Map(), pulls: [], followed: [] },
      ...{ isLeaving: false, sentUs: new Map() },
    });
    this.#awaited.delete(nodeId);
    this.#goneUs.delete(nodeId);
    this.#dead.delete(incarnation);
    this.#heardUs.set(nodeId, this.#options.world.monotonicUs());
    this.#options.log.info({ node_id: nodeId, incarnation }, `${nodeId} has joined`);
  }

  hear(member: Member, { reports, followed, pulls, isLeaving }: Heard): void {
    const { nodeId } = member.session.node;
    this.#heardUs.set(nodeId, this.#options.world.monotonicUs());
    member.reports = new Map(
      reports.map((report) => {
        const load = report.load ?? member.reports.get(report.shardId)?.load;
        return [report.shardId, { ...report, load }];
      }),
    );
    member.pulls = pulls;
    member.followed = followed;
    if (isLeaving && !member.isLeaving) {
      this.#options.log.info({ node_id: nodeId }, `${nodeId} wants to leave`);
    }
    member.isLeaving = isLeaving;
  }

  /** A node's stream is over. Whoever said so before is gone; of others it is found out. */
  leave(session: NodeSession): void {
    const member = this.find(session);
    if (member === undefined) return;
    const { nodeId, incarnation, address } = session.node;
    this.#members.delete(nodeId);
    if (member.isLeaving) {
      this.#options.log.info({ node_id: nodeId }, `${nodeId} has left`);
      this.#sayDead(nodeId, incarnation);
    } else {
      void this.#probe(nodeId, incarnation, address);
    }
  }

  /** Ends the sessions of nodes that are silent. */
  endSilent(): void {
    const nowUs = this.#options.world.monotonicUs();
    for (const [nodeId, member] of this.#members) {
      const heardUs = this.#heardUs.get(nodeId) ?? nowUs;
      if (nowUs - heardUs < SILENCE_MS * 1_000) continue;
      this.#members.delete(nodeId);
      member.session.end(new OperatingError('NOT_READY', `${nodeId} was silent for too long.`));
    }
  }

  /**
   * Silence that most nodes share says more of this machine, or of its network, than of them: it
   * does not count, for a while (REP-3). Whose process ends is found out all the same.
   *
   * @param elapsedUs since this was asked last
   * @returns true when it does not count
   */
  forgiveShared(elapsedUs: number): boolean {
    const nowUs = this.#options.world.monotonicUs();
    const quiet = [...this.#members.keys()].filter((nodeId) => {
      return nowUs - (this.#heardUs.get(nodeId) ?? nowUs) >= QUIET_MS * 1_000;
    });
    const isShared = quiet.length >= 2 && quiet.length * 2 > this.#members.size;
    if (!isShared) {
      this.#sharedUs = 0;
      return false;
    }
    if (this.#sharedUs + elapsedUs > LONGEST_SHARED_MS * 1_000) return false;
    this.#sharedUs += elapsedUs;
    for (const nodeId of quiet) {
      this.#heardUs.set(nodeId, (this.#heardUs.get(nodeId) ?? nowUs) + elapsedUs);
    }
    return true;
  }

  /** Silence while this process itself was late does not count (REP-3). */
  forgive(lateUs: number): void {
    for (const [nodeId, heardUs] of this.#heardUs) this.#heardUs.set(nodeId, heardUs + lateUs);
  }

  /** Which rows of nodes are wrong now: who is new, another process, or gone. */
  changes(tables: ClusterTables): readonly TableChange[] {
    const changes: TableChange[] = [];
    for (const { session } of this.#members.values()) {
      const row = tables.nodes.get(session.node.nodeId);
      const { incarnation, address } = session.node;
      const isSame = row?.incarnation === incarnation;
      if (isSame && row?.live === true && row.address === address) continue;
      const draining = isSame && row?.draining === true;
      changes.push({ kind: 'node', node: { ...session.node, live: true, draining } });
    }
    for (const row of tables.nodes.values()) {
      if (!row.live || this.#members.has(row.nodeId) || !this.#isGone(row)) continue;
      changes.push({ kind: 'node', node: { ...row, live: false } });
      if (!this.#goneUs.has(row.nodeId)) {
        this.#goneUs.set(row.nodeId, this.#options.world.monotonicUs());
      }
      this.#options.log.warn({ node_id: row.nodeId }, `${row.nodeId} is gone`);
    }
    return changes;
  }

  end(error: OperatingError): void {
    for (const member of this.#members.values()) member.session.end(error);
    this.#members.clear();
  }

  #isGone(row: NodeRow): boolean {
    const { nodeId, incarnation, address } = row;
    const heardUs = this.#heardUs.get(nodeId);
    if (this.#dead.has(incarnation) || heardUs === undefined) return true;
    const silenceUs = this.#options.world.monotonicUs() - heardUs;
    if (silenceUs < SILENCE_MS * 1_000) return false;
    if (!this.#awaited.has(nodeId)) return true;
    if (this.#answering.has(nodeId)) return silenceUs >= FIRST_SILENCE_MS * 1_000;
    this.#answering.add(nodeId);
    void this.#probe(nodeId, incarnation, address);
    return false;
  }

  /** Who refuses a connection has ended (REP-3). */
  async #probe(nodeId: string, incarnation: string, address: string): Promise<void> {
    const isRefused = await this.#options.world.isRefused(address);
    const present = this.#members.get(nodeId)?.session.node.incarnation;
    if (!isRefused || present === incarnation) return;
    this.#sayDead(nodeId, incarnation);
    this.#options.onGone();
  }

  #sayDead(nodeId: string, incarnation: string): void {
    this.#dead.add(incarnation);
    if (!this.#goneUs.has(nodeId)) this.#goneUs.set(nodeId, this.#options.world.monotonicUs());
  }
}

function replaced(nodeId: string): OperatingError {
  return new OperatingError('NODE_REPLACED', `A newer process of ${nodeId} has joined.`);
}

function takenOver(nodeId: string): OperatingError {
  return new OperatingError('NOT_READY', `A newer stream of ${nodeId} has taken over.`);
}
