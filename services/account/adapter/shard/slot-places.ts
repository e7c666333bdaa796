// Where the slots of an account shard stand in the streams of others (MOV-7).

import { SLOT_COUNT } from '../../../lib/routing/slot.ts';
import type { LedgerState, Watermark } from '../../domain/state.ts';
import type { LateSlot } from '../settlement/event-source.ts';
import type { SettlementOptions } from '../settlement/settlement.ts';

/** Owned slots that stand elsewhere than the shard for a source. */
function slotPlacesOf(state: LedgerState, sourceShardId: string): readonly LateSlot[] {
  return state.slotWatermarks.ofSource(sourceShardId).flatMap(({ slot, mark }) => {
    const { sequence, entryIndex, chainChecksum } = mark;
    return state.ownsSlot(slot) ? [{ slot, place: { sequence, entryIndex, chainChecksum } }] : [];
  });
}

/** Slots that the shard owns: slot 0 is the lowest bit of the first byte. */
function slotBitmapOf(state: LedgerState): Uint8Array {
  const bitmap = new Uint8Array(SLOT_COUNT / 8);
  for (let slot = 0; slot < SLOT_COUNT; slot += 1) {
    if (!state.ownsSlot(slot)) continue;
    bitmap[slot >> 3] = (bitmap[slot >> 3] as number) | (1 << (slot & 7));
  }
  return bitmap;
}

/** What is settled of each source on every account, those of frozen slots included. */
function leastWatermarks(state: LedgerState): Map<string, Watermark> {
  const least = new Map(state.watermarks);
  for (const { mark } of state.slotWatermarks.all()) {
    const known = least.get(mark.sourceShardId);
    if (known !== undefined && mark.sequence < known.sequence) least.set(mark.sourceShardId, mark);
  }
  return least;
}

/**
 * What is settled of every other shard, for good. Whoever owns accounts needs a stream of which it
 * has settled nothing from its beginning on.
 */
export function settledPlaces(
  state: LedgerState,
  otherShardIds: readonly string[],
): Map<string, { readonly entryIndex: number; readonly sequence: number }> {
  const places = new Map<string, { readonly entryIndex: number; readonly sequence: number }>(
    leastWatermarks(state),
  );
  if (!state.ownsAnySlot()) return places;
  for (const shardId of otherShardIds) {
    if (!places.has(shardId)) places.set(shardId, { entryIndex: 0, sequence: 0 });
  }
  return places;
}

type AskedOfState =
  | 'settledPlace'
  | 'isNew'
  | 'slotsVersion'
  | 'slotPlaces'
  | 'ownedSlots'
  | 'ownsSlot';

/** What settlement asks of the state that a leader applies to at present. */
export function placesIn(state: () => LedgerState): Pick<SettlementOptions, AskedOfState> {
  return {
    settledPlace: (sourceShardId) => {
      const mark = state().watermarks.get(sourceShardId);
      return mark ?? { sequence: 0, entryIndex: 0, chainChecksum: '' };
    },
    isNew: (sourceShardId) => {
      return !state().watermarks.has(sourceShardId) && !state().ownsAnySlot();
    },
    slotsVersion: () => state().slotsVersion(),
    slotPlaces: (sourceShardId) => slotPlacesOf(state(), sourceShardId),
    ownedSlots: () => slotBitmapOf(state()),
    ownsSlot: (slot) => state().ownsSlot(slot),
  };
}
