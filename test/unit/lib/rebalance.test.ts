// Which slots should move so that shards have about the same to do.

import { describe, expect, test } from '@jest/globals';
import {
  type LoadOfShard,
  MOVES_LIMIT,
  planRebalance,
} from '../../../services/lib/routing/rebalance.ts';

const shard = (shardId: string, ...commands: readonly number[]): LoadOfShard => ({
  shardId,
  commands: commands.reduce((sum, count) => sum + count, 0),
  slots: commands.map((count, at) => ({ slot: shardId.charCodeAt(0) * 40 + at, commands: count })),
});

describe('a rebalance (MOV-10)', () => {
  test('leaves alone what is less than a fifth above the mean, or hardly anything', () => {
    expect(planRebalance([shard('a', 1_190, 9), shard('b', 801)]).moves).toEqual([]);
    expect(planRebalance([shard('a', 500, 400), shard('b', 0)]).moves).toEqual([]);
    expect(planRebalance([]).moves).toEqual([]);
    expect(planRebalance([shard('a', 9_000, 9_000)]).moves).toEqual([]);
  });

  test('moves the biggest slots that fit until the busiest is within a tenth of the mean', () => {
    const { moves, after } = planRebalance([
      shard('a', 5_000, 3_000, 1_000, 1_000),
      shard('b', 1_000),
      shard('c', 1_000),
    ]);
    expect(moves.map(({ commands, toShardId }) => [commands, toShardId])).toEqual([
      [3_000, 'c'],
      [1_000, 'b'],
      [1_000, 'b'],
    ]);
    expect(Object.fromEntries(after)).toEqual({ a: 5_000, b: 3_000, c: 4_000 });
  });

  test('does not send the same slots back: its result is even enough to stay', () => {
    const before = [shard('a', 2_000, 1_500, 1_200, 900, 400), shard('b', 300, 200)];
    const { moves } = planRebalance(before);
    expect(moves.length).toBeGreaterThan(0);
    const next = before.map((one) => {
      const left = one.slots.filter(({ slot }) => !moves.some((move) => move.slot === slot));
      const come = moves.filter(({ toShardId }) => toShardId === one.shardId);
      const slots = [...left, ...come.map(({ slot, commands }) => ({ slot, commands }))];
      const commands = slots.reduce((sum, slot) => sum + slot.commands, 0);
      return { shardId: one.shardId, slots, commands };
    });
    expect(planRebalance(next).moves).toEqual([]);
  });

  test('never splits a slot, and never makes the idlest the busier one', () => {
    expect(planRebalance([shard('a', 9_000), shard('b', 10)]).moves).toEqual([]);
  });

  test('is never longer than its limit', () => {
    const many = Array.from({ length: 500 }, () => 10);
    expect(planRebalance([shard('a', ...many), shard('b', 0)]).moves).toHaveLength(MOVES_LIMIT);
  });
});
