// When slots move by themselves.

import { describe, expect, test } from '@jest/globals';
import type {
  ClusterTables,
  MoveRow,
} from '../../../services/coordinator/domain/cluster-tables.ts';
import { newMoves } from '../../../services/coordinator/domain/moves.ts';
import {
  changesOfPlan,
  lookAtLoads,
  REBALANCE_PATIENCE,
} from '../../../services/coordinator/domain/rebalancing.ts';
import type { LoadOfShard } from '../../../services/lib/routing/rebalance.ts';
import { shard, tablesWith } from './cluster-values.ts';

const SHARDS = [shard('account-1'), shard('account-2'), shard('account-3')];
const row = (slot: number, shardId: string) => ({ slot, shardId, generation: 1, published: true });
const TABLES: ClusterTables = {
  ...tablesWith([], SHARDS),
  slots: { matching: [], account: [row(0, 'account-1'), row(1, 'account-1'), row(2, 'account-2')] },
};
const { unevenUs, restUs } = REBALANCE_PATIENCE;
const NOW = 1_700_000_000_000_000;

const load = (shardId: string, ...slots: readonly (readonly [number, number])[]): LoadOfShard => ({
  shardId,
  commands: slots.reduce((sum, [, commands]) => sum + commands, 0),
  slots: slots.map(([slot, commands]) => ({ slot, commands })),
});
const UNEVEN = [load('account-1', [0, 3_000], [1, 2_900]), load('account-2'), load('account-3')];
const EVEN = [load('account-1', [0, 3_000]), load('account-2', [2, 3_000])];

const look = (
  loads: readonly LoadOfShard[] | undefined,
  unevenSinceUs: number | undefined,
  tables = TABLES,
) => lookAtLoads(tables, 'account', { loads, unevenSinceUs, nowUs: NOW });

/** The tables with a move that has come so far. */
function withMove(change: Partial<MoveRow>, kind: 'account' | 'matching' = 'account') {
  const wish = { kind, slots: [2], targetShardId: 'account-1', clientRequestId: 'x', nowUs: NOW };
  const slots = { matching: TABLES.slots.account, account: TABLES.slots.account };
  const [move] = newMoves({ ...TABLES, slots }, wish);
  return { ...TABLES, moves: new Map([[1, { ...(move as MoveRow), ...change }]]) };
}

describe('MOV-10 slots move by themselves', () => {
  test('when shards have been uneven for half a minute, and not before', () => {
    expect(look(UNEVEN, undefined)).toEqual({ moves: [], unevenSinceUs: NOW });
    expect(look(UNEVEN, NOW - unevenUs + 1).moves).toEqual([]);
    const { moves } = look(UNEVEN, NOW - unevenUs);
    expect(moves.map(({ slot, toShardId }) => [slot, toShardId])).toEqual([[1, 'account-3']]);
  });

  test('not when they were even once in between', () => {
    expect(look(EVEN, NOW - unevenUs)).toEqual({ moves: [], unevenSinceUs: undefined });
  });

  test('not while a shard has not said what it has to do', () => {
    expect(look(undefined, NOW - unevenUs)).toEqual({ moves: [], unevenSinceUs: undefined });
  });

  test('not while a move of the kind is open, nor for a minute after the last', () => {
    const rested = { moves: [], unevenSinceUs: undefined };
    expect(look(UNEVEN, NOW - unevenUs, withMove({ state: 'copying' }))).toEqual(rested);
    const ended = { state: 'done', endTimeUs: NOW - restUs + 1 } as const;
    expect(look(UNEVEN, NOW - unevenUs, withMove(ended))).toEqual(rested);
    const long = { ...ended, endTimeUs: NOW - restUs };
    expect(look(UNEVEN, NOW - unevenUs, withMove(long)).moves).toHaveLength(1);
    expect(
      look(UNEVEN, NOW - unevenUs, withMove({ state: 'copying' }, 'matching')).moves,
    ).toHaveLength(1);
  });

  test('as rows of moves, but for what has changed since the plan was made', () => {
    const plan = [
      { slot: 0, commands: 1, fromShardId: 'account-1', toShardId: 'account-3' },
      { slot: 1, commands: 1, fromShardId: 'account-1', toShardId: 'account-2' },
      { slot: 2, commands: 1, fromShardId: 'account-1', toShardId: 'account-3' },
      { slot: 1, commands: 1, fromShardId: 'account-1', toShardId: 'account-9' },
    ];
    const wish = { clientRequestId: 'r', nowUs: NOW };
    const rows = changesOfPlan(TABLES, 'account', plan, wish).map((change) => {
      if (change.kind !== 'move') throw new Error(change.kind);
      const { moveNumber, slot, sourceShardId, targetShardId } = change.move;
      return [moveNumber, slot, sourceShardId, targetShardId];
    });
    expect(rows).toEqual([
      [1, 0, 'account-1', 'account-3'],
      [2, 1, 'account-1', 'account-2'],
    ]);
  });
});
