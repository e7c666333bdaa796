// When slots move by themselves (MOV-10): what to move is the plan of lib/routing/rebalance.ts;
// this says when a plan is carried out without an operator. Pure.

import { type LoadOfShard, type PlannedMove, planRebalance } from '../../lib/routing/rebalance.ts';
import {
  applyChanges,
  type ClusterTables,
  isOpen,
  type ShardKind,
  type TableChange,
} from './cluster-tables.ts';
import { movingSlots, newMoves } from './moves.ts';

/** Microseconds. */
export type RebalancePatience = {
  /** How long shards have to be uneven, whatever the plans were meanwhile. */
  readonly unevenUs: number;
  /** How long after the last move of a kind nothing moves: loads are of ten seconds. */
  readonly restUs: number;
};

export const REBALANCE_PATIENCE: RebalancePatience = {
  unevenUs: 30_000_000,
  restUs: 60_000_000,
};

export type RebalanceLook = {
  /** Of every shard of the kind; undefined when one has no leader, or that has not said. */
  readonly loads: readonly LoadOfShard[] | undefined;
  /** Since when they have been uneven at every look; undefined when they were not at the last. */
  readonly unevenSinceUs: number | undefined;
  readonly nowUs: number;
};

/** What is to move now, and since when shards are uneven. */
export function lookAtLoads(
  tables: ClusterTables,
  kind: ShardKind,
  { loads, unevenSinceUs, nowUs }: RebalanceLook,
  { unevenUs, restUs }: RebalancePatience = REBALANCE_PATIENCE,
): { readonly moves: readonly PlannedMove[]; readonly unevenSinceUs: number | undefined } {
  const ofKind = [...tables.moves.values()].filter((move) => move.kind === kind);
  const isResting = ofKind.some((move) => isOpen(move) || nowUs - (move.endTimeUs ?? 0) < restUs);
  if (loads === undefined || isResting) return { moves: [], unevenSinceUs: undefined };
  const { moves } = planRebalance(loads);
  if (moves.length === 0) return { moves, unevenSinceUs: undefined };
  const sinceUs = unevenSinceUs ?? nowUs;
  return { moves: nowUs - sinceUs < unevenUs ? [] : moves, unevenSinceUs: sinceUs };
}

/** The rows of planned moves, but for those that the tables have overtaken. */
export function changesOfPlan(
  tables: ClusterTables,
  kind: ShardKind,
  plan: readonly PlannedMove[],
  wish: { readonly clientRequestId: string; readonly nowUs: number },
): readonly TableChange[] {
  const changes: TableChange[] = [];
  let present = tables;
  const moving = movingSlots(tables, kind);
  for (const { slot, fromShardId, toShardId: targetShardId } of plan) {
    const isThere = tables.slots[kind][slot]?.shardId === fromShardId;
    if (!isThere || moving.has(slot) || !tables.shards.has(targetShardId)) continue;
    const rows = newMoves(present, { kind, slots: [slot], targetShardId, ...wish });
    const added = rows.map((move): TableChange => ({ kind: 'move', move }));
    present = applyChanges(present, added);
    changes.push(...added);
  }
  return changes;
}
