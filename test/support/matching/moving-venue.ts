// The engine as a venue whose book moves between two shards while commands come: copies, tails,
// exports, imports, roll-backs and crashes at points that chance chooses. Whoever drives it sees
// the book alone.

import { slotOf } from '../../../services/lib/routing/slot.ts';
import type {
  SlotCommand,
  SlotTail,
  TailEntry,
} from '../../../services/lib/routing/slot-command.ts';
import type { InstrumentRules, InstrumentState } from '../../../services/lib/rules/terms.ts';
import { type Watched, WatchedMachine } from '../../../services/lib/shard/moves/watched-machine.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent, SlotMoved } from '../../../services/matching/domain/event.ts';
import type { MatchingLimits } from '../../../services/matching/domain/limits.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import type { Random } from '../../model/matching/random.ts';
import { EngineVenue } from './engine-venue.ts';
import { type ShownBook, STEP_ENDS, type Told, type Venue } from './venue.ts';

type Watch = WatchedMachine<MatchingCommand, MatchingEvent, never>;
type Step = SlotCommand<MatchingCommand>;

/** A move under way. */
type Move = {
  readonly generation: number;
  readonly watch: Watch;
  readonly pieces: Uint8Array[];
  chunks: number;
  tail: TailEntry<MatchingCommand>[];
  exported: Extract<SlotMoved['move'], { step: 'exported' }> | undefined;
};

/** How often what has happened. */
export type Moved = { imported: number; rolledBack: number; crashed: number; copiedAnew: number };

const CONTEXT = { logTimeUs: 0, identity: 'move', validUntilUs: 0 };
const SEQUENCE = 1;

export class MovingVenue implements Venue {
  readonly moved: Moved = { imported: 0, rolledBack: 0, crashed: 0, copiedAnew: 0 };
  readonly #limits: Partial<MatchingLimits>;
  readonly #random: Random;
  #source: MatchingMachine;
  #target: MatchingMachine;
  #slot = 0;
  #generation = 1;
  #entryIndex = 0;
  #move: Move | undefined;

  constructor(limits: Partial<MatchingLimits>, random: Random) {
    this.#limits = limits;
    this.#random = random;
    this.#source = new MatchingMachine(limits);
    this.#target = new MatchingMachine(limits);
  }

  open(rules: InstrumentRules, state: InstrumentState): Told {
    this.#slot = slotOf(rules.instrumentId);
    return new EngineVenue(this.#limits, this.#source).open(rules, state);
  }

  apply(command: MatchingCommand, nowUs: number): Told {
    this.#stepOfMove(nowUs);
    this.#mustNotBeFrozen(command, nowUs);
    const told: Told = [];
    const emit = (event: MatchingEvent) => told.push(event);
    const context = { logTimeUs: nowUs, identity: 'scenario', validUntilUs: nowUs };
    let outcome = this.#entry(nowUs, (machine) => machine.apply(command, context, emit));
    while (outcome.kind === 'unfinished') {
      told.push(STEP_ENDS);
      outcome = this.#entry(nowUs, (machine) => machine.proceed(context, emit));
    }
    if (outcome.kind === 'refused') told.push(`refused: ${outcome.refusal.reason}`);
    this.#source.assertSound();
    return told;
  }

  advance(nowUs: number): Told {
    this.#stepOfMove(nowUs);
    if (this.#move?.exported !== undefined) this.#finish(this.#move);
    const told: Told = [];
    const emit = (event: MatchingEvent) => told.push(event);
    this.#entry(nowUs, (machine) => machine.advance(nowUs, emit));
    while ((this.#source.nextDueTimeUs() ?? Number.POSITIVE_INFINITY) <= nowUs) {
      told.push(STEP_ENDS);
      this.#entry(nowUs, (machine) => machine.advance(nowUs, emit));
    }
    this.#source.assertSound();
    return told;
  }

  show(): ShownBook {
    return new EngineVenue(this.#limits, this.#source).show();
  }

  checksum(): string {
    return this.#source.slots.checksumOf(this.#slot);
  }

  /** One entry of the source's log; the tail notes what it did in the slot. */
  #entry<T>(logTimeUs: number, run: (machine: MatchingMachine | Watch) => T): T {
    const move = this.#move;
    if (move === undefined) return run(this.#source);
    const watched: Watched<MatchingCommand> = move.watch.begin();
    const result = run(move.watch);
    this.#entryIndex += 1;
    const { dueSteps, proceeds } = watched;
    const commands = watched.commands.map((command, record) => ({ ...command, record }));
    if (dueSteps > 0 || proceeds || commands.length > 0) {
      move.tail.push({ entryIndex: this.#entryIndex, logTimeUs, dueSteps, proceeds, commands });
    }
    return result;
  }

  /** Before a command: perhaps the move makes a step, or several, or somebody crashes. */
  #stepOfMove(nowUs: number): void {
    while (this.#random.below(3) === 0) {
      if (this.#random.below(6) === 0) this.#crash();
      else if (this.#move === undefined) this.#beginMove();
      else if (this.#random.below(8) === 0) this.#rollBack(this.#move);
      else this.#goOn(this.#move);
    }
    if (this.#move?.exported === undefined) return;
    // Nothing happens in a frozen slot, whatever the time (MOV-3).
    const untouched = this.#source.slots.checksumOf(this.#slot);
    this.#source.advance(nowUs + 1e15, () => {
      throw new Error('something happened in a frozen slot');
    });
    if (this.#source.slots.checksumOf(this.#slot) !== untouched) throw new Error('it was touched');
  }

  #beginMove(): void {
    const watched = { slot: this.#slot, generation: this.#generation + 1 };
    this.#generation += 1;
    this.#move = {
      generation: this.#generation,
      watch: new WatchedMachine(this.#source, watched),
      pieces: [...this.#source.slots.piecesOf(this.#slot)].map((piece) => piece.slice()),
      chunks: 0,
      tail: [],
      exported: undefined,
    };
  }

  #goOn(move: Move): void {
    const piece = move.pieces.shift();
    if (piece !== undefined) {
      this.#copy(move, { kind: 'state', state: piece });
    } else if (move.exported === undefined) {
      if (this.#random.below(3) === 0) this.#export(move);
      else this.#copyTail(move);
    } else this.#import(move);
  }

  #copyTail(move: Move): void {
    const tail: SlotTail<MatchingCommand> = move.tail;
    move.tail = [];
    this.#copy(move, { kind: 'tail', tail });
  }

  #copy(move: Move, content: Extract<Step, { step: 'copy' }>['content']): void {
    const place = { slot: this.#slot, generation: move.generation, sourceShardId: 'source' };
    this.#make(this.#target, { ...place, step: 'copy', chunk: move.chunks, content });
    move.chunks += 1;
  }

  #export(move: Move): void {
    // A book without orders has pieces, too: the book's own.
    const step = { slot: this.#slot, generation: move.generation, step: 'export' } as const;
    const [event] = this.#make(this.#source, step);
    if (event?.move.step !== 'exported') throw new Error('an export has an event');
    move.exported = event.move;
  }

  #import(move: Move): void {
    const { generation, chunks, tail, exported } = move;
    if (exported === undefined) throw new Error('nothing was exported');
    const { stateChecksum } = exported;
    const shards = { sourceShardId: 'source', targetShardId: 'target' };
    const place = { slot: this.#slot, generation, ...shards };
    const step = { ...place, step: 'import', exportSequence: SEQUENCE } as const;
    this.#make(this.#target, { ...step, chunks, tail, stateChecksum });
    // Again: nothing more happens.
    const again = this.#make(this.#target, { ...step, chunks, tail, stateChecksum });
    if (again.length > 0) throw new Error('an import happened twice');
    this.#make(this.#source, { slot: this.#slot, generation, step: 'done' });
    [this.#source, this.#target] = [this.#target, this.#source];
    this.#move = undefined;
    this.moved.imported += 1;
  }

  #rollBack(move: Move): void {
    const { generation, exported } = move;
    this.#make(this.#target, { slot: this.#slot, generation, step: 'refuseImport' });
    if (exported !== undefined) {
      this.#generation += 1;
      const step = { slot: this.#slot, generation: this.#generation, step: 'unfreeze' } as const;
      this.#make(this.#source, step);
    }
    this.#move = undefined;
    this.moved.rolledBack += 1;
  }

  /** One of the two is another process from here on, with the state of a snapshot (SNAP-1). */
  #crash(): void {
    this.moved.crashed += 1;
    const restore = (machine: MatchingMachine): MatchingMachine => {
      const restored = MatchingMachine.restore(machine.snapshot(), this.#limits);
      if (restored.stateChecksum() !== machine.stateChecksum()) throw new Error('another state');
      return restored;
    };
    if (this.#random.below(2) === 0) {
      this.#target = restore(this.#target);
      return;
    }
    const frozen = this.#move?.exported;
    this.#source = restore(this.#source);
    // Whoever reads the log reads on; here the watch was on the machine that is gone.
    if (this.#move !== undefined && frozen === undefined) {
      this.#move = undefined;
      this.moved.copiedAnew += 1;
    }
  }

  #mustNotBeFrozen(command: MatchingCommand, nowUs: number): void {
    const move = this.#move;
    if (move?.exported === undefined) return;
    const context = { logTimeUs: nowUs, identity: 'scenario', validUntilUs: nowUs };
    const outcome = this.#source.apply(command, context, () => {
      throw new Error('an event of a frozen slot');
    });
    const refusal = outcome.kind === 'refused' ? outcome.refusal.reason : outcome.kind;
    if (refusal !== 'SLOT_MOVING') throw new Error(`a frozen slot answers ${refusal}`);
    this.#finish(move);
  }

  #finish(move: Move): void {
    if (this.#random.below(3) === 0) this.#rollBack(move);
    else this.#import(move);
  }

  #make(machine: MatchingMachine, move: Step): SlotMoved[] {
    const events: SlotMoved[] = [];
    const outcome = machine.apply({ kind: 'moveSlot', move }, CONTEXT, (event) => {
      if (event.kind !== 'slotMoved') throw new Error(`a copy tells of ${event.kind}`);
      events.push(event);
    });
    if (outcome.kind === 'done') return events;
    throw new Error(`${move.step} was ${JSON.stringify(outcome)}`);
  }
}
