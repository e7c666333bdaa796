// The slots of a shard: what it remembers of each that it owns or has frozen, and the copies that
// it takes of others (MOV-1, MOV-3).
import { assertDefined } from '../../lib/base/assert.ts';
import type { SlotStatus } from '../../lib/routing/slot-command.ts';
import { mixNumber, mixText, mixWord } from './checksum.ts';
import { DueSlots } from './due-slots.ts';
import { SlotRestorer } from './restore.ts';
import { type SlotSetting, SlotState } from './slot-state.ts';
import { SlotTable } from './slot-table.ts';

/** A slot that is being copied from its source. */
export type SlotCopying<E> = {
  readonly generation: number;
  readonly sourceShardId: string;
  /** Chunks taken so far. */
  chunks: number;
  readonly state: SlotState<E>;
  readonly restorer: SlotRestorer;
};

/** Slots of one shard. */
export class SlotStates<E> {
  readonly table = new SlotTable();
  readonly due = new DueSlots<E>();
  /** Copies by slot. */
  readonly copies = new Map<number, SlotCopying<E>>();
  readonly #setting: SlotSetting<E>;
  readonly #bySlot = new Map<number, SlotState<E>>();
  /** Slots that take commands, by the numbers of their instruments. */
  readonly #routes = new Map<number, SlotState<E>>();
  #empty: SlotState<E> | undefined;

  constructor(setting: SlotSetting<E>) {
    this.#setting = setting;
  }

  /** A slot in which nothing is, and which nobody knows yet. */
  make(slot: number): SlotState<E> {
    return new SlotState(slot, this.#setting);
  }

  /** The slot that takes commands for an instrument. */
  findInstrument(instrumentNumber: number): SlotState<E> | undefined {
    return this.#routes.get(instrumentNumber);
  }

  /** A slot that is owned or frozen and has an instrument. */
  find(slot: number): SlotState<E> | undefined {
    return this.#bySlot.get(slot);
  }

  /** A frozen slot that has the instrument. */
  findFrozen(instrumentNumber: number): SlotState<E> | undefined {
    for (const state of this.#bySlot.values()) {
      const isFrozen = this.table.ownerOf(state.slot) === 'FROZEN';
      if (isFrozen && state.shard.books.has(instrumentNumber)) return state;
    }
    return undefined;
  }

  /** What is owned or frozen and has an instrument, by slot. */
  all(): SlotState<E>[] {
    return [...this.#bySlot.values()].sort((one, other) => one.slot - other.slot);
  }

  /** Takes a slot in, or takes note of its instruments. */
  keep(state: SlotState<E>): void {
    if (state.shard.books.size === 0) return;
    this.#bySlot.set(state.slot, state);
    if (this.table.ownerOf(state.slot) === 'OWNED') this.open(state.slot);
  }

  /** Lets a slot take commands and time. */
  open(slot: number): void {
    const state = this.#bySlot.get(slot);
    if (state === undefined) return;
    for (const number of state.shard.books.keys()) this.#routes.set(number, state);
    this.due.touch(state);
  }

  /** Nothing happens in the slot from here on. */
  close(slot: number): void {
    const state = this.#bySlot.get(slot);
    if (state === undefined) return;
    for (const number of state.shard.books.keys()) this.#routes.delete(number);
    this.due.remove(state);
  }

  /** Forgets a closed slot. */
  drop(slot: number): void {
    this.#bySlot.get(slot)?.shard.forbids.leave();
    this.#bySlot.delete(slot);
  }

  /** Begins to copy a slot anew. */
  beginCopy(slot: number, generation: number, sourceShardId: string): SlotCopying<E> {
    this.dropCopy(slot);
    const state = this.make(slot);
    const restorer = new SlotRestorer(state.shard);
    const copy = { generation, sourceShardId, chunks: 0, state, restorer };
    this.copies.set(slot, copy);
    return copy;
  }

  dropCopy(slot: number): void {
    this.copies.get(slot)?.state.shard.forbids.leave();
    this.copies.delete(slot);
  }

  copiesBySlot(): SlotCopying<E>[] {
    return [...this.copies.values()].sort((one, other) => one.state.slot - other.state.slot);
  }

  statusOf(slot: number): SlotStatus {
    const copy = this.copies.get(slot);
    return {
      generation: this.table.generationOf(slot),
      ownership: this.table.ownerOf(slot),
      copy:
        copy === undefined
          ? undefined
          : {
              generation: copy.generation,
              sourceShardId: copy.sourceShardId,
              chunks: copy.chunks,
            },
    };
  }

  /** Checksum of one slot's state: 32 hexadecimal digits. */
  checksumOf(slot: number): string {
    this.#empty ??= this.make(0);
    return (this.#bySlot.get(slot) ?? this.#empty).shard.checksum();
  }

  /** Checksum of all slots, copies included (SNAP-3): 32 hexadecimal digits. */
  checksum(): string {
    const words = [this.table.hash, 0, 0, 0];
    const mixIn = (mark: number, checksum: string): void => {
      for (let place = 0; place < 4; place += 1) {
        const word = Number.parseInt(checksum.slice(place * 8, place * 8 + 8), 16) | 0;
        words[place] = mixWord(mixNumber(words[place] as number, mark), word);
      }
    };
    for (const { slot, shard } of this.all()) mixIn(slot, shard.checksum());
    for (const { state, generation, sourceShardId, chunks, restorer } of this.copiesBySlot()) {
      mixIn(-1 - state.slot, state.shard.checksum());
      const first = mixNumber(mixNumber(words[0] as number, generation), chunks);
      words[0] = mixText(mixWord(first, restorer.hashOfAbsent()), sourceShardId);
    }
    return words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** @throws AssertionError when the slot has no copy */
  takeCopy(slot: number): SlotCopying<E> {
    const copy = assertDefined(this.copies.get(slot), 'a copy is there');
    this.copies.delete(slot);
    return copy;
  }
}
