// Who hosts and who leads: decisions over tables and reports.

import { describe, expect, test } from '@jest/globals';
import {
  applyChanges,
  type ClusterTables,
  type NodeRow,
  type ShardRow,
} from '../../../services/coordinator/domain/cluster-tables.ts';
import { firstChanges } from '../../../services/coordinator/domain/first-tables.ts';
import {
  decideLeaders,
  decideReplicas,
  decideServing,
  ordersFor,
  type ReplicaReport,
  type Reports,
} from '../../../services/coordinator/domain/placement.ts';

const EMPTY: ClusterTables = {
  version: 0,
  nodes: new Map(),
  shards: new Map(),
  slots: { matching: [], account: [] },
};

function node(nodeId: string, more: Partial<NodeRow> = {}): NodeRow {
  const kind = nodeId.startsWith('account') ? 'account' : 'matching';
  return { nodeId, kind, address: `${nodeId}:1`, incarnation: 'first', live: true, ...more };
}

function tablesWith(nodes: readonly NodeRow[], shards: readonly ShardRow[]): ClusterTables {
  return {
    ...EMPTY,
    nodes: new Map(nodes.map((one) => [one.nodeId, one])),
    shards: new Map(shards.map((one) => [one.shardId, one])),
  };
}

function shard(shardId: string, more: Partial<ShardRow> = {}): ShardRow {
  const kind = shardId.startsWith('account') ? 'account' : 'matching';
  return {
    ...{ shardId, kind, epoch: 0, servingEpoch: 0, leader: undefined, replicaNodeIds: [] },
    ...more,
  };
}

function report(shardId: string, more: Partial<ReplicaReport> = {}): ReplicaReport {
  return { shardId, role: 'standby', epoch: 0, appliedEntryIndex: 0, ...more };
}

function reportsOf(all: Readonly<Record<string, readonly ReplicaReport[]>>): Reports {
  return new Map(
    Object.entries(all).map(([nodeId, list]) => [
      nodeId,
      new Map(list.map((one) => [one.shardId, one])),
    ]),
  );
}

const always = () => true;

describe('the first tables', () => {
  test('every slot has one owner in generation 1, and both shards have about half (CRD-5)', () => {
    const changes = firstChanges(EMPTY, { matching: 2, account: 1 });
    const tables = applyChanges(EMPTY, changes);
    expect([...tables.shards.keys()].sort()).toEqual(['account-1', 'matching-1', 'matching-2']);
    expect(tables.slots.matching).toHaveLength(4096);
    const first = tables.slots.matching.filter((row) => row.shardId === 'matching-1').length;
    expect(first).toBeGreaterThan(1_800);
    expect(first).toBeLessThan(2_300);
    expect(tables.slots.account.every((row) => row.generation === 1 && !row.published)).toBe(true);
    expect(firstChanges(tables, { matching: 5, account: 5 })).toEqual([]);
  });
});

describe('replicas', () => {
  test('a node that comes first does not get the share of one that is expected (CRD-4)', () => {
    const tables = tablesWith([node('matching-1')], [shard('matching-1'), shard('matching-2')]);
    const changes = decideReplicas(tables, { matching: 2, account: 1 });
    expect(changes.map((change) => change.kind === 'shard' && change.shard)).toEqual([
      shard('matching-1', { replicaNodeIds: ['matching-1'] }),
    ]);
    const later = applyChanges(tables, [...changes, { kind: 'node', node: node('matching-2') }]);
    expect(decideReplicas(later, { matching: 2, account: 1 })).toEqual([
      { kind: 'shard', shard: shard('matching-2', { replicaNodeIds: ['matching-2'] }) },
    ]);
  });

  test('a shard waits for the node of its own name, another one goes where most room is', () => {
    const shards = [shard('matching-1'), shard('matching-2'), shard('matching-3')];
    const tables = tablesWith([node('matching-2')], shards);
    const changes = decideReplicas(tables, { matching: 2, account: 1 });
    expect(changes.map((change) => change.kind === 'shard' && change.shard.shardId)).toEqual([
      ...['matching-2', 'matching-3'],
    ]);
    const later = applyChanges(tables, [...changes, { kind: 'node', node: node('matching-1') }]);
    expect(decideReplicas(later, { matching: 2, account: 1 })).toEqual([
      { kind: 'shard', shard: shard('matching-1', { replicaNodeIds: ['matching-1'] }) },
    ]);
  });

  test('nothing moves that has a replica, and nothing goes to a node of another kind (CRD-4)', () => {
    const nodes = [node('matching-1'), node('account-1')];
    const shards = [shard('matching-1', { replicaNodeIds: ['matching-9'] })];
    expect(decideReplicas(tablesWith(nodes, shards), { matching: 1, account: 1 })).toEqual([]);
    const lonely = tablesWith([node('account-1')], [shard('matching-5')]);
    expect(decideReplicas(lonely, { matching: 1, account: 1 })).toEqual([]);
  });
});

describe('leaders', () => {
  const hosted = { replicaNodeIds: ['matching-1'] };
  const leader = { nodeId: 'matching-1', incarnation: 'first' };

  test('the epoch is raised above that of the table and that of the log (REP-4)', () => {
    const tables = tablesWith([node('matching-1')], [shard('matching-1', { ...hosted, epoch: 3 })]);
    const reports = reportsOf({ 'matching-1': [report('matching-1', { epoch: 7 })] });
    expect(decideLeaders(tables, reports, always)).toEqual([
      { kind: 'shard', shard: shard('matching-1', { ...hosted, epoch: 8, leader }) },
    ]);
  });

  test('a replica that is loading, or whose node is gone, is no candidate (REP-4)', () => {
    const shards = [shard('matching-1', hosted)];
    const loading = reportsOf({ 'matching-1': [report('matching-1', { role: 'loading' })] });
    expect(decideLeaders(tablesWith([node('matching-1')], shards), loading, always)).toEqual([]);
    const ready = reportsOf({ 'matching-1': [report('matching-1')] });
    const gone = tablesWith([node('matching-1', { live: false })], shards);
    expect(decideLeaders(gone, ready, always)).toEqual([]);
  });

  test('of two standbys the one that has applied more is chosen (REP-4)', () => {
    const two = shard('matching-1', { replicaNodeIds: ['matching-1', 'matching-2'] });
    const tables = tablesWith([node('matching-1'), node('matching-2')], [two]);
    const reports = reportsOf({
      'matching-1': [report('matching-1', { appliedEntryIndex: 5 })],
      'matching-2': [report('matching-1', { appliedEntryIndex: 9 })],
    });
    const [change] = decideLeaders(tables, reports, always);
    expect(change?.kind === 'shard' && change.shard.leader?.nodeId).toBe('matching-2');
  });

  test('a leader that serves stays, a new process of its node gets a new epoch (REP-2)', () => {
    const serving = shard('matching-1', { ...hosted, epoch: 2, servingEpoch: 2, leader });
    const leading = reportsOf({
      'matching-1': [report('matching-1', { role: 'leader', epoch: 2 })],
    });
    expect(decideLeaders(tablesWith([node('matching-1')], [serving]), leading, always)).toEqual([]);
    const again = tablesWith([node('matching-1', { incarnation: 'second' })], [serving]);
    const ready = reportsOf({ 'matching-1': [report('matching-1', { epoch: 2 })] });
    const [change] = decideLeaders(again, ready, always);
    expect(change?.kind === 'shard' && change.shard).toMatchObject({
      epoch: 3,
      leader: { incarnation: 'second' },
    });
  });

  test('a leader that has stepped down is told again, but not at once (REP-3, REP-7)', () => {
    const serving = shard('matching-1', { ...hosted, epoch: 2, servingEpoch: 2, leader });
    const tables = tablesWith([node('matching-1')], [serving]);
    const down = reportsOf({ 'matching-1': [report('matching-1', { epoch: 2 })] });
    expect(decideLeaders(tables, down, () => false)).toEqual([]);
    expect(decideLeaders(tables, down, always)).toHaveLength(1);
  });

  test('a leadership counts once its own epoch is reported', () => {
    const told = shard('matching-1', { ...hosted, epoch: 4, servingEpoch: 2, leader });
    const tables = tablesWith([node('matching-1')], [told]);
    const old = reportsOf({ 'matching-1': [report('matching-1', { role: 'leader', epoch: 3 })] });
    expect(decideServing(tables, old)).toEqual([]);
    const now = reportsOf({ 'matching-1': [report('matching-1', { role: 'leader', epoch: 4 })] });
    expect(decideServing(tables, now)).toEqual([
      { kind: 'shard', shard: { ...told, servingEpoch: 4 } },
    ]);
  });
});

describe('orders to a node', () => {
  const leader = { nodeId: 'matching-1', incarnation: 'first' };
  const told = shard('matching-1', { replicaNodeIds: ['matching-1'], epoch: 4, leader });
  const tables = tablesWith([node('matching-1')], [told, shard('matching-2')]);

  test('are what its report does not show yet, and end when it does (CRD-5)', () => {
    const orders = (list: readonly ReplicaReport[]) =>
      ordersFor(tables, node('matching-1'), reportsOf({ 'matching-1': list }));
    expect(orders([])).toEqual([{ kind: 'host', shardId: 'matching-1', shardKind: 'matching' }]);
    expect(orders([report('matching-1', { epoch: 3 })])).toEqual([
      { kind: 'lead', shardId: 'matching-1', epoch: 4 },
    ]);
    expect(orders([report('matching-1', { role: 'candidate', epoch: 4 })])).toEqual([]);
    expect(orders([report('matching-1', { role: 'leader', epoch: 4 })])).toEqual([]);
  });

  test('to lead go to the process that was chosen, not to the next of its node', () => {
    const second = node('matching-1', { incarnation: 'second' });
    const reports = reportsOf({ 'matching-1': [report('matching-1', { epoch: 3 })] });
    expect(ordersFor(tables, second, reports)).toEqual([]);
  });
});
