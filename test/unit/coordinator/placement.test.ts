// Who hosts and who leads: decisions over tables and reports.

import { describe, expect, test } from '@jest/globals';
import { applyChanges } from '../../../services/coordinator/domain/cluster-tables.ts';
import { firstChanges } from '../../../services/coordinator/domain/first-tables.ts';
import {
  decideReplicas,
  type ExpectedNodes,
  ordersFor,
  type ReplicaPlan,
  type ReplicaReport,
} from '../../../services/coordinator/domain/placement.ts';
import { EMPTY, node, report, reportsOf, shard, tablesWith } from './cluster-values.ts';

function planOf(expectedNodes: ExpectedNodes, more: Partial<ReplicaPlan> = {}): ReplicaPlan {
  return { expectedNodes, replicas: 1, isLost: () => false, ...more };
}

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
    const changes = decideReplicas(tables, planOf({ matching: 2, account: 1 }));
    expect(changes.map((change) => change.kind === 'shard' && change.shard)).toEqual([
      shard('matching-1', { replicaNodeIds: ['matching-1'] }),
    ]);
    const later = applyChanges(tables, [...changes, { kind: 'node', node: node('matching-2') }]);
    expect(decideReplicas(later, planOf({ matching: 2, account: 1 }))).toEqual([
      { kind: 'shard', shard: shard('matching-2', { replicaNodeIds: ['matching-2'] }) },
    ]);
  });

  test('a shard waits for the node of its own name, another one goes where most room is', () => {
    const shards = [shard('matching-1'), shard('matching-2'), shard('matching-3')];
    const tables = tablesWith([node('matching-2')], shards);
    const changes = decideReplicas(tables, planOf({ matching: 2, account: 1 }));
    expect(changes.map((change) => change.kind === 'shard' && change.shard.shardId)).toEqual([
      ...['matching-2', 'matching-3'],
    ]);
    const later = applyChanges(tables, [...changes, { kind: 'node', node: node('matching-1') }]);
    expect(decideReplicas(later, planOf({ matching: 2, account: 1 }))).toEqual([
      { kind: 'shard', shard: shard('matching-1', { replicaNodeIds: ['matching-1'] }) },
    ]);
  });

  test('nothing moves that has a replica, and nothing goes to a node of another kind (CRD-4)', () => {
    const nodes = [node('matching-1'), node('account-1')];
    const shards = [shard('matching-1', { replicaNodeIds: ['matching-9'] })];
    expect(decideReplicas(tablesWith(nodes, shards), planOf({ matching: 1, account: 1 }))).toEqual(
      [],
    );
    const lonely = tablesWith([node('account-1')], [shard('matching-5')]);
    expect(decideReplicas(lonely, planOf({ matching: 1, account: 1 }))).toEqual([]);
  });
});

describe('standbys', () => {
  const two = { matching: 2, account: 1 };
  const placesOf = (changes: ReturnType<typeof decideReplicas>): Record<string, string[]> =>
    Object.fromEntries(
      changes.map((change) =>
        change.kind === 'shard' ? [change.shard.shardId, [...change.shard.replicaNodeIds]] : [],
      ),
    );

  test('stand on another node than the first replica, evenly (CRD-4)', () => {
    const shards = [shard('matching-1'), shard('matching-2')];
    const tables = tablesWith([node('matching-1'), node('matching-2')], shards);
    expect(placesOf(decideReplicas(tables, planOf(two, { replicas: 2 })))).toEqual({
      'matching-1': ['matching-1', 'matching-2'],
      'matching-2': ['matching-2', 'matching-1'],
    });
    const three = tablesWith(
      [...tables.nodes.values(), node('matching-3')],
      [...shards, shard('matching-3')],
    );
    const places = placesOf(
      decideReplicas(three, planOf({ matching: 3, account: 1 }, { replicas: 2 })),
    );
    const counts = new Map<string, number>();
    for (const nodeId of Object.values(places).flat()) {
      counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual([2, 2, 2]);
  });

  test('wait for the node of the shard, so that it leads there first (CRD-4)', () => {
    const shards = [shard('matching-1'), shard('matching-2')];
    const alone = tablesWith([node('matching-1')], shards);
    expect(placesOf(decideReplicas(alone, planOf(two, { replicas: 2 })))).toEqual({
      'matching-1': ['matching-1'],
    });
  });

  test('are there again on another node once theirs is lost, and not before (REP-8)', () => {
    const held = shard('matching-1', { replicaNodeIds: ['matching-1', 'matching-2'] });
    const nodes = [node('matching-1'), node('matching-2', { live: false }), node('matching-3')];
    const tables = tablesWith(nodes, [held]);
    const waiting = planOf(two, { replicas: 2 });
    expect(decideReplicas(tables, waiting)).toEqual([]);
    const lost = planOf(two, { replicas: 2, isLost: (nodeId) => nodeId === 'matching-2' });
    expect(placesOf(decideReplicas(tables, lost))).toEqual({
      'matching-1': ['matching-1', 'matching-3'],
    });
    const noRoom = tablesWith([node('matching-1'), node('matching-2', { live: false })], [held]);
    expect(decideReplicas(noRoom, lost)).toEqual([]);
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

  test('to release go to the leader until it is a standby, and then nothing to it (REP-5)', () => {
    const handOvers = new Map([
      [
        'matching-1',
        { epoch: 4, target: { nodeId: 'matching-2', address: 'matching-2:1' }, nextEpoch: 5 },
      ],
    ]);
    const promised = tablesWith([node('matching-1')], [{ ...told, promisedEpoch: 5 }]);
    const orders = (role: 'leader' | 'standby', present = promised) =>
      ordersFor(
        present,
        node('matching-1'),
        reportsOf({ 'matching-1': [report('matching-1', { role, epoch: 4 })] }),
        handOvers,
      );
    expect(orders('leader')).toEqual([
      { kind: 'release', shardId: 'matching-1', ...handOvers.get('matching-1') },
    ]);
    expect(orders('standby')).toEqual([]);
    // Nobody hears of a promise before it is stored (CRD-1).
    expect(orders('leader', tables)).toEqual([]);
  });

  test('to release go to whoever believes that it still leads (REP-7)', () => {
    const two = { ...told, replicaNodeIds: ['matching-1', 'matching-2'] };
    const all = tablesWith([node('matching-1'), node('matching-2')], [two]);
    const old = reportsOf({
      'matching-2': [report('matching-1', { role: 'leader', epoch: 3 })],
    });
    expect(ordersFor(all, node('matching-2'), old)).toEqual([
      {
        ...{ kind: 'release', shardId: 'matching-1', epoch: 3, nextEpoch: 0 },
        target: { nodeId: 'matching-1', address: 'matching-1:1' },
      },
    ]);
  });

  test('to lead go to the process that was chosen, not to the next of its node', () => {
    const second = node('matching-1', { incarnation: 'second' });
    const reports = reportsOf({ 'matching-1': [report('matching-1', { epoch: 3 })] });
    expect(ordersFor(tables, second, reports)).toEqual([]);
  });
});
