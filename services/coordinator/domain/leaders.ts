// Who leads which shard (REP-3, REP-4), and who hands a leadership over to whom (REP-5, CRD-4):
// decisions over the tables and what the nodes report. Pure.

import type { ClusterTables, NodeRow, ShardKind, ShardRow, TableChange } from './cluster-tables.ts';
import { SHARD_KINDS } from './cluster-tables.ts';
import {
  byText,
  type HandOver,
  leaderNode,
  leaderReport,
  type ReplicaReport,
  type Reports,
  shardsInOrder,
  type WantedHandOver,
} from './placement.ts';

/** What the coordinator knows besides tables and reports, at the moment of a decision. */
export type Situation = {
  /** Whether a node's process has ended for sure; a silent one may be alive (REP-3). */
  readonly isDead: (node: NodeRow) => boolean;
  /** Whether the last change of leader is long enough ago for another one (REP-3). */
  readonly isSettled: (shardId: string) => boolean;
  /** Whether whoever was told to lead should have reported by now (REP-4). */
  readonly isOverdue: (shardId: string) => boolean;
  /** Whether the leader has not reached its log for so long that another should try (REP-6). */
  readonly isCutOff: (shardId: string) => boolean;
  /** Nodes that have said that they leave (REP-9). */
  readonly leaving: ReadonlySet<string>;
  /** Leaderships that were told to end, by shard id. */
  readonly handOvers: ReadonlyMap<string, HandOver>;
};

/** All decisions about leaders, in the order in which they are made. */
export function decisionsOnLeaders(
  reports: Reports,
  situation: Situation,
): readonly ((tables: ClusterTables) => readonly TableChange[])[] {
  return [
    (tables) => decideSuccessors(tables, reports),
    (tables) => decideServing(tables, reports),
    (tables) => decideLeaders(tables, reports, situation),
    (tables) => decidePromises(tables, situation.handOvers),
  ];
}

/**
 * Raises the epoch of every shard whose leader is gone, was another process, has stepped down, does
 * not get up or cannot reach its log while this coordinator can, and names the live standby with
 * the highest applied index (REP-4). The only replica is not replaced.
 */
export function decideLeaders(
  tables: ClusterTables,
  reports: Reports,
  situation: Situation,
): readonly TableChange[] {
  const changes: TableChange[] = [];
  let decided = tables;
  for (const shard of shardsInOrder(tables)) {
    const need = needOf(tables, shard, reports, situation);
    if (need === 'none') continue;
    const chosen = choose(decided, shard, reports, situation, need);
    if (chosen === undefined) continue;
    const row: ShardRow = {
      ...shard,
      epoch: epochFor(shard, reports, situation.handOvers.get(shard.shardId), chosen),
      leader: { nodeId: chosen.nodeId, incarnation: chosen.incarnation },
    };
    changes.push({ kind: 'shard', shard: row });
    decided = { ...decided, shards: new Map(decided.shards).set(row.shardId, row) };
  }
  return changes;
}

/**
 * Takes note of who leads because it was promised (REP-5): the leader before has told it that it
 * may, and the log lets nobody else lead in that epoch (LOG-2).
 */
export function decideSuccessors(tables: ClusterTables, reports: Reports): readonly TableChange[] {
  const changes: TableChange[] = [];
  for (const shard of shardsInOrder(tables)) {
    const { shardId, epoch, promisedEpoch } = shard;
    if (promisedEpoch <= epoch) continue;
    for (const nodeId of shard.replicaNodeIds) {
      const node = tables.nodes.get(nodeId);
      const report = reports.get(nodeId)?.get(shardId);
      if (node?.live !== true || report?.epoch !== promisedEpoch) continue;
      if (report.role !== 'leader' && report.role !== 'candidate') continue;
      const leader = { nodeId, incarnation: node.incarnation };
      changes.push({ kind: 'shard', shard: { ...shard, epoch: promisedEpoch, leader } });
      break;
    }
  }
  return changes;
}

/** Promises the epochs of hand-overs that have begun. */
export function decidePromises(
  tables: ClusterTables,
  handOvers: ReadonlyMap<string, HandOver>,
): readonly TableChange[] {
  return shardsInOrder(tables).flatMap((shard): TableChange[] => {
    const handOver = handOvers.get(shard.shardId);
    if (handOver?.epoch !== shard.epoch || handOver.nextEpoch <= shard.promisedEpoch) return [];
    return [{ kind: 'shard', shard: { ...shard, promisedEpoch: handOver.nextEpoch } }];
  });
}

/** Marks the shards whose leader now reports that it serves in the epoch of the table. */
export function decideServing(tables: ClusterTables, reports: Reports): readonly TableChange[] {
  return shardsInOrder(tables)
    .filter((shard) => shard.servingEpoch < shard.epoch)
    .filter((shard) => {
      const report = leaderReport(tables, shard, reports);
      return report?.role === 'leader' && report.epoch === shard.epoch;
    })
    .map((shard) => ({ kind: 'shard', shard: { ...shard, servingEpoch: shard.epoch } }));
}

/** Node that an operator wants, or wanted, to lead, by shard id. */
export type LeaderWishes = ReadonlyMap<string, string>;

/**
 * Leaderships that should end, by shard id: those of nodes that leave (REP-9) or are drained, those
 * that an operator wants elsewhere, and one of a node that leads two more than another could
 * (CRD-4). Where an operator's wish has come true it is not undone for the sake of evenness.
 */
export function decideHandOvers(
  tables: ClusterTables,
  reports: Reports,
  situation: Pick<Situation, 'leaving' | 'isSettled' | 'handOvers'>,
  wishes: LeaderWishes,
): ReadonlyMap<string, WantedHandOver> {
  const found = new Map<string, WantedHandOver>();
  for (const shard of shardsInOrder(tables)) {
    const node = servingNode(tables, shard, reports);
    if (node === undefined) continue;
    const { epoch, shardId } = shard;
    const wish = wishes.get(shardId);
    const others = standbysOf(tables, shard, reports, situation.leaving).filter(
      (other) => other.nodeId !== node.nodeId && !other.draining,
    );
    if (situation.leaving.has(node.nodeId)) {
      found.set(shardId, { epoch, target: others[0] });
    } else if (wish !== undefined && wish !== node.nodeId) {
      const target = others.find(({ nodeId }) => nodeId === wish);
      if (target !== undefined) found.set(shardId, { epoch, target });
    } else if (node.draining && others.length > 0) {
      found.set(shardId, { epoch, target: others[0] });
    }
  }
  for (const kind of SHARD_KINDS) {
    const balance = decideBalance(tables, reports, situation, wishes, kind);
    const isBusy = [...found.keys()].some((shardId) => tables.shards.get(shardId)?.kind === kind);
    if (balance !== undefined && !isBusy) found.set(balance.shardId, balance);
  }
  return found;
}

/** Of a node that leads two shards more than another could lead, one for that other. */
function decideBalance(
  tables: ClusterTables,
  reports: Reports,
  { leaving, isSettled, handOvers }: Pick<Situation, 'leaving' | 'isSettled' | 'handOvers'>,
  wishes: LeaderWishes,
  kind: ShardKind,
): ({ readonly shardId: string } & WantedHandOver) | undefined {
  const shards = shardsInOrder(tables).filter((shard) => shard.kind === kind);
  const isQuiet = shards.every(
    (shard) =>
      servingNode(tables, shard, reports) !== undefined &&
      isSettled(shard.shardId) &&
      handOvers.get(shard.shardId)?.epoch !== shard.epoch,
  );
  if (!isQuiet) return undefined;
  const led = countLed(tables);
  for (const shard of shards) {
    if (wishes.has(shard.shardId)) continue;
    const from = led.get(shard.leader?.nodeId ?? '') ?? 0;
    const target = standbysOf(tables, shard, reports, leaving).find(
      ({ nodeId, draining }) => !draining && from - (led.get(nodeId) ?? 0) >= 2,
    );
    if (target !== undefined) return { shardId: shard.shardId, epoch: shard.epoch, target };
  }
  return undefined;
}

/**
 * `anyone`: also whoever led last. `other`: only somebody else, for the one that leads or shall
 * lead is not to be replaced by itself.
 */
type Need = 'none' | 'anyone' | 'other';

function needOf(
  tables: ClusterTables,
  shard: ShardRow,
  reports: Reports,
  { isDead, isSettled, isOverdue, isCutOff, leaving, handOvers }: Situation,
): Need {
  const node = leaderNode(tables, shard);
  if (node === undefined) return 'anyone';
  const { shardId } = shard;
  if (!node.live) return isDead(node) || isSettled(shardId) ? 'anyone' : 'none';
  const report = leaderReport(tables, shard, reports);
  if (report === undefined) return 'none';
  // A leader that has its epoch in its log and is a standby again has stepped down (REP-5, REP-7).
  if (report.role === 'standby' && report.epoch >= shard.epoch) {
    const wasTold = handOvers.get(shardId)?.epoch === shard.epoch || leaving.has(node.nodeId);
    return wasTold || isSettled(shardId) ? 'anyone' : 'none';
  }
  if (shard.servingEpoch < shard.epoch) return isOverdue(shardId) ? 'other' : 'none';
  const isUseless = report.role === 'failed' || (report.role === 'leader' && isCutOff(shardId));
  return isUseless && isSettled(shardId) ? 'other' : 'none';
}

function choose(
  tables: ClusterTables,
  shard: ShardRow,
  reports: Reports,
  { leaving, handOvers }: Situation,
  need: Need,
): NodeRow | undefined {
  const home = awaitedHome(tables, shard, reports);
  const standbys = standbysOf(tables, shard, reports, leaving).filter(
    ({ nodeId }) =>
      (need === 'anyone' || nodeId !== shard.leader?.nodeId) &&
      (home === undefined || nodeId === home),
  );
  const handOver = handOvers.get(shard.shardId);
  const target = handOver?.epoch === shard.epoch ? handOver.target?.nodeId : undefined;
  return (
    standbys.find(({ nodeId }) => nodeId === target) ??
    standbys.find(({ draining }) => !draining) ??
    standbys[0]
  );
}

/** Where a new shard begins, so that leaders are even from the start (CRD-4): its first replica. */
function awaitedHome(
  tables: ClusterTables,
  { shardId, epoch, replicaNodeIds: [home = ''] }: ShardRow,
  reports: Reports,
): string | undefined {
  if (epoch > 0 || tables.nodes.get(home)?.live !== true) return undefined;
  return reports.get(home)?.get(shardId)?.role === 'failed' ? undefined : home;
}

/** Nodes that can be told to lead, the one that has applied most first, then who leads fewest. */
export function standbysOf(
  tables: ClusterTables,
  shard: ShardRow,
  reports: Reports,
  leaving: ReadonlySet<string>,
): readonly NodeRow[] {
  const led = countLed(tables);
  const found: { readonly node: NodeRow; readonly applied: number; readonly led: number }[] = [];
  for (const nodeId of shard.replicaNodeIds) {
    const node = tables.nodes.get(nodeId);
    const report = reports.get(nodeId)?.get(shard.shardId);
    if (node?.live !== true || report?.role !== 'standby' || leaving.has(nodeId)) continue;
    found.push({ node, applied: report.appliedEntryIndex, led: led.get(nodeId) ?? 0 });
  }
  found.sort(
    (one, other) =>
      other.applied - one.applied ||
      one.led - other.led ||
      byText(one.node.nodeId, other.node.nodeId),
  );
  return found.map(({ node }) => node);
}

/** The node that leads and says so; undefined while there is none. */
function servingNode(
  tables: ClusterTables,
  shard: ShardRow,
  reports: Reports,
): NodeRow | undefined {
  const node = leaderNode(tables, shard);
  if (node?.live !== true || shard.servingEpoch !== shard.epoch) return undefined;
  const report: ReplicaReport | undefined = leaderReport(tables, shard, reports);
  return report?.role === 'leader' && report.epoch === shard.epoch ? node : undefined;
}

/** How many shards each node leads or shall lead. */
function countLed(tables: ClusterTables): ReadonlyMap<string, number> {
  const led = new Map<string, number>();
  for (const shard of tables.shards.values()) {
    const node = leaderNode(tables, shard);
    if (node?.live === true) led.set(node.nodeId, (led.get(node.nodeId) ?? 0) + 1);
  }
  return led;
}

/** An epoch that nobody was told of yet. */
export function epochAbove(shard: ShardRow, reports: Reports): number {
  return Math.max(shard.epoch, shard.promisedEpoch, highestEpoch(shard, reports)) + 1;
}

/** The one that was promised to whom the shard is handed over, or one that nobody was told of. */
function epochFor(
  shard: ShardRow,
  reports: Reports,
  handOver: HandOver | undefined,
  chosen: NodeRow,
): number {
  const { epoch, promisedEpoch } = shard;
  const isPromised =
    handOver?.epoch === epoch &&
    handOver.nextEpoch === promisedEpoch &&
    handOver.target?.nodeId === chosen.nodeId &&
    promisedEpoch > Math.max(epoch, highestEpoch(shard, reports));
  return isPromised ? promisedEpoch : epochAbove(shard, reports);
}

/** The last epoch that any replica has in its log. */
function highestEpoch(shard: ShardRow, reports: Reports): number {
  let highest = 0;
  for (const nodeId of shard.replicaNodeIds) {
    highest = Math.max(highest, reports.get(nodeId)?.get(shard.shardId)?.epoch ?? 0);
  }
  return highest;
}
