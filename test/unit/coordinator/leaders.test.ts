// Who leads, who takes over, and who hands over: decisions over tables and reports.

import { describe, expect, test } from '@jest/globals';
import type { TableChange } from '../../../services/coordinator/domain/cluster-tables.ts';
import {
  decideHandOvers,
  decideLeaders,
  decidePromises,
  decideServing,
  decideSuccessors,
  type Situation,
} from '../../../services/coordinator/domain/leaders.ts';
import { node, report, reportsOf, shard, tablesWith } from './cluster-values.ts';

function situation(more: Partial<Situation> = {}): Situation {
  return {
    isDead: () => false,
    isSettled: () => true,
    isOverdue: () => false,
    isCutOff: () => false,
    leaving: new Set(),
    handOvers: new Map(),
    ...more,
  };
}

const leadersOf = (changes: readonly TableChange[]) =>
  changes.map((change) =>
    change.kind === 'shard'
      ? [change.shard.shardId, change.shard.epoch, change.shard.leader?.nodeId]
      : change,
  );

describe('leaders', () => {
  const hosted = { replicaNodeIds: ['matching-1'] };
  const leader = { nodeId: 'matching-1', incarnation: 'first' };

  test('the epoch is raised above that of the table and that of the log (REP-4)', () => {
    const tables = tablesWith([node('matching-1')], [shard('matching-1', { ...hosted, epoch: 3 })]);
    const reports = reportsOf({ 'matching-1': [report('matching-1', { epoch: 7 })] });
    expect(decideLeaders(tables, reports, situation())).toEqual([
      { kind: 'shard', shard: shard('matching-1', { ...hosted, epoch: 8, leader }) },
    ]);
  });

  test('a replica that is loading, or whose node is gone, is no candidate (REP-4)', () => {
    const shards = [shard('matching-1', hosted)];
    const loading = reportsOf({ 'matching-1': [report('matching-1', { role: 'loading' })] });
    expect(decideLeaders(tablesWith([node('matching-1')], shards), loading, situation())).toEqual(
      [],
    );
    const ready = reportsOf({ 'matching-1': [report('matching-1')] });
    const gone = tablesWith([node('matching-1', { live: false })], shards);
    expect(decideLeaders(gone, ready, situation())).toEqual([]);
  });

  test('a new shard begins on its first replica, unless that cannot lead (CRD-4)', () => {
    const two = shard('matching-2', { replicaNodeIds: ['matching-2', 'matching-1'] });
    const tables = tablesWith([node('matching-1'), node('matching-2')], [two]);
    const other = { 'matching-1': [report('matching-2')] };
    expect(decideLeaders(tables, reportsOf(other), situation())).toEqual([]);
    const home = reportsOf({ ...other, 'matching-2': [report('matching-2')] });
    expect(leadersOf(decideLeaders(tables, home, situation()))).toEqual([
      ['matching-2', 1, 'matching-2'],
    ]);
    const failed = reportsOf({
      ...other,
      'matching-2': [report('matching-2', { role: 'failed' })],
    });
    expect(leadersOf(decideLeaders(tables, failed, situation()))).toEqual([
      ['matching-2', 1, 'matching-1'],
    ]);
  });

  test('of two standbys that have applied the same, the one whose node leads less (CRD-4)', () => {
    const on = (nodeId: string) => ({ nodeId, incarnation: 'first' });
    const orphan = shard('matching-1', { replicaNodeIds: ['matching-1', 'matching-2'], epoch: 1 });
    const other = shard('matching-2', {
      ...{ replicaNodeIds: ['matching-1'], epoch: 1, servingEpoch: 1 },
      leader: on('matching-1'),
    });
    const tables = tablesWith([node('matching-1'), node('matching-2')], [orphan, other]);
    const reports = reportsOf({
      'matching-1': [
        report('matching-1', { appliedEntryIndex: 9 }),
        report('matching-2', { role: 'leader', epoch: 1 }),
      ],
      'matching-2': [report('matching-1', { appliedEntryIndex: 9 })],
    });
    expect(leadersOf(decideLeaders(tables, reports, situation()))).toEqual([
      ['matching-1', 2, 'matching-2'],
    ]);
  });

  test('of two standbys the one that has applied more is chosen (REP-4)', () => {
    const two = shard('matching-1', { replicaNodeIds: ['matching-1', 'matching-2'], epoch: 1 });
    const tables = tablesWith([node('matching-1'), node('matching-2')], [two]);
    const reports = reportsOf({
      'matching-1': [report('matching-1', { appliedEntryIndex: 5 })],
      'matching-2': [report('matching-1', { appliedEntryIndex: 9 })],
    });
    const [change] = decideLeaders(tables, reports, situation());
    expect(change?.kind === 'shard' && change.shard.leader?.nodeId).toBe('matching-2');
  });

  test('a leader that serves stays, a new process of its node gets a new epoch (REP-2)', () => {
    const serving = shard('matching-1', { ...hosted, epoch: 2, servingEpoch: 2, leader });
    const leading = reportsOf({
      'matching-1': [report('matching-1', { role: 'leader', epoch: 2 })],
    });
    expect(
      decideLeaders(tablesWith([node('matching-1')], [serving]), leading, situation()),
    ).toEqual([]);
    const again = tablesWith([node('matching-1', { incarnation: 'second' })], [serving]);
    const ready = reportsOf({ 'matching-1': [report('matching-1', { epoch: 2 })] });
    const [change] = decideLeaders(again, ready, situation());
    expect(change?.kind === 'shard' && change.shard).toMatchObject({
      epoch: 3,
      leader: { incarnation: 'second' },
    });
  });

  test('a leader that has stepped down is told again, but not at once (REP-3, REP-7)', () => {
    const serving = shard('matching-1', { ...hosted, epoch: 2, servingEpoch: 2, leader });
    const tables = tablesWith([node('matching-1')], [serving]);
    const down = reportsOf({ 'matching-1': [report('matching-1', { epoch: 2 })] });
    expect(decideLeaders(tables, down, situation({ isSettled: () => false }))).toEqual([]);
    expect(decideLeaders(tables, down, situation())).toHaveLength(1);
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

describe('a failover', () => {
  const replicaNodeIds = ['matching-1', 'matching-2'];
  const leader = { nodeId: 'matching-1', incarnation: 'first' };
  const serving = shard('matching-1', { replicaNodeIds, epoch: 5, servingEpoch: 5, leader });
  const standby = reportsOf({ 'matching-2': [report('matching-1', { epoch: 5 })] });
  const gone = tablesWith([node('matching-1', { live: false }), node('matching-2')], [serving]);

  test('follows at once when the process is dead, else only 2 s after the last one (REP-3)', () => {
    const unsettled = { isSettled: () => false };
    expect(decideLeaders(gone, standby, situation(unsettled))).toEqual([]);
    const dead = situation({ ...unsettled, isDead: ({ nodeId }) => nodeId === 'matching-1' });
    expect(leadersOf(decideLeaders(gone, standby, dead))).toEqual([
      ['matching-1', 6, 'matching-2'],
    ]);
  });

  test('has an epoch above that of every log that was reported (REP-4)', () => {
    const reports = reportsOf({
      'matching-2': [report('matching-1', { epoch: 5, appliedEntryIndex: 9 })],
      'matching-3': [report('matching-1', { epoch: 8, appliedEntryIndex: 3 })],
    });
    const three = { ...serving, replicaNodeIds: [...replicaNodeIds, 'matching-3'] };
    const tables = tablesWith([...gone.nodes.values(), node('matching-3')], [three]);
    expect(leadersOf(decideLeaders(tables, reports, situation()))).toEqual([
      ['matching-1', 9, 'matching-2'],
    ]);
  });

  test('goes on to the next candidate when none is reported in time, in the next epoch (REP-4)', () => {
    const told = shard('matching-1', { replicaNodeIds, epoch: 6, servingEpoch: 5, leader });
    const tables = tablesWith([node('matching-1'), node('matching-2')], [told]);
    const reports = reportsOf({
      'matching-1': [report('matching-1', { role: 'candidate', epoch: 6 })],
      'matching-2': [report('matching-1', { epoch: 5 })],
    });
    expect(decideLeaders(tables, reports, situation())).toEqual([]);
    const late = situation({ isOverdue: () => true });
    expect(leadersOf(decideLeaders(tables, reports, late))).toEqual([
      ['matching-1', 7, 'matching-2'],
    ]);
  });

  test('has another lead where the leader cannot reach its log, if there is another (REP-6)', () => {
    const nodes = [node('matching-1'), node('matching-2')];
    const tables = tablesWith(nodes, [serving]);
    const leading = report('matching-1', { role: 'leader', epoch: 5, appliedEntryIndex: 9 });
    const reports = reportsOf({
      'matching-1': [leading],
      'matching-2': [report('matching-1', { epoch: 5, appliedEntryIndex: 9 })],
    });
    const cutOff = { isCutOff: (shardId: string) => shardId === 'matching-1' };
    expect(decideLeaders(tables, reports, situation())).toEqual([]);
    expect(leadersOf(decideLeaders(tables, reports, situation(cutOff)))).toEqual([
      ['matching-1', 6, 'matching-2'],
    ]);
    const unsettled = situation({ ...cutOff, isSettled: () => false });
    expect(decideLeaders(tables, reports, unsettled)).toEqual([]);
    const alone = reportsOf({ 'matching-1': [leading] });
    expect(decideLeaders(tables, alone, situation(cutOff))).toEqual([]);
  });

  test('never takes the only replica away, nor one that loads (REP-4)', () => {
    const told = shard('matching-1', { replicaNodeIds, epoch: 6, servingEpoch: 5, leader });
    const tables = tablesWith([node('matching-1'), node('matching-2')], [told]);
    const reports = reportsOf({
      'matching-1': [report('matching-1', { role: 'candidate', epoch: 6 })],
      'matching-2': [report('matching-1', { role: 'loading', epoch: 5 })],
    });
    expect(decideLeaders(tables, reports, situation({ isOverdue: () => true }))).toEqual([]);
  });

  test('passes over nodes that leave, and drained ones while there is another (REP-9)', () => {
    const reports = reportsOf({
      'matching-2': [report('matching-1', { epoch: 5, appliedEntryIndex: 9 })],
      'matching-3': [report('matching-1', { epoch: 5, appliedEntryIndex: 3 })],
    });
    const three = { ...serving, replicaNodeIds: [...replicaNodeIds, 'matching-3'] };
    const nodes = [node('matching-1', { live: false }), node('matching-2', { draining: true })];
    const tables = tablesWith([...nodes, node('matching-3')], [three]);
    expect(leadersOf(decideLeaders(tables, reports, situation()))).toEqual([
      ['matching-1', 6, 'matching-3'],
    ]);
    const leaving = situation({ leaving: new Set(['matching-3']) });
    expect(leadersOf(decideLeaders(tables, reports, leaving))).toEqual([
      ['matching-1', 6, 'matching-2'],
    ]);
  });
});

describe('a planned hand-over', () => {
  const replicaNodeIds = ['matching-1', 'matching-2'];
  const on = (nodeId: string) => ({ nodeId, incarnation: 'first' });
  const led = (shardId: string, nodeId: string) =>
    shard(shardId, { replicaNodeIds, epoch: 5, servingEpoch: 5, leader: on(nodeId) });
  const nodes = [node('matching-1'), node('matching-2')];
  const reports = reportsOf({
    'matching-1': [report('matching-1', { role: 'leader', epoch: 5 })],
    'matching-2': [report('matching-1', { epoch: 5 })],
  });
  const tables = tablesWith(nodes, [led('matching-1', 'matching-1')]);
  const target = expect.objectContaining({ nodeId: 'matching-2', address: 'matching-2:1' });

  test('is begun for a node that leaves, is drained, or by a wish (REP-5, REP-9)', () => {
    const none = decideHandOvers(tables, reports, situation(), new Map());
    expect(none.size).toBe(0);
    const leaving = situation({ leaving: new Set(['matching-1']) });
    const wish = new Map([['matching-1', 'matching-2']]);
    const drained = tablesWith(
      [node('matching-1', { draining: true }), node('matching-2')],
      [led('matching-1', 'matching-1')],
    );
    for (const found of [
      decideHandOvers(tables, reports, leaving, new Map()),
      decideHandOvers(tables, reports, situation(), wish),
      decideHandOvers(drained, reports, situation(), new Map()),
    ]) {
      expect([...found]).toEqual([['matching-1', { epoch: 5, target }]]);
    }
  });

  test('without anybody to take over: who leaves just goes, who is drained goes on (REP-9)', () => {
    const alone = reportsOf({
      'matching-1': [report('matching-1', { role: 'leader', epoch: 5 })],
      'matching-2': [report('matching-1', { role: 'loading' })],
    });
    const leaving = situation({ leaving: new Set(['matching-1']) });
    expect([...decideHandOvers(tables, alone, leaving, new Map())]).toEqual([
      ['matching-1', { epoch: 5, target: undefined }],
    ]);
    const drained = tablesWith(
      [node('matching-1', { draining: true }), node('matching-2')],
      [led('matching-1', 'matching-1')],
    );
    expect(decideHandOvers(drained, alone, situation(), new Map()).size).toBe(0);
  });

  test('gives the shard to its target as soon as the leader is a standby (REP-5)', () => {
    const released = reportsOf({
      'matching-1': [report('matching-1', { epoch: 5, appliedEntryIndex: 7 })],
      'matching-2': [report('matching-1', { epoch: 5, appliedEntryIndex: 6 })],
    });
    const place = { nodeId: 'matching-2', address: 'matching-2:1' };
    const handOvers = new Map([['matching-1', { epoch: 5, target: place, nextEpoch: 0 }]]);
    const told = situation({ handOvers, isSettled: () => false });
    expect(leadersOf(decideLeaders(tables, released, told))).toEqual([
      ['matching-1', 6, 'matching-2'],
    ]);
    // An older hand-over says nothing about this leadership.
    const old = new Map([['matching-1', { epoch: 4, target: place, nextEpoch: 0 }]]);
    const stale = situation({ handOvers: old, isSettled: () => false });
    expect(decideLeaders(tables, released, stale)).toEqual([]);
  });

  test('promises its target an epoch that nobody has, and gives it to nobody else (REP-5, LOG-2)', () => {
    const place = { nodeId: 'matching-2', address: 'matching-2:1' };
    const handOvers = new Map([['matching-1', { epoch: 5, target: place, nextEpoch: 6 }]]);
    const row = led('matching-1', 'matching-1');
    const promised = { ...row, promisedEpoch: 6 };
    expect(decidePromises(tables, handOvers)).toEqual([{ kind: 'shard', shard: promised }]);
    const stored = tablesWith(nodes, [promised]);
    expect(decidePromises(stored, handOvers)).toEqual([]);

    const released = reportsOf({
      'matching-1': [report('matching-1', { epoch: 5 })],
      'matching-2': [report('matching-1', { epoch: 5 })],
    });
    const told = situation({ handOvers, isSettled: () => false });
    expect(leadersOf(decideLeaders(stored, released, told))).toEqual([
      ['matching-1', 6, 'matching-2'],
    ]);
    // The target is gone: whoever leads instead does so in another epoch.
    const alone = reportsOf({ 'matching-1': [report('matching-1', { epoch: 5 })] });
    expect(leadersOf(decideLeaders(stored, alone, told))).toEqual([
      ['matching-1', 7, 'matching-1'],
    ]);
  });

  test('is noted when its target leads by the word of the leader before, by any coordinator (REP-5, CRD-2)', () => {
    const promised = tablesWith(nodes, [{ ...led('matching-1', 'matching-1'), promisedEpoch: 6 }]);
    const said = (role: 'standby' | 'candidate' | 'leader', epoch: number) =>
      reportsOf({
        'matching-1': [report('matching-1', { epoch: 5 })],
        'matching-2': [report('matching-1', { role, epoch })],
      });
    expect(leadersOf(decideSuccessors(promised, said('leader', 6)))).toEqual([
      ['matching-1', 6, 'matching-2'],
    ]);
    expect(leadersOf(decideSuccessors(promised, said('candidate', 6)))).toHaveLength(1);
    expect(decideSuccessors(promised, said('standby', 6))).toEqual([]);
    expect(decideSuccessors(promised, said('leader', 5))).toEqual([]);
    expect(decideSuccessors(tables, said('leader', 6))).toEqual([]);
  });

  test('leaves a node that leads one more than another as it is (CRD-4)', () => {
    const shards = ['matching-1', 'matching-2', 'matching-3'].map((id, at) =>
      led(id, at === 2 ? 'matching-2' : 'matching-1'),
    );
    const roles = (nodeId: string) =>
      shards.map(({ shardId, leader }) => {
        const role = leader?.nodeId === nodeId ? 'leader' : 'standby';
        return report(shardId, { role, epoch: 5 });
      });
    const all = reportsOf({
      'matching-1': roles('matching-1'),
      'matching-2': roles('matching-2'),
    });
    const wishes = new Map<string, string>();
    expect(decideHandOvers(tablesWith(nodes, shards), all, situation(), wishes).size).toBe(0);
  });

  test('evens leaders out, one at a time, only between nodes that differ by two (CRD-4)', () => {
    const both = [led('matching-1', 'matching-1'), led('matching-2', 'matching-1')];
    const uneven = tablesWith(nodes, both);
    const all = reportsOf({
      'matching-1': both.map(({ shardId }) => report(shardId, { role: 'leader', epoch: 5 })),
      'matching-2': both.map(({ shardId }) => report(shardId, { epoch: 5 })),
    });
    expect([...decideHandOvers(uneven, all, situation(), new Map()).keys()]).toEqual([
      'matching-1',
    ]);
    const unsettled = situation({ isSettled: () => false });
    expect(decideHandOvers(uneven, all, unsettled, new Map()).size).toBe(0);
    const place = { nodeId: 'matching-2', address: 'matching-2:1' };
    const begun = situation({
      handOvers: new Map([['matching-2', { epoch: 5, target: place, nextEpoch: 0 }]]),
    });
    expect(decideHandOvers(uneven, all, begun, new Map()).size).toBe(0);
    const even = tablesWith(nodes, [
      led('matching-1', 'matching-1'),
      led('matching-2', 'matching-2'),
    ]);
    const evenly = reportsOf({
      'matching-1': [
        report('matching-1', { role: 'leader', epoch: 5 }),
        report('matching-2', { epoch: 5 }),
      ],
      'matching-2': [
        report('matching-2', { role: 'leader', epoch: 5 }),
        report('matching-1', { epoch: 5 }),
      ],
    });
    expect(decideHandOvers(even, evenly, situation(), new Map()).size).toBe(0);
  });
});
