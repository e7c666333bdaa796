// The steps by which slots come to a shard and leave it (MOV-1 to MOV-5). Each may be repeated: it
// is known by slot and generation.
import { SLOT_COUNT } from '../../lib/routing/slot.ts';
import type {
  CopySlot,
  ExportSlot,
  ImportSlot,
  MoveDone,
  RefuseImport,
  SlotCommand,
  UnfreezeSlot,
} from '../../lib/routing/slot-command.ts';
import type { Outcome } from '../../lib/shard/state-machine.ts';
import type { AcquireSlots, MatchingCommand } from './command.ts';
import type { EventSink } from './sink.ts';
import type { SlotCopying, SlotStates } from './slot-states.ts';

const DONE: Outcome<never> = { kind: 'done' };

/** Carries out what is about slots. */
export class SlotSteps<E> {
  readonly #states: SlotStates<E>;
  readonly #sink: EventSink;

  constructor(states: SlotStates<E>, sink: EventSink) {
    this.#states = states;
    this.#sink = sink;
  }

  /** Slots already seen in this or a higher generation stay as they are: it may be repeated. */
  acquire(command: AcquireSlots): Outcome<never> {
    const { slots, generation } = command;
    if (!slots.every(isSlot) || !isGeneration(generation)) return refused('NUMBER_OUT_OF_RANGE');
    const { table } = this.#states;
    // What another shard has had comes back by an import only.
    const acquired = slots.filter(
      (slot) =>
        table.generationOf(slot) < generation &&
        (table.generationOf(slot) === 0 || table.ownerOf(slot) === 'OWNED'),
    );
    if (acquired.length === 0) return DONE;
    for (const slot of acquired) table.set(slot, generation, 'OWNED');
    this.#sink.slotsAcquired(acquired, generation);
    return DONE;
  }

  move(move: SlotCommand<MatchingCommand>): Outcome<never> {
    if (!isSlot(move.slot) || !isGeneration(move.generation)) return refused('NUMBER_OUT_OF_RANGE');
    switch (move.step) {
      case 'export':
        return this.#exportSlot(move);
      case 'copy':
        return this.#copySlot(move);
      case 'import':
        return this.#importSlot(move);
      case 'refuseImport':
        return this.#refuseImport(move);
      case 'unfreeze':
        return this.#unfreezeSlot(move);
      case 'done':
        return this.#moveDone(move);
    }
  }

  #exportSlot({ slot, generation }: ExportSlot): Outcome<never> {
    const { table } = this.#states;
    const owner = table.ownerOf(slot);
    const seen = table.generationOf(slot);
    if (owner === 'FROZEN' && seen === generation) return DONE;
    if (owner !== 'OWNED' || generation <= seen) return this.#outOfTurn(slot);

    // From here on it must succeed.
    const stateChecksum = this.#states.checksumOf(slot);
    this.#states.close(slot);
    table.set(slot, generation, 'FROZEN');
    this.#sink.slotMoved({ slot, generation, step: 'exported', stateChecksum });
    return DONE;
  }

  /** A chunk that cannot be read ends the copy: the next chunk does not follow any more. */
  #copySlot(command: CopySlot<MatchingCommand>): Outcome<never> {
    const { slot, generation, chunk, sourceShardId, content } = command;
    const states = this.#states;
    const before = states.copies.get(slot);
    const isOurs = states.table.ownerOf(slot) !== 'NONE';
    if (isOurs || generation <= states.table.generationOf(slot)) return this.#outOfTurn(slot);
    if (chunk === 0 ? (before?.generation ?? 0) > generation : !isNext(before, command)) {
      return this.#outOfTurn(slot);
    }

    // From here on it must succeed.
    const copy =
      chunk === 0 || before === undefined
        ? states.beginCopy(slot, generation, sourceShardId)
        : before;
    try {
      if (content.kind === 'state') copy.restorer.take(content.state);
      if (content.kind === 'tail') copy.state.repeat(content.tail);
      copy.chunks = chunk + 1;
    } catch {
      states.dropCopy(slot);
    }
    return DONE;
  }

  #importSlot(command: ImportSlot<MatchingCommand>): Outcome<never> {
    const { slot, generation, sourceShardId, exportSequence } = command;
    const states = this.#states;
    const seen = states.table.generationOf(slot);
    if (states.table.ownerOf(slot) === 'OWNED' && seen === generation) return DONE;
    const copy = states.copies.get(slot);
    const isComplete = isNext(copy, { ...command, chunk: command.chunks });
    if (generation <= seen || !isComplete) return this.#outOfTurn(slot);
    if (!this.#isWhole(command)) {
      states.dropCopy(slot);
      return refused('SLOT_STATE_DIFFERS', { slot: String(slot) });
    }

    // From here on it must succeed.
    const { state } = states.takeCopy(slot);
    states.table.set(slot, generation, 'OWNED');
    states.keep(state);
    this.#sink.slotMoved({ slot, generation, step: 'imported', sourceShardId, exportSequence });
    return DONE;
  }

  /** Whether the copy has come to the state that was exported. */
  #isWhole({ slot, tail, stateChecksum }: ImportSlot<MatchingCommand>): boolean {
    const copy = this.#states.copies.get(slot);
    if (copy === undefined) return false;
    const { state, restorer } = copy;
    try {
      state.repeat(tail);
      if (!restorer.isComplete || state.shard.hasUnfinishedWork) return false;
      for (const number of state.shard.books.keys()) {
        if (this.#states.findInstrument(number) !== undefined) return false;
      }
      return state.shard.checksum() === stateChecksum;
    } catch {
      return false;
    }
  }

  #refuseImport({ slot, generation }: RefuseImport): Outcome<never> {
    const states = this.#states;
    const seen = states.table.generationOf(slot);
    const owner = states.table.ownerOf(slot);
    if (owner !== 'NONE' && generation <= seen) {
      return refused('SLOT_IMPORTED', { slot: String(slot) });
    }
    if (owner === 'NONE' && seen === generation) return DONE;
    if (owner !== 'NONE' || generation < seen) return this.#outOfTurn(slot);

    // From here on it must succeed.
    states.dropCopy(slot);
    states.table.set(slot, generation, 'NONE');
    this.#sink.slotMoved({ slot, generation, step: 'importRefused' });
    return DONE;
  }

  /** A slot that was never frozen only gets its next generation: the export can come no more. */
  #unfreezeSlot({ slot, generation }: UnfreezeSlot): Outcome<never> {
    const { table } = this.#states;
    const seen = table.generationOf(slot);
    const owner = table.ownerOf(slot);
    if (owner === 'OWNED' && seen === generation) return DONE;
    if (owner === 'NONE' || generation <= seen) return this.#outOfTurn(slot);

    // From here on it must succeed.
    table.set(slot, generation, 'OWNED');
    this.#states.open(slot);
    this.#sink.slotMoved({ slot, generation, step: 'unfrozen' });
    return DONE;
  }

  #moveDone({ slot, generation }: MoveDone): Outcome<never> {
    const { table } = this.#states;
    const seen = table.generationOf(slot);
    const owner = table.ownerOf(slot);
    if (owner === 'NONE' && seen >= generation) return DONE;
    if (owner !== 'FROZEN' || generation !== seen) return this.#outOfTurn(slot);

    // From here on it must succeed.
    this.#states.drop(slot);
    table.set(slot, generation, 'NONE');
    this.#sink.slotMoved({ slot, generation, step: 'released' });
    return DONE;
  }

  #outOfTurn(slot: number): Outcome<never> {
    const { generation, copy } = this.#states.statusOf(slot);
    return refused('SLOT_STEP_REFUSED', {
      slot: String(slot),
      generation: String(copy?.generation ?? generation),
      chunk: String(copy?.chunks ?? 0),
    });
  }
}

/** Whether a chunk is the next one of a copy. */
function isNext<E>(
  copy: SlotCopying<E> | undefined,
  command: Pick<CopySlot<never>, 'generation' | 'sourceShardId' | 'chunk'>,
): copy is SlotCopying<E> {
  return (
    copy !== undefined &&
    copy.generation === command.generation &&
    copy.sourceShardId === command.sourceShardId &&
    copy.chunks === command.chunk
  );
}

function isSlot(slot: number): boolean {
  return Number.isSafeInteger(slot) && slot >= 0 && slot < SLOT_COUNT;
}

function isGeneration(generation: number): boolean {
  return Number.isSafeInteger(generation) && generation >= 1;
}

function refused(reason: string, detail?: Readonly<Record<string, string>>): Outcome<never> {
  return { kind: 'refused', refusal: detail === undefined ? { reason } : { reason, detail } };
}
