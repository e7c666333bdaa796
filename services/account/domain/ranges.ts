// Ranges of another shard's events, as they are taken in: exactly once and in order (SET-1), by the
// shard as a whole, or by one slot that came from a shard that was elsewhere (MOV-7).
import type { Outcome } from '../../lib/shard/state-machine.ts';
import type { BeginSource, Settle, SettleTransfers } from './command.ts';
import { refused } from './command-checks.ts';
import type { Answer, Emit } from './event.ts';
import { type LedgerState, Watermark } from './state.ts';

type Range = Settle | SettleTransfers;

/** The slot that a range is for; undefined for all others of the shard. */
export type RangeSlot = number | undefined;

/** Why a range cannot be taken in: it leaves a gap, repeats something, or ends before it begins. */
export function checkRange(
  state: LedgerState,
  range: Range,
  slot: RangeSlot,
): Outcome<Answer> | undefined {
  const { sourceShardId, fromSequence, throughSequence } = range;
  const ofShard = state.watermarks.get(sourceShardId)?.sequence;
  let settled = ofShard ?? 0;
  if (slot !== undefined) {
    const refusal = state.refusalOf(slot);
    if (refusal !== undefined) return { kind: 'refused', refusal };
    const mark = state.slotWatermarks.find(slot, sourceShardId);
    if (mark === undefined) return gap(sourceShardId, settled, slot);
    settled = mark.sequence;
    if (ofShard !== undefined && throughSequence > ofShard) {
      return gap(sourceShardId, settled, slot);
    }
  }
  if (fromSequence !== settled + 1) return gap(sourceShardId, settled, slot);
  if (throughSequence < settled) return refused('MESSAGE_MALFORMED');
  return slot === undefined ? checkSlots(state, range, settled) : undefined;
}

/**
 * A slot that is behind comes first; one that is ahead must have its end at a range's end; and
 * what was filtered before a slot came lacks what was about it.
 */
function checkSlots(
  state: LedgerState,
  range: Range,
  settled: number,
): Outcome<Answer> | undefined {
  const { sourceShardId, fromSequence, throughSequence, slotsVersion } = range;
  if (slotsVersion !== undefined && slotsVersion !== state.slotsVersion()) {
    return gap(sourceShardId, settled, undefined);
  }
  for (const { slot, mark } of state.slotWatermarks.ofSource(sourceShardId)) {
    if (!state.ownsSlot(slot)) continue;
    const isBehind = mark.sequence < fromSequence - 1;
    const isWithin = mark.sequence >= fromSequence && mark.sequence < throughSequence;
    if (isBehind || isWithin) return gap(sourceShardId, mark.sequence, slot);
  }
  return undefined;
}

/**
 * MOV-6: nothing behind the import of a slot of instruments before the slot's source is settled up
 * to the export, on every account that the range is about.
 */
export function checkImports(
  state: LedgerState,
  { entries, throughSequence, sourceShardId }: Settle,
  slot: RangeSlot,
): Outcome<Answer> | undefined {
  const isAhead = (other: number): boolean => {
    const ahead = state.slotWatermarks.find(other, sourceShardId)?.sequence ?? 0;
    return ahead >= throughSequence;
  };
  for (const { commands } of entries) {
    for (const { events } of commands) {
      for (const event of events) {
        if (event.kind !== 'slotImported') continue;
        const settled = leastSettled(state, event.sourceShardId, slot, isAhead);
        if (settled < event.exportSequence) return gap(event.sourceShardId, settled, slot);
      }
    }
  }
  return undefined;
}

/** How far a source is settled on one slot, or on all that are owned but for some. */
function leastSettled(
  state: LedgerState,
  sourceShardId: string,
  slot: RangeSlot,
  isLeftOut: (slot: number) => boolean,
): number {
  const ofShard = state.watermarks.get(sourceShardId)?.sequence ?? 0;
  if (slot !== undefined) {
    return state.slotWatermarks.find(slot, sourceShardId)?.sequence ?? ofShard;
  }
  let least = ofShard;
  for (const { slot: other, mark } of state.slotWatermarks.ofSource(sourceShardId)) {
    if (state.ownsSlot(other) && !isLeftOut(other)) least = Math.min(least, mark.sequence);
  }
  return least;
}

function gap(sourceShardId: string, settled: number, slot: RangeSlot): Outcome<Answer> {
  const detail = { source_shard_id: sourceShardId, watermark: `${settled}` };
  return refused('SETTLEMENT_GAP', slot === undefined ? detail : { ...detail, slot: `${slot}` });
}

/**
 * Begins a source behind a place in it (MOV-8). Nothing in front of that was about an account of a
 * shard that owns none; one that owns some begins at the first event.
 */
export function beginSource(state: LedgerState, command: BeginSource): Outcome<Answer> {
  const { sourceShardId, sequence } = command;
  if (state.watermarks.has(sourceShardId)) return { kind: 'done' };
  if (state.ownsAnySlot()) return gap(sourceShardId, 0, undefined);
  const watermark = new Watermark(sourceShardId);
  watermark.sequence = sequence;
  watermark.entryIndex = command.sourceEntryIndex;
  watermark.chainChecksum = command.sourceChainChecksum;
  state.watermarks.set(sourceShardId, watermark);
  state.digest.mark(watermark);
  return { kind: 'done' };
}

/** Notes how far the source is taken in, and on whose accounts that is. */
export function beginRange(state: LedgerState, range: Range, slot: RangeSlot): void {
  const { sourceShardId, throughSequence } = range;
  const point = {
    sequence: throughSequence,
    entryIndex: range.sourceEntryIndex,
    chainChecksum: range.sourceChainChecksum,
  };
  const ofShard = state.watermarks.get(sourceShardId);
  if (slot !== undefined) {
    state.settled = (other) => other === slot;
    // What a shard has sent itself ends where the slot has come: nothing follows.
    const isThere = ofShard === undefined || ofShard.sequence === throughSequence;
    if (isThere) state.slotWatermarks.remove(slot, sourceShardId);
    else state.slotWatermarks.set(slot, sourceShardId, point);
    return;
  }
  const ahead = new Set<number>();
  for (const { slot: other, mark } of state.slotWatermarks.ofSource(sourceShardId)) {
    if (!state.ownsSlot(other) || mark.sequence < throughSequence) continue;
    ahead.add(other);
    if (mark.sequence === throughSequence) state.slotWatermarks.remove(other, sourceShardId);
  }
  state.settled = ahead.size === 0 ? undefined : (other) => !ahead.has(other);
  const watermark = ofShard ?? new Watermark(sourceShardId);
  state.watermarks.set(sourceShardId, watermark);
  watermark.sequence = point.sequence;
  watermark.entryIndex = point.entryIndex;
  watermark.chainChecksum = point.chainChecksum;
  state.digest.mark(watermark);
}

/** Says so, behind everything that the range has done. */
export function endRange(state: LedgerState, range: Range, slot: RangeSlot, emit: Emit): void {
  state.settled = undefined;
  if (slot !== undefined) return;
  const { sourceShardId, throughSequence } = range;
  const body = { kind: 'rangeSettled', sourceShardId, throughSequence } as const;
  emit({ accountNumber: 0, accountSequence: 0, balances: [], ...body });
}
