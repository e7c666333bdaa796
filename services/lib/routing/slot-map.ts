// The versioned slot map: which shard owns which slot. After rendezvous hashing proposed it, the
// map is the truth, not the formula (architecture 4); only higher versions replace it.
import { assert } from '../base/assert.ts';
import { SLOT_COUNT, slotOf } from './slot.ts';

/** Owner of every slot at one version. Immutable. */
export type SlotMap = {
  /** From 1, raised by every change. */
  readonly version: number;
  /** Shard id by slot number; exactly 4096; an empty text where nobody owns the slot yet. */
  readonly owners: readonly string[];
};

/** A slot map; stops on a wrong number of owners. */
export function makeSlotMap(version: number, owners: readonly string[]): SlotMap {
  assert(Number.isSafeInteger(version) && version >= 1, 'a slot map has a version from 1');
  assert(owners.length === SLOT_COUNT, `a slot map has ${SLOT_COUNT} owners`);
  return { version, owners: [...owners] };
}

/** The newer of two maps; the one held when both have the same version. */
export function newerSlotMap(held: SlotMap, offered: SlotMap): SlotMap {
  return offered.version > held.version ? offered : held;
}

/** Shard that owns a slot; undefined when nobody does yet. */
export function findOwner(map: SlotMap, slot: number): string | undefined {
  const owner = map.owners[slot];
  assert(owner !== undefined, `slot ${slot} is not one of ${SLOT_COUNT}`);
  return owner === '' ? undefined : owner;
}

/** Shard that owns the slot of an instrument id or account id; undefined when nobody does yet. */
export function findOwnerOf(map: SlotMap, id: string): string | undefined {
  return findOwner(map, slotOf(id));
}

/** Slots of a shard, ascending. */
export function slotsOf(map: SlotMap, shardId: string): number[] {
  const slots: number[] = [];
  map.owners.forEach((owner, slot) => {
    if (owner === shardId) slots.push(slot);
  });
  return slots;
}

/** One slot that changes hands between two maps. */
export type SlotChange = { readonly slot: number; readonly from: string; readonly to: string };

/** Slots whose owner differs, ascending. */
export function slotChanges(before: readonly string[], after: readonly string[]): SlotChange[] {
  assert(before.length === after.length, 'both maps have all slots');
  const changes: SlotChange[] = [];
  for (let slot = 0; slot < before.length; slot += 1) {
    const from = before[slot] as string;
    const to = after[slot] as string;
    if (from !== to) changes.push({ slot, from, to });
  }
  return changes;
}
