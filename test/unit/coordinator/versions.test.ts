// When the version of a shard's log is raised: a decision over tables and reports.

import { describe, expect, test } from '@jest/globals';
import { versionOrdersFor } from '../../../services/coordinator/domain/versions.ts';
import { node, report, reportsOf, shard, tablesWith } from './cluster-values.ts';

const NODES = [node('matching-1'), node('matching-2')];
const LED = shard('matching-1', {
  ...{ epoch: 3, servingEpoch: 3, replicaNodeIds: ['matching-1', 'matching-2'] },
  leader: { nodeId: 'matching-1', incarnation: 'first' },
});
const LEADER = report('matching-1', { role: 'leader', epoch: 3, version: 1, newestVersion: 2 });
const STANDBY = report('matching-1', { newestVersion: 2 });

/** Orders to the leader's node. */
function orders(
  { leader = LEADER, standby = STANDBY }: Partial<Record<'leader' | 'standby', typeof LEADER>>,
  led = LED,
) {
  const reports = reportsOf({ 'matching-1': [leader], 'matching-2': [standby] });
  return versionOrdersFor(tablesWith(NODES, [led]), NODES[0] as never, reports);
}

describe('versions', () => {
  test('LOG-16: the leader is told to raise the version once every replica supports it', () => {
    expect(orders({})).toEqual([{ kind: 'raiseVersion', shardId: 'matching-1', version: 2 }]);
    expect(orders({ leader: { ...LEADER, version: 2 } })).toEqual([]);
    // Nobody is left behind by more than one.
    expect(
      orders({
        leader: { ...LEADER, newestVersion: 4 },
        standby: { ...STANDBY, newestVersion: 4 },
      }),
    ).toEqual([{ kind: 'raiseVersion', shardId: 'matching-1', version: 2 }]);
  });

  test('LOG-16: a replica of an older program, or one that has said nothing, holds it up', () => {
    expect(orders({ standby: { ...STANDBY, newestVersion: 1 } })).toEqual([]);
    expect(orders({ standby: report('matching-1') })).toEqual([]);
    const alone = reportsOf({ 'matching-1': [LEADER] });
    expect(versionOrdersFor(tablesWith(NODES, [LED]), NODES[0] as never, alone)).toEqual([]);
    expect(orders({ leader: { ...LEADER, newestVersion: 1 } })).toEqual([]);
  });

  test('LOG-16: only a leader that serves in its epoch is told', () => {
    expect(orders({}, shard('matching-1', { ...LED, servingEpoch: 2 }))).toEqual([]);
    expect(orders({ leader: { ...LEADER, role: 'candidate' } })).toEqual([]);
    const reports = reportsOf({ 'matching-1': [LEADER], 'matching-2': [STANDBY] });
    expect(versionOrdersFor(tablesWith(NODES, [LED]), NODES[1] as never, reports)).toEqual([]);
  });
});
