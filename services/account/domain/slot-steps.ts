// The steps by which slots of accounts come to a shard and leave it (MOV-1 to MOV-5, MOV-7). Each
// may be repeated: it is known by slot and generation.
import { StateReader } from '../../lib/base/state-bytes.ts';
import { SLOT_COUNT } from '../../lib/routing/slot.ts';
import type {
  CopySlot,
  ExportSlot,
  ImportSlot,
  MoveDone,
  RefuseImport,
  SlotCommand,
  SlotEvent,
  SlotStatus,
  UnfreezeSlot,
} from '../../lib/routing/slot-command.ts';
import type { Outcome } from '../../lib/shard/state-machine.ts';
import type { AcquireSlots, Command } from './command.ts';
import { refused } from './command-checks.ts';
import type { Answer, Emit, EventBody } from './event.ts';
import {
  adoptSlot,
  adoptWatermarks,
  forgetSlot,
  parkBalances,
  pauseAccount,
  readSlot,
  resumeAccount,
  type SlotPart,
} from './slot-adoption.ts';
import { readChange, type SlotCopying } from './slot-copies.ts';
import { accountsOfSlot, checksumOfRecords, recordsOf } from './slot-records.ts';
import { NOWHERE } from './slot-watermarks.ts';
import type { LedgerState } from './state.ts';

type Ended = Outcome<Answer>;
const DONE: Ended = { kind: 'done' };

/** MOV-1: takes over slots that nobody has owned yet, or a later generation of own ones. */
export function acquireSlots(state: LedgerState, command: AcquireSlots, emit: Emit): Ended {
  const { generation } = command;
  if (!command.slots.every(isSlot)) return refused('NUMBER_OUT_OF_RANGE', { field: 'slots' });
  const slots = command.slots.filter((slot) => {
    const seen = state.slots.generations[slot] as number;
    return seen < generation && (seen === 0 || state.ownsSlot(slot));
  });
  if (slots.length === 0) return DONE;
  for (const slot of slots) state.setOwner(slot, generation, 'OWNED');
  return emitOfShard({ kind: 'slotsAcquired', slots, generation }, emit);
}

export function moveSlot(state: LedgerState, move: SlotCommand<Command>, emit: Emit): Ended {
  const { slot, generation } = move;
  if (!isSlot(slot)) return refused('NUMBER_OUT_OF_RANGE', { field: 'slot' });
  if (!Number.isSafeInteger(generation) || generation < 1) {
    return refused('NUMBER_OUT_OF_RANGE', { field: 'generation' });
  }
  switch (move.step) {
    case 'export':
      return exportSlot(state, move, emit);
    case 'copy':
      return copySlot(state, move);
    case 'import':
      return importSlot(state, move, emit);
    case 'refuseImport':
      return refuseImport(state, move, emit);
    case 'unfreeze':
      return unfreezeSlot(state, move, emit);
    case 'done':
      return moveDone(state, move, emit);
  }
}

export function statusOfSlot(state: LedgerState, slot: number): SlotStatus {
  const copy = state.copies.find(slot);
  const generation = state.slots.generations[slot] ?? 0;
  const ownership = state.ownerOf(slot);
  if (copy === undefined) return { generation, ownership, copy };
  const { generation: copied, sourceShardId, chunks } = copy;
  return { generation, ownership, copy: { generation: copied, sourceShardId, chunks } };
}

function exportSlot(state: LedgerState, { slot, generation }: ExportSlot, emit: Emit): Ended {
  const seen = generationOf(state, slot);
  if (state.isFrozen(slot) && seen === generation) return DONE;
  if (!state.ownsSlot(slot) || generation <= seen) return outOfTurn(state, slot);
  // What this shard has sent to the slot before it came is settled here and nowhere else (MOV-7).
  // Itself is the only source of a slot's watermark that the shard has none for.
  const isOwed = state.slotWatermarks
    .all()
    .some((marked) => marked.slot === slot && !state.watermarks.has(marked.mark.sourceShardId));
  if (isOwed) return refused('SETTLEMENT_LAG', { slot: `${slot}` });

  // From here on it must succeed.
  const stateChecksum = checksumOfRecords(recordsOf(state, slot));
  for (const [source, shardMark] of state.watermarks) {
    if (state.slotWatermarks.find(slot, source) !== undefined) continue;
    state.slotWatermarks.set(slot, source, shardMark);
  }
  for (const account of accountsOfSlot(state, slot)) pauseAccount(state, account);
  parkBalances(state, slot, generation, true);
  state.setOwner(slot, generation, 'FROZEN');
  return tell({ slot, generation, step: 'exported', stateChecksum }, emit);
}

/** A chunk that cannot be read ends the copy: the next chunk does not follow any more. */
function copySlot(state: LedgerState, command: CopySlot<Command>): Ended {
  const { slot, generation, chunk, sourceShardId, content } = command;
  const before = state.copies.find(slot);
  if (state.ownerOf(slot) !== 'NONE') return outOfTurn(state, slot);
  if (generation <= generationOf(state, slot)) return outOfTurn(state, slot);
  if (chunk === 0 ? (before?.generation ?? 0) > generation : !isNext(before, command)) {
    return outOfTurn(state, slot);
  }

  // From here on it must succeed.
  const copy =
    chunk === 0 || before === undefined
      ? state.copies.begin(slot, generation, sourceShardId)
      : before;
  try {
    if (content.kind === 'state') takePiece(state, copy, content.state);
    copy.chunks = chunk + 1;
    state.copies.mark(copy);
  } catch {
    state.copies.drop(slot);
  }
  return DONE;
}

function takePiece(state: LedgerState, copy: SlotCopying, piece: Uint8Array): void {
  const reader = new StateReader(piece);
  while (!reader.done) {
    const { key, bytes } = readChange(reader);
    state.copies.put(copy, key, bytes);
  }
}

function importSlot(state: LedgerState, command: ImportSlot<Command>, emit: Emit): Ended {
  const { slot, generation, sourceShardId, exportSequence, targetShardId } = command;
  const seen = generationOf(state, slot);
  if (state.ownsSlot(slot) && seen === generation) return DONE;
  const copy = state.copies.find(slot);
  const isComplete = isNext(copy, { ...command, chunk: command.chunks });
  if (generation <= seen || copy === undefined || !isComplete) return outOfTurn(state, slot);
  const found = findWhole(state, copy, command.stateChecksum);
  if (found === undefined) {
    state.copies.drop(slot);
    return refused('SLOT_STATE_DIFFERS', { slot: `${slot}` });
  }

  // From here on it must succeed.
  state.copies.drop(slot);
  state.setOwner(slot, generation, 'OWNED');
  adoptSlot(state, slot, generation, found);
  adoptWatermarks(state, slot, found, { sourceShardId, targetShardId });
  return tell({ slot, generation, step: 'imported', sourceShardId, exportSequence }, emit);
}

/** The copy, when it has come to the state that was exported. */
function findWhole(
  state: LedgerState,
  { records }: SlotCopying,
  stateChecksum: string,
): SlotPart | undefined {
  const kept = new Map(records);
  if (checksumOfRecords(kept) !== stateChecksum) return undefined;
  try {
    return readSlot(kept, state.limits);
  } catch {
    return undefined;
  }
}

function refuseImport(state: LedgerState, command: RefuseImport, emit: Emit): Ended {
  const { slot, generation } = command;
  const seen = generationOf(state, slot);
  const owner = state.ownerOf(slot);
  if (owner !== 'NONE' && generation <= seen) return refused('SLOT_IMPORTED', { slot: `${slot}` });
  if (owner === 'NONE' && seen === generation) return DONE;
  if (owner !== 'NONE' || generation < seen) return outOfTurn(state, slot);

  // From here on it must succeed.
  state.copies.drop(slot);
  state.setOwner(slot, generation, 'NONE');
  return tell({ slot, generation, step: 'importRefused' }, emit);
}

/** A slot that was never frozen only gets its next generation: the export can come no more. */
function unfreezeSlot(state: LedgerState, { slot, generation }: UnfreezeSlot, emit: Emit): Ended {
  const seen = generationOf(state, slot);
  if (state.ownsSlot(slot) && seen === generation) return DONE;
  if (state.ownerOf(slot) === 'NONE' || generation <= seen) return outOfTurn(state, slot);

  // From here on it must succeed.
  if (state.isFrozen(slot)) {
    parkBalances(state, slot, seen, false);
    for (const account of accountsOfSlot(state, slot)) resumeAccount(state, account);
    for (const [source, { sequence }] of state.watermarks) {
      const mark = state.slotWatermarks.find(slot, source);
      if (mark?.sequence === sequence) state.slotWatermarks.remove(slot, source);
      // What has come for the first time since the export.
      if (mark === undefined && sequence > 0) state.slotWatermarks.set(slot, source, NOWHERE);
    }
  }
  state.setOwner(slot, generation, 'OWNED');
  return tell({ slot, generation, step: 'unfrozen' }, emit);
}

function moveDone(state: LedgerState, { slot, generation }: MoveDone, emit: Emit): Ended {
  const seen = generationOf(state, slot);
  const owner = state.ownerOf(slot);
  if (owner === 'NONE' && seen >= generation) return DONE;
  if (owner !== 'FROZEN' || generation !== seen) return outOfTurn(state, slot);

  // From here on it must succeed.
  forgetSlot(state, slot);
  state.setOwner(slot, generation, 'NONE');
  return tell({ slot, generation, step: 'released' }, emit);
}

function generationOf(state: LedgerState, slot: number): number {
  return state.slots.generations[slot] ?? 0;
}

function outOfTurn(state: LedgerState, slot: number): Ended {
  const { generation, copy } = statusOfSlot(state, slot);
  return refused('SLOT_STEP_REFUSED', {
    slot: `${slot}`,
    generation: `${copy?.generation ?? generation}`,
    chunk: `${copy?.chunks ?? 0}`,
  });
}

/** Whether a chunk is the next one of a copy. */
function isNext(
  copy: SlotCopying | undefined,
  command: Pick<CopySlot<never>, 'generation' | 'sourceShardId' | 'chunk'>,
): boolean {
  return (
    copy !== undefined &&
    copy.generation === command.generation &&
    copy.sourceShardId === command.sourceShardId &&
    copy.chunks === command.chunk
  );
}

function isSlot(slot: number): boolean {
  return Number.isInteger(slot) && slot >= 0 && slot < SLOT_COUNT;
}

function tell(move: SlotEvent, emit: Emit): Ended {
  return emitOfShard({ kind: 'slotMoved', move }, emit);
}

/** Emits an event that belongs to no account. */
export function emitOfShard(body: EventBody, emit: Emit): Ended {
  emit({ accountNumber: 0, accountSequence: 0, balances: [], ...body });
  return DONE;
}
