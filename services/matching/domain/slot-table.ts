// Which slots a shard owns, each with a generation that grows with every change of owner and is
// remembered for ever (MOV-1).

import { SLOT_COUNT } from '../../lib/routing/slot.ts';
import type { SlotOwner } from '../../lib/routing/slot-command.ts';
import { mixNumber, mixText } from './checksum.ts';

/** Slots of one shard. */
export class SlotTable {
  /** Highest generation seen, by slot; 0 while there is none. */
  readonly #generations = new Float64Array(SLOT_COUNT);
  readonly #owners: SlotOwner[] = Array.from({ length: SLOT_COUNT }, () => 'NONE');

  #hash = 0;

  /** Changes with every generation and owner of every slot. */
  get hash(): number {
    return this.#hash;
  }

  ownerOf(slot: number): SlotOwner {
    return this.#owners[slot] ?? 'NONE';
  }

  /** Highest generation seen of a slot. */
  generationOf(slot: number): number {
    return this.#generations[slot] ?? 0;
  }

  set(slot: number, generation: number, owner: SlotOwner): void {
    this.#hash ^= this.#hashOf(slot);
    this.#generations[slot] = generation;
    this.#owners[slot] = owner;
    this.#hash ^= this.#hashOf(slot);
  }

  /** Slots that are owned, frozen ones not among them, ascending. */
  owned(): number[] {
    return this.seen().filter((slot) => this.ownerOf(slot) === 'OWNED');
  }

  /** Slots of which a generation was seen, ascending. */
  seen(): number[] {
    const slots: number[] = [];
    for (let slot = 0; slot < SLOT_COUNT; slot += 1) {
      if (this.generationOf(slot) > 0) slots.push(slot);
    }
    return slots;
  }

  /** A slot that was never seen counts nothing. */
  #hashOf(slot: number): number {
    const generation = this.generationOf(slot);
    if (generation === 0) return 0;
    const hash = mixNumber(mixNumber(0x9747b28c, slot), generation);
    return mixText(hash, this.ownerOf(slot));
  }
}
