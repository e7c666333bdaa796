// The move of a slot, step by step (MOV-2 to MOV-5): what is due, what becomes of the row when it
// is done. Any coordinator can carry on from the rows alone. Pure.

import {
  type ClusterTables,
  isOpen,
  type MoveRow,
  type NodeRow,
  type ShardKind,
  type SlotRow,
  type TableChange,
} from './cluster-tables.ts';
import { leaderNode } from './placement.ts';

/** How far a node has copied a slot to a shard that it leads, by its own word. */
export type SlotPull = {
  readonly shardId: string;
  readonly slot: number;
  readonly generation: number;
  readonly state: 'copying' | 'ready' | 'imported' | 'failed';
  readonly copiedBytes: number;
  readonly restBytes: number;
  readonly rounds: number;
  /** Why it failed, in a sentence. */
  readonly fault: string;
};

/** What shards and nodes say that is about moves. */
export type MoveSituation = {
  readonly nowUs: number;
  /** How far the copy of a move is, by the word of the node that leads its target. */
  readonly pullOf: (move: MoveRow) => SlotPull | undefined;
  /** Whether a shard is led and says so. */
  readonly serves: (shardId: string) => boolean;
  /** Whether a shard is ready for its first slot, or has had it (MOV-8). */
  readonly mayOwn: (shardId: string) => boolean;
};

/** What a shard is told next for a move. */
export type MoveStep = {
  readonly shardId: string;
  readonly step: 'export' | 'done' | 'refuseImport' | 'unfreeze';
  /** Of the slot once the step is made. */
  readonly generation: number;
};

/** What became of a step. */
export type StepOutcome = 'committed' | { readonly refused: string };

/** An order to a node about the copy of a slot. */
export type PullOrder =
  | {
      readonly kind: 'pull';
      readonly shardId: string;
      readonly shardKind: ShardKind;
      readonly sourceShardId: string;
      readonly slot: number;
      readonly generation: number;
      readonly exported: boolean;
    }
  | {
      readonly kind: 'dropPull';
      readonly shardId: string;
      readonly slot: number;
      readonly generation: number;
    };

/** Refusals that end a move instead of being tried again. */
const HOPELESS: ReadonlySet<string> = new Set(['WRONG_SHARD', 'SLOT_STEP_REFUSED']);

/**
 * What changes without a shard being told: the first in line begins, an import is published, a
 * copy that failed goes back.
 */
export function decideMoves(
  tables: ClusterTables,
  situation: MoveSituation,
): readonly TableChange[] {
  const changes: TableChange[] = [];
  /** Shards that a move before this one needs (MOV-2: first in, first out). */
  const taken = new Set<string>();
  for (const move of tables.moves.values()) {
    if (!isOpen(move)) continue;
    const isFirst = !taken.has(move.sourceShardId) && !taken.has(move.targetShardId);
    taken.add(move.sourceShardId).add(move.targetShardId);
    changes.push(...decideMove(tables, move, situation, isFirst));
  }
  return changes;
}

function decideMove(
  tables: ClusterTables,
  move: MoveRow,
  { nowUs, pullOf, serves, mayOwn }: MoveSituation,
  isFirst: boolean,
): readonly TableChange[] {
  const isBack = move.rollBackReason !== undefined;
  if (move.state === 'pending') {
    if (isBack) return [changeOf({ ...move, state: 'rolledBack', endTimeUs: nowUs })];
    const canBegin = isFirst && serves(move.sourceShardId) && serves(move.targetShardId);
    if (!canBegin || !mayOwn(move.targetShardId)) return [];
    return [changeOf({ ...move, state: 'copying', copyTimeUs: nowUs })];
  }
  const pull = pullOf(move);
  if (pull === undefined || isBack) return [];
  const measured = { ...move, copiedBytes: pull.copiedBytes, rounds: pull.rounds };
  if (pull.state === 'failed' && (move.state === 'copying' || move.state === 'exported')) {
    return [changeOf({ ...measured, rollBackReason: pull.fault || 'The copy failed.' })];
  }
  // An import proves the export, whoever asked for it and did not live to note it (MOV-2).
  if (pull.state === 'imported' && (move.state === 'copying' || move.state === 'exported')) {
    return importedChanges(tables, measured, nowUs);
  }
  return [];
}

/** The target owns the slot: that is what everyone hears from now on (MOV-4). */
function importedChanges(
  tables: ClusterTables,
  move: MoveRow,
  nowUs: number,
): readonly TableChange[] {
  const { slot, generation, targetShardId: shardId } = move;
  const row: SlotRow = { slot, shardId, generation, published: true };
  const pauseUs = move.exportTimeUs === undefined ? undefined : nowUs - move.exportTimeUs;
  return [
    changeOf({ ...move, state: 'imported', importTimeUs: nowUs, pauseUs }),
    ...slotChange(tables, move.kind, row),
  ];
}

/** What a shard must be told now; undefined when the move waits for something else. */
export function nextStep(move: MoveRow, situation: MoveSituation): MoveStep | undefined {
  const { sourceShardId, targetShardId, generation } = move;
  if (move.state === 'imported') return { shardId: sourceShardId, step: 'done', generation };
  if (move.state !== 'copying' && move.state !== 'exported') return undefined;
  if (move.rollBackReason !== undefined) {
    if (!move.importRefused) return { shardId: targetShardId, step: 'refuseImport', generation };
    return { shardId: sourceShardId, step: 'unfreeze', generation: generation + 1 };
  }
  const isReady = situation.pullOf(move)?.state === 'ready';
  if (move.state !== 'copying' || !isReady) return undefined;
  return { shardId: sourceShardId, step: 'export', generation };
}

/**
 * What changes once it is known what became of a step. The row may have changed meanwhile: a move
 * that goes back takes no notice of its export.
 */
export function afterStep(
  tables: ClusterTables,
  move: MoveRow,
  { step, generation }: MoveStep,
  outcome: StepOutcome,
  { nowUs, pullOf }: Pick<MoveSituation, 'nowUs' | 'pullOf'>,
): readonly TableChange[] {
  if (outcome !== 'committed') {
    if (step === 'refuseImport' && outcome.refused === 'SLOT_IMPORTED') {
      return importedChanges(tables, { ...move, rollBackReason: undefined }, nowUs);
    }
    if (step !== 'export' || !HOPELESS.has(outcome.refused)) return [];
    const rollBackReason = `The source refused the export: ${outcome.refused}.`;
    return [changeOf({ ...move, rollBackReason })];
  }
  switch (step) {
    case 'export': {
      if (move.rollBackReason !== undefined) return [];
      // The target may have read the export and told of its import before the source's answer came.
      if (move.importTimeUs !== undefined && move.exportTimeUs === undefined) {
        const pauseUs = move.importTimeUs - nowUs;
        return [changeOf({ ...move, exportTimeUs: nowUs, pauseUs })];
      }
      if (move.state !== 'copying') return [];
      const pull = pullOf(move);
      const { copiedBytes = 0, restBytes = 0, rounds = 0 } = pull ?? {};
      const measured = { copiedBytes, restBytes, rounds };
      return [changeOf({ ...move, ...measured, state: 'exported', exportTimeUs: nowUs })];
    }
    case 'refuseImport':
      return [changeOf({ ...move, importRefused: true })];
    case 'unfreeze': {
      const { slot, kind, sourceShardId: shardId } = move;
      const pauseUs = move.exportTimeUs === undefined ? undefined : nowUs - move.exportTimeUs;
      return [
        changeOf({ ...move, state: 'rolledBack', endTimeUs: nowUs, pauseUs }),
        ...slotChange(tables, kind, { slot, shardId, generation, published: true }),
      ];
    }
    case 'done':
      return [changeOf({ ...move, state: 'done', endTimeUs: nowUs })];
  }
}

/** What a node must be told about copies, given what it said of them last. */
export function pullOrdersFor(
  tables: ClusterTables,
  node: NodeRow,
  pulls: readonly SlotPull[],
): readonly PullOrder[] {
  const orders: PullOrder[] = [];
  const wanted = new Set<string>();
  for (const move of tables.moves.values()) {
    if (!isOpen(move) || !isCopied(move)) continue;
    const shard = tables.shards.get(move.targetShardId);
    if (shard === undefined || leaderNode(tables, shard)?.nodeId !== node.nodeId) continue;
    if (shard.servingEpoch !== shard.epoch) continue;
    wanted.add(keyOf(move.targetShardId, move));
    const exported = move.state === 'exported';
    const state = pulls.find(
      (pull) => keyOf(pull.shardId, pull) === keyOf(shard.shardId, move),
    )?.state;
    const isToldEnough =
      state === 'imported' || state === 'failed' || (!exported && state !== undefined);
    if (isToldEnough) continue;
    const { kind: shardKind, sourceShardId, slot, generation } = move;
    const place = { shardId: move.targetShardId, shardKind, sourceShardId, slot, generation };
    orders.push({ kind: 'pull', ...place, exported });
  }
  for (const pull of pulls) {
    const { shardId, slot, generation } = pull;
    if (wanted.has(keyOf(shardId, pull))) continue;
    orders.push({ kind: 'dropPull', shardId, slot, generation });
  }
  return orders;
}

/** The open move of a slot, if there is one. */
export function findOpenMove(
  tables: ClusterTables,
  kind: ShardKind,
  slot: number,
): MoveRow | undefined {
  for (const move of tables.moves.values()) {
    if (move.kind === kind && move.slot === slot && isOpen(move)) return move;
  }
  return undefined;
}

/** Slots of a kind that are in a move: who owns them is not for AcquireSlots to say. */
export function movingSlots(tables: ClusterTables, kind: ShardKind): ReadonlySet<number> {
  const slots = new Set<number>();
  for (const move of tables.moves.values()) {
    if (move.kind === kind && isOpen(move)) slots.add(move.slot);
  }
  return slots;
}

/** Rows of new moves, in the order of the slots; a slot that the target owns already has none. */
export function newMoves(
  tables: ClusterTables,
  wish: {
    readonly kind: ShardKind;
    readonly slots: readonly number[];
    readonly targetShardId: string;
    readonly clientRequestId: string;
    readonly nowUs: number;
  },
): readonly MoveRow[] {
  const { kind, targetShardId, clientRequestId, nowUs } = wish;
  let moveNumber = Math.max(0, ...tables.moves.keys());
  const moves: MoveRow[] = [];
  for (const slot of wish.slots) {
    const row = tables.slots[kind][slot];
    if (row === undefined || row.shardId === targetShardId) continue;
    moveNumber += 1;
    moves.push({
      ...{ moveNumber, kind, slot, targetShardId, clientRequestId },
      sourceShardId: row.shardId,
      generation: row.generation + 1,
      state: 'pending',
      rollBackReason: undefined,
      importRefused: false,
      ...{ copiedBytes: 0, restBytes: 0, rounds: 0, retries: 0 },
      createTimeUs: nowUs,
      copyTimeUs: undefined,
      exportTimeUs: undefined,
      importTimeUs: undefined,
      endTimeUs: undefined,
      pauseUs: undefined,
    });
  }
  return moves;
}

/** While its target still copies or takes over. */
function isCopied({ state, rollBackReason }: MoveRow): boolean {
  return rollBackReason === undefined && (state === 'copying' || state === 'exported');
}

function keyOf(
  shardId: string,
  { slot, generation }: { readonly slot: number; readonly generation: number },
): string {
  return `${shardId} ${slot} ${generation}`;
}

function changeOf(move: MoveRow): TableChange {
  return { kind: 'move', move };
}

/** Only forward: an older generation never takes a newer one's place. */
function slotChange(tables: ClusterTables, of: ShardKind, row: SlotRow): readonly TableChange[] {
  const before = tables.slots[of][row.slot];
  if (before !== undefined && before.generation >= row.generation) return [];
  return [{ kind: 'slots', of, slots: [row] }];
}
