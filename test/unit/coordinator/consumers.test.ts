// Who follows whom before a shard owns its first slot.

import { describe, expect, test } from '@jest/globals';
import type {
  ClusterTables,
  NodeRow,
} from '../../../services/coordinator/domain/cluster-tables.ts';
import { type FollowedStream, isFollowed } from '../../../services/coordinator/domain/consumers.ts';
import { node, shard, tablesWith } from './cluster-values.ts';

const led = (nodeId: string) => ({ leader: { nodeId, incarnation: 'first' }, epoch: 1 });

/** Both account shards on one node: what one of them follows says nothing of the other. */
const SHARDS = [
  shard('matching-1', led('matching-1')),
  shard('account-1', led('account-1')),
  shard('account-2', led('account-1')),
];
const NODES: readonly NodeRow[] = [
  node('matching-1'),
  node('account-1'),
  node('account-3'),
  node('marketdata', { kind: 'marketdata' }),
];

function following(said: Readonly<Record<string, readonly (readonly [string, string])[]>>) {
  return (nodeId: string): readonly FollowedStream[] =>
    (said[nodeId] ?? []).map(([followerShardId, shardId]) => ({ followerShardId, shardId }));
}

describe('MOV-8: a matching shard owns its first slot', () => {
  const tables = tablesWith(NODES, [...SHARDS, shard('matching-2', led('matching-1'))]);
  const whole = {
    'account-1': [
      ['account-1', 'matching-2'],
      ['account-2', 'matching-2'],
    ],
    marketdata: [['', 'matching-2']],
  } as const;

  test('when every account shard and every market-data node follows it', () => {
    expect(isFollowed(tables, 'matching-2', following(whole))).toBe(true);
  });

  test('not before each account shard does, whatever others on its node do', () => {
    const only = { ...whole, 'account-1': [['account-1', 'matching-2']] } as const;
    expect(isFollowed(tables, 'matching-2', following(only))).toBe(false);
  });

  test('not while market data, or an account shard without a leader, does not follow it', () => {
    expect(isFollowed(tables, 'matching-2', following({ ...whole, marketdata: [] }))).toBe(false);
    const [, , account2] = SHARDS;
    const leaderless: ClusterTables = {
      ...tables,
      shards: new Map(tables.shards).set('account-2', {
        ...(account2 as (typeof SHARDS)[number]),
        leader: undefined,
      }),
    };
    expect(isFollowed(leaderless, 'matching-2', following(whole))).toBe(false);
  });

  test('a market-data node that is gone is not waited for', () => {
    const gone = node('marketdata-2', { kind: 'marketdata', live: false });
    const more = { ...tables, nodes: new Map(tables.nodes).set(gone.nodeId, gone) };
    expect(isFollowed(more, 'matching-2', following(whole))).toBe(true);
  });

  test('and is asked about no more once it owns one', () => {
    const row = { slot: 0, shardId: 'matching-2', generation: 2, published: true };
    const owning = { ...tables, slots: { ...tables.slots, matching: [row] } };
    expect(isFollowed(owning, 'matching-2', following({}))).toBe(true);
  });
});

describe('MOV-8: an account shard owns its first slot', () => {
  const tables = tablesWith(NODES, [...SHARDS, shard('account-3', led('account-3'))]);
  const whole = {
    'account-1': [
      ['account-1', 'account-3'],
      ['account-2', 'account-3'],
    ],
    'account-3': [
      ['account-3', 'matching-1'],
      ['account-3', 'account-1'],
      ['account-3', 'account-2'],
    ],
  } as const;

  test('when it follows every other shard and every account shard follows it', () => {
    expect(isFollowed(tables, 'account-3', following(whole))).toBe(true);
  });

  test('not while it lacks a stream, nor while somebody lacks its own', () => {
    for (const nodeId of ['account-1', 'account-3'] as const) {
      for (const missing of whole[nodeId]) {
        const less = { ...whole, [nodeId]: whole[nodeId].filter((one) => one !== missing) };
        expect(isFollowed(tables, 'account-3', following(less))).toBe(false);
      }
    }
  });
});
