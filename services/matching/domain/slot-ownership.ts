// Which slots a shard owns, each with a generation that grows with every change of owner and is
// remembered for ever (MOV-1).
import { SLOT_COUNT } from '../../lib/routing/slot.ts';
import { mixNumber } from './checksum.ts';

/** Slots of one shard. */
export class SlotOwnership {
  /** Generation by slot; 0 while the slot was never owned. */
  readonly #generations = new Float64Array(SLOT_COUNT);

  #hash = 0;

  /** Changes with every generation of every slot. */
  get hash(): number {
    return this.#hash;
  }

  owns(slot: number): boolean {
    return (this.#generations[slot] as number) > 0;
  }

  /** Highest generation seen of a slot. */
  generationOf(slot: number): number {
    return this.#generations[slot] as number;
  }

  acquire(slot: number, generation: number): void {
    this.#hash ^= hashOf(slot, this.generationOf(slot)) ^ hashOf(slot, generation);
    this.#generations[slot] = generation;
  }

  /** Slots that are owned, ascending. */
  owned(): number[] {
    const slots: number[] = [];
    for (let slot = 0; slot < SLOT_COUNT; slot += 1) if (this.owns(slot)) slots.push(slot);
    return slots;
  }
}

/** A slot that was never owned counts nothing. */
function hashOf(slot: number, generation: number): number {
  return generation === 0 ? 0 : mixNumber(mixNumber(0x9747b28c, slot), generation);
}
