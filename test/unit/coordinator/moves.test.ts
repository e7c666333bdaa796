// The move of a slot: what is due at each state, and what becomes of the row.

import { describe, expect, test } from '@jest/globals';
import { missingCommands } from '../../../services/coordinator/domain/agreement.ts';
import {
  applyChanges,
  type ClusterTables,
  type MoveRow,
  type TableChange,
} from '../../../services/coordinator/domain/cluster-tables.ts';
import { firstChanges } from '../../../services/coordinator/domain/first-tables.ts';
import {
  afterStep,
  decideMoves,
  findOpenMove,
  type MoveSituation,
  newMoves,
  nextStep,
  pullOrdersFor,
  type SlotPull,
  type StepOutcome,
} from '../../../services/coordinator/domain/moves.ts';
import { newShard, shareOf } from '../../../services/coordinator/domain/new-shards.ts';
import { EMPTY, node, shard } from './cluster-values.ts';

const on = (nodeId: string) => ({ nodeId, incarnation: 'first' });
const led = (shardId: string) =>
  shard(shardId, {
    ...{ epoch: 1, servingEpoch: 1, leader: on(shardId), replicaNodeIds: [shardId] },
  });

function publishAll(tables: ClusterTables): ClusterTables {
  const slots = tables.slots.matching.map((row) => ({ ...row, published: true }));
  return applyChanges(tables, [{ kind: 'slots', of: 'matching', slots }]);
}

const TABLES = applyChanges(
  publishAll(applyChanges(EMPTY, firstChanges(EMPTY, { matching: 2, account: 1 }))),
  ['matching-1', 'matching-2'].flatMap((id): TableChange[] => [
    { kind: 'node', node: node(id) },
    { kind: 'shard', shard: led(id) },
  ]),
);
const ofFirst = TABLES.slots.matching
  .filter((row) => row.shardId === 'matching-1')
  .map(({ slot }) => slot);
const [slot = 0, otherSlot = 0] = ofFirst;

function withMoves(tables: ClusterTables, ...slots: readonly number[]): ClusterTables {
  const moves = newMoves(tables, {
    ...{ kind: 'matching', slots, targetShardId: 'matching-2' },
    ...{ clientRequestId: 'request', nowUs: 1_000 },
  });
  return applyChanges(
    tables,
    moves.map((move) => ({ kind: 'move', move })),
  );
}

function pull(move: MoveRow, more: Partial<SlotPull>): SlotPull {
  const { targetShardId: shardId, generation } = move;
  const measured = { copiedBytes: 500, restBytes: 20, rounds: 2, fault: '' };
  return { shardId, slot: move.slot, generation, state: 'copying', ...measured, ...more };
}

function situation(more: Partial<MoveSituation> = {}): MoveSituation {
  return {
    nowUs: 2_000,
    pullOf: () => undefined,
    serves: () => true,
    mayOwn: () => true,
    ...more,
  };
}

const pulled = (state: SlotPull['state'], more: Partial<MoveSituation> = {}) =>
  situation({ pullOf: (move) => pull(move, { state, fault: 'why' }), ...more });

/** One coordinator's work: decisions until nothing changes, then the step that is due. */
function carryOn(tables: ClusterTables, now: MoveSituation): ClusterTables {
  const changes = decideMoves(tables, now);
  return changes.length === 0 ? tables : carryOn(applyChanges(tables, changes), now);
}

function tell(tables: ClusterTables, outcome: StepOutcome, now: MoveSituation): ClusterTables {
  const move = first(tables);
  const step = nextStep(move, now);
  if (step === undefined) throw new Error('no step is due');
  return applyChanges(tables, afterStep(tables, move, step, outcome, now));
}

const first = (tables: ClusterTables): MoveRow => tables.moves.get(1) as MoveRow;
const owner = (tables: ClusterTables) => tables.slots.matching[slot];

describe('a move that goes forward', () => {
  test('is copied, exported, imported and done, and publishes the owner with the import (MOV-2)', () => {
    let tables = carryOn(withMoves(TABLES, slot), situation());
    expect(first(tables)).toMatchObject({ state: 'copying', generation: 2, copyTimeUs: 2_000 });
    expect(nextStep(first(tables), pulled('copying'))).toBeUndefined();
    const ready = pulled('ready', { nowUs: 3_000 });
    expect(nextStep(first(tables), ready)).toEqual({
      ...{ shardId: 'matching-1', step: 'export', generation: 2 },
    });
    tables = tell(tables, 'committed', ready);
    expect(first(tables)).toMatchObject({ state: 'exported', copiedBytes: 500, restBytes: 20 });
    expect(owner(tables)).toMatchObject({ shardId: 'matching-1', generation: 1 });
    tables = carryOn(tables, pulled('imported', { nowUs: 3_400 }));
    expect(first(tables)).toMatchObject({ state: 'imported', pauseUs: 400, importTimeUs: 3_400 });
    const moved = { slot, shardId: 'matching-2', generation: 2, published: true };
    expect(owner(tables)).toEqual(moved);
    tables = tell(tables, 'committed', situation());
    expect(first(tables).state).toBe('done');
    expect(findOpenMove(tables, 'matching', slot)).toBeUndefined();
  });

  test('waits for the moves before it of either shard, for its shards and their consumers (MOV-2, MOV-8)', () => {
    const two = withMoves(TABLES, slot, otherSlot);
    const begun = carryOn(two, situation());
    expect([...begun.moves.values()].map(({ state }) => state)).toEqual(['copying', 'pending']);
    for (const now of [
      situation({ serves: (shardId) => shardId !== 'matching-2' }),
      situation({ mayOwn: () => false }),
    ]) {
      expect(carryOn(two, now)).toBe(two);
    }
  });

  test('goes on when the coordinator died between the export and its row (MOV-2)', () => {
    const copying = carryOn(withMoves(TABLES, slot), situation());
    expect(first(copying).state).toBe('copying');
    const imported = pulled('imported', { nowUs: 3_400 });
    const tables = applyChanges(copying, decideMoves(copying, imported));
    expect(first(tables)).toMatchObject({ state: 'imported', importTimeUs: 3_400 });
    expect(tables.slots.matching[slot]).toMatchObject({ shardId: 'matching-2', published: true });
    expect(nextStep(first(tables), imported)?.step).toBe('done');
    // The source's answer comes late: it still says when the slot began to stand still.
    const told = { shardId: 'matching-1', step: 'export', generation: 2 } as const;
    const late = afterStep(tables, first(tables), told, 'committed', { ...imported, nowUs: 3_000 });
    const known = applyChanges(tables, late);
    expect(first(known)).toMatchObject({ state: 'imported', exportTimeUs: 3_000, pauseUs: 400 });
  });

  test.each(['SLOT_MOVING', 'SETTLEMENT_LAG'])(
    'an export that %s refuses for now is asked for again: it stays due (MOV-2)',
    (reason) => {
      const tables = carryOn(withMoves(TABLES, slot), situation());
      const again = applyChanges(
        tables,
        afterStep(
          tables,
          first(tables),
          { shardId: 'matching-1', step: 'export', generation: 2 },
          { refused: reason },
          pulled('ready'),
        ),
      );
      expect(nextStep(first(again), pulled('ready'))?.step).toBe('export');
    },
  );

  test('is not disturbed by AcquireSlots at either shard (CRD-5)', () => {
    const none = { slots: new Map(), assets: new Map(), instruments: new Map() };
    const reference = { version: 1, assets: new Map(), instruments: new Map() };
    const lacking = (tables: ClusterTables) =>
      missingCommands(tables, reference, led('matching-1'), none)
        .flatMap((command) => (command.kind === 'acquireSlots' ? command.slots : []))
        .includes(slot);
    expect(lacking(TABLES)).toBe(true);
    expect(lacking(withMoves(TABLES, slot))).toBe(false);
  });
});

describe('a move that goes back', () => {
  const backOf = (tables: ClusterTables) =>
    applyChanges(tables, [
      { kind: 'move', move: { ...first(tables), rollBackReason: 'An operator.' } },
    ]);

  test('before its turn has touched nothing', () => {
    const tables = carryOn(backOf(withMoves(TABLES, slot)), situation());
    expect(first(tables)).toMatchObject({ state: 'rolledBack', pauseUs: undefined });
    expect(owner(tables)).toMatchObject({ shardId: 'matching-1', generation: 1 });
  });

  test('has its import refused first, then the source unfreezes in the next generation (MOV-5)', () => {
    let tables = carryOn(withMoves(TABLES, slot), situation());
    tables = tell(tables, 'committed', pulled('ready', { nowUs: 3_000 }));
    tables = carryOn(tables, pulled('failed'));
    expect(first(tables)).toMatchObject({ state: 'exported', rollBackReason: 'why' });
    expect(nextStep(first(tables), situation())).toEqual({
      ...{ shardId: 'matching-2', step: 'refuseImport', generation: 2 },
    });
    tables = tell(tables, 'committed', situation());
    expect(nextStep(first(tables), situation())).toEqual({
      ...{ shardId: 'matching-1', step: 'unfreeze', generation: 3 },
    });
    tables = tell(tables, 'committed', situation({ nowUs: 3_900 }));
    expect(first(tables)).toMatchObject({ state: 'rolledBack', pauseUs: 900 });
    const back = { slot, shardId: 'matching-1', generation: 3, published: true };
    expect(owner(tables)).toEqual(back);
  });

  test('goes forward after all when the target has imported it (MOV-5)', () => {
    let tables = carryOn(withMoves(TABLES, slot), situation());
    tables = tell(tables, 'committed', pulled('ready', { nowUs: 3_000 }));
    tables = tell(backOf(tables), { refused: 'SLOT_IMPORTED' }, situation({ nowUs: 4_000 }));
    expect(first(tables)).toMatchObject({ state: 'imported', rollBackReason: undefined });
    expect(owner(tables)).toMatchObject({ shardId: 'matching-2', generation: 2 });
  });

  test('takes no notice of an export that was on its way (MOV-5)', () => {
    const copying = carryOn(withMoves(TABLES, slot), situation());
    const back = backOf(copying);
    const step = { shardId: 'matching-1', step: 'export', generation: 2 } as const;
    expect(afterStep(back, first(back), step, 'committed', situation())).toEqual([]);
    expect(nextStep(first(back), pulled('ready'))?.step).toBe('refuseImport');
  });

  test('is what a source leads to that does not own the slot', () => {
    const tables = carryOn(withMoves(TABLES, slot), situation());
    const after = tell(tables, { refused: 'WRONG_SHARD' }, pulled('ready'));
    expect(first(after).rollBackReason).toContain('WRONG_SHARD');
  });
});

describe('orders about copies', () => {
  test('go to the node that leads the target until it says enough, and end copies that are over', () => {
    const copying = carryOn(withMoves(TABLES, slot), situation());
    const target = node('matching-2');
    const orders = (tables: ClusterTables, ...pulls: readonly SlotPull[]) =>
      pullOrdersFor(tables, target, pulls).map((order) =>
        order.kind === 'pull' ? [order.kind, order.exported] : [order.kind],
      );
    expect(orders(copying)).toEqual([['pull', false]]);
    expect(pullOrdersFor(copying, node('matching-1'), [])).toEqual([]);
    expect(orders(copying, pull(first(copying), {}))).toEqual([]);
    const exported = tell(copying, 'committed', pulled('ready'));
    const ready = pull(first(exported), { state: 'ready' });
    expect(orders(exported, ready)).toEqual([['pull', true]]);
    const imported = pull(first(exported), { state: 'imported' });
    expect(orders(exported, imported)).toEqual([]);
    expect(orders(TABLES, imported)).toEqual([['dropPull']]);
  });
});

describe('a shard that is added', () => {
  test('owns nothing, and its share is what rendezvous hashing gives it (MOV-8)', () => {
    const added = newShard('matching-3', 'matching');
    const tables = applyChanges(TABLES, [{ kind: 'shard', shard: added }]);
    expect(tables.slots.matching.some((row) => row.shardId === 'matching-3')).toBe(false);
    const share = shareOf(tables, 'matching-3', 'matching');
    expect(share.length).toBeGreaterThan(1_200);
    expect(share.length).toBeLessThan(1_550);
    const moved = withMoves(tables, share[0] as number);
    expect(shareOf(moved, 'matching-3', 'matching')).toHaveLength(share.length - 1);
  });
});
