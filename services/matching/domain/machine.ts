// The state machine of a matching shard: commands in, events out, nothing else (LOG-8). This file
// says which slot a command belongs to and in which order slots have their turns; the rules
// themselves stand beside it.
import { assert } from '../../lib/base/assert.ts';
import { slotOf } from '../../lib/routing/slot.ts';
import type { SlotCommand } from '../../lib/routing/slot-command.ts';
import type {
  CommandContext,
  MovableSlots,
  Outcome,
  ProceedContext,
  StateMachine,
  StateRestorer,
} from '../../lib/shard/state-machine.ts';
import type { Book } from './book.ts';
import type { MatchingCommand, SetInstrument } from './command.ts';
import type { MatchingEvent } from './event.ts';
import { DEFAULT_LIMITS, type MatchingLimits } from './limits.ts';
import { ObjectSink } from './object-sink.ts';
import { OrderStore } from './order-store.ts';
import { restoreSnapshot, ShardRestorer } from './restore-shard.ts';
import type { InstrumentRules } from './rules.ts';
import type { Emit, EventForm } from './sink.ts';
import { piecesOfSlot } from './slot-pieces.ts';
import { dispatch, type SlotState } from './slot-state.ts';
import { SlotStates } from './slot-states.ts';
import { SlotSteps } from './slot-steps.ts';
import { snapshotPieces, takeSnapshot } from './snapshot.ts';
import { assertShardSound } from './sound.ts';
import {
  type BookView,
  type OpenOrder,
  openOrdersOf,
  viewBook,
  type WaitingOrder,
  waitingOrdersOf,
} from './view.ts';

/** Commands are answered by their events alone. */
export type MatchingOutcome = Outcome<never>;

/** The order books of one shard, with their events in the form `E`. */
export class BookMachine<E> implements StateMachine<MatchingCommand, E, never> {
  readonly formatVersion = 1;
  readonly slots: MovableSlots<MatchingCommand>;
  protected readonly states: SlotStates<E>;
  readonly #limits: MatchingLimits;
  /** Takes the events that belong to no instrument. */
  readonly #sink: EventForm<E>;
  readonly #steps: SlotSteps<E>;
  /** Slots with work that a step has left unfinished (LOG-17). */
  readonly #unfinished = new Set<SlotState<E>>();
  /** Where the last command went: mostly the next one goes there, too. */
  #lastNumber = 0;
  #last: SlotState<E> | undefined;

  constructor(limits: Partial<MatchingLimits>, makeSink: (orders: OrderStore) => EventForm<E>) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.states = new SlotStates({ limits, makeSink, forbidRoom: { taken: 0 } });
    this.#sink = makeSink(new OrderStore());
    this.#steps = new SlotSteps(this.states, this.#sink);
    this.slots = this.#movableSlots();
  }

  nextDueTimeUs(): number | undefined {
    return this.states.due.next()?.dueTimeUs;
  }

  /** Does what is due, slot by slot: what is left after a step stays due (LOG-15, LOG-17). */
  advance(logTimeUs: number, emit: Emit<E>): void {
    const { due } = this.states;
    let count = 0;
    for (let state = due.next(); isDue(state, logTimeUs); state = due.next()) {
      state.advance(logTimeUs, emit);
      this.#noteUnfinished(state);
      count += state.sink.count;
      const isInterrupted = isDue(due.next(), logTimeUs) && due.next() === state;
      if (isInterrupted || count >= this.#limits.eventsPerStep) return;
    }
  }

  apply(command: MatchingCommand, { logTimeUs }: CommandContext, emit: Emit<E>): MatchingOutcome {
    assert(this.#unfinished.size === 0, 'unfinished work goes before any command (LOG-17)');
    // The three kinds that nearly every command is of, each on a way of its own to the slot: the
    // compiler knows what it has in hand there.
    switch (command.kind) {
      case 'placeOrder': {
        const state = this.#stateOf(command.terms.instrumentNumber);
        if (state === undefined) return this.#absent(command.terms.instrumentNumber);
        this.#begin(state, logTimeUs, emit);
        return this.#noteOutcome(state, state.commands.placeOrder(command));
      }
      case 'cancelOrder': {
        const state = this.#stateOf(command.instrumentNumber);
        if (state === undefined) return this.#absent(command.instrumentNumber);
        this.#begin(state, logTimeUs, emit);
        return this.#noteOutcome(state, state.commands.cancelOrder(command));
      }
      case 'amendOrder': {
        const state = this.#stateOf(command.instrumentNumber);
        if (state === undefined) return this.#absent(command.instrumentNumber);
        this.#begin(state, logTimeUs, emit);
        return this.#noteOutcome(state, state.commands.amendOrder(command));
      }
      default:
        return this.#applySeldom(command, logTimeUs, emit);
    }
  }

  #applySeldom(command: MatchingCommand, logTimeUs: number, emit: Emit<E>): MatchingOutcome {
    switch (command.kind) {
      case 'setInstrument':
        return this.#setInstrument(command, logTimeUs, emit);
      case 'acquireSlots':
        this.#sink.begin(emit);
        return this.#steps.acquire(command);
      case 'moveSlot':
        return this.#move(command.move, emit);
    }
    const instrumentNumber = instrumentNumberOf(command);
    const state = this.#stateOf(instrumentNumber);
    if (state === undefined) return this.#absent(instrumentNumber);
    return this.#applyIn(state, command, logTimeUs, emit);
  }

  /** Where the commands of an instrument go; undefined when nobody here takes them. */
  #stateOf(instrumentNumber: number): SlotState<E> | undefined {
    if (this.#last !== undefined && this.#lastNumber === instrumentNumber) return this.#last;
    const state = this.states.findInstrument(instrumentNumber);
    if (state === undefined) return undefined;
    this.#last = state;
    this.#lastNumber = instrumentNumber;
    return state;
  }

  #begin(state: SlotState<E>, logTimeUs: number, emit: Emit<E>): void {
    state.begin(logTimeUs, emit);
    if (state.isTouched === false) this.states.due.touch(state);
  }

  #noteOutcome(state: SlotState<E>, outcome: MatchingOutcome): MatchingOutcome {
    if (outcome.kind === 'unfinished') this.#unfinished.add(state);
    return outcome;
  }

  #applyIn(
    state: SlotState<E>,
    command: MatchingCommand,
    logTimeUs: number,
    emit: Emit<E>,
  ): MatchingOutcome {
    this.#begin(state, logTimeUs, emit);
    const outcome = dispatch(state.commands, command);
    // A kind that this version does not know has done nothing.
    if (outcome === undefined) return refused('MESSAGE_MALFORMED');
    return this.#noteOutcome(state, outcome);
  }

  proceed({ logTimeUs }: ProceedContext, emit: Emit<E>): MatchingOutcome {
    const [state] = this.#unfinished;
    assert(state !== undefined, 'there is unfinished work');
    state.begin(logTimeUs, emit);
    const outcome = state.shard.work.proceed();
    this.#noteUnfinished(state);
    this.states.due.touch(state);
    return outcome;
  }

  #noteUnfinished(state: SlotState<E>): void {
    if (state.shard.hasUnfinishedWork) this.#unfinished.add(state);
    else this.#unfinished.delete(state);
    this.states.due.touch(state);
  }

  #setInstrument(command: SetInstrument, logTimeUs: number, emit: Emit<E>): MatchingOutcome {
    const { instrumentId, instrumentNumber } = command.rules;
    if (typeof instrumentId !== 'string') return refused('FIELD_REQUIRED');
    const slot = slotOf(instrumentId);
    const owner = this.states.table.ownerOf(slot);
    if (owner === 'FROZEN') return slotMoving(slot);
    if (owner !== 'OWNED') return wrongShard(instrumentNumber);
    // A number that another slot's instrument has is refused there.
    const known = this.states.findInstrument(instrumentNumber) ?? this.states.find(slot);
    const state = known ?? this.states.make(slot);
    const outcome = this.#applyIn(state, command, logTimeUs, emit);
    this.states.keep(state);
    if (known === undefined && state.shard.books.size === 0) this.states.due.remove(state);
    return outcome;
  }

  /** Nobody here takes commands for the instrument. */
  #absent(instrumentNumber: number): MatchingOutcome {
    const frozen = this.states.findFrozen(instrumentNumber);
    return frozen === undefined ? wrongShard(instrumentNumber) : slotMoving(frozen.slot);
  }

  #move(move: SlotCommand<MatchingCommand>, emit: Emit<E>): MatchingOutcome {
    this.#sink.begin(emit);
    this.#last = undefined;
    return this.#steps.move(move);
  }

  #movableSlots(): MovableSlots<MatchingCommand> {
    const { states } = this;
    const slotOfCommand = (command: MatchingCommand): number | undefined => {
      if (command.kind === 'moveSlot' || command.kind === 'acquireSlots') return undefined;
      if (command.kind === 'setInstrument') return slotOf(command.rules.instrumentId);
      return states.findInstrument(instrumentNumberOf(command))?.slot;
    };
    return {
      statusOf: (slot) => states.statusOf(slot),
      slotOf: slotOfCommand,
      concerns: (command, slot) =>
        states.table.ownerOf(slot) === 'OWNED' && slotOfCommand(command) === slot,
      stepOf: (command) => (command.kind === 'moveSlot' ? command.move : undefined),
      dueStepsOf: (slot) => states.find(slot)?.dueSteps ?? 0,
      piecesOf: (slot) => {
        const state = states.find(slot);
        return state === undefined ? [] : piecesOfSlot(state.shard);
      },
      checksumOf: (slot) => states.checksumOf(slot),
    };
  }

  /** 32 hexadecimal digits over everything that can influence the future (SNAP-3). */
  stateChecksum(): string {
    return this.states.checksum();
  }

  /** Slot of an instrument that is traded here; undefined when it is not. */
  slotOfInstrument(instrumentNumber: number): number | undefined {
    return this.states.findInstrument(instrumentNumber)?.slot;
  }

  /** The best `depth` levels of an instrument; undefined when this shard does not serve it. */
  viewBook(instrumentNumber: number, depth: number): BookView | undefined {
    const found = this.#find(instrumentNumber);
    return found === undefined ? undefined : viewBook(found.state.shard.life, found.book, depth);
  }

  /** Every resting order of an instrument: bids, then asks, each in price-time priority. */
  openOrders(instrumentNumber: number): OpenOrder[] {
    const found = this.#find(instrumentNumber);
    if (found === undefined) return [];
    const { life } = found.state.shard;
    return [...openOrdersOf(life, found.book.bids), ...openOrdersOf(life, found.book.asks)];
  }

  /** Every order of an instrument that waits to be triggered, by age. */
  waitingOrders(instrumentNumber: number): WaitingOrder[] {
    const found = this.#find(instrumentNumber);
    return found === undefined ? [] : waitingOrdersOf(found.state.shard.life, found.book);
  }

  #find(
    instrumentNumber: number,
  ): { readonly state: SlotState<E>; readonly book: Book } | undefined {
    const state = this.states.findInstrument(instrumentNumber);
    const book = state?.shard.books.get(instrumentNumber);
    return state === undefined || book === undefined ? undefined : { state, book };
  }

  /** Rules of every instrument that the shard serves, by slot, in the order in which they came. */
  instruments(): InstrumentRules[] {
    const owned = this.states.all().filter(({ slot }) => this.#owns(slot));
    return owned.flatMap(({ shard }) => Array.from(shard.books.values(), (book) => book.rules));
  }

  #owns(slot: number): boolean {
    return this.states.table.ownerOf(slot) === 'OWNED';
  }

  /** Slots that the shard owns, ascending. */
  ownedSlots(): number[] {
    return this.states.table.owned();
  }

  /** Generation of every slot that the shard owns, or has frozen and not given away yet. */
  slotGenerations(): Map<number, number> {
    const { table } = this.states;
    const held = table.seen().filter((slot) => table.ownerOf(slot) !== 'NONE');
    return new Map(held.map((slot) => [slot, table.generationOf(slot)]));
  }

  /** Bytes of the tables that grow with orders and levels. */
  get byteLength(): number {
    return this.states.all().reduce((sum, { shard }) => sum + shard.life.resting.byteLength, 0);
  }

  /** Whether a command or due work is interrupted (LOG-17): no snapshot is taken then. */
  get hasUnfinishedWork(): boolean {
    return this.#unfinished.size > 0;
  }

  /** The whole state in canonical bytes (SNAP-1); between commands only. */
  snapshot(): Uint8Array {
    return takeSnapshot(this.states);
  }

  snapshotPieces(): Iterable<Uint8Array> {
    return snapshotPieces(this.states);
  }

  beginRestore(): StateRestorer {
    return new ShardRestorer(this.states);
  }

  /**
   * Fills a machine that has done nothing yet from a snapshot.
   *
   * @throws SnapshotError when the bytes are not a whole snapshot; the machine is of no use then
   */
  protected restoreFrom(bytes: Uint8Array): void {
    restoreSnapshot(this.states, bytes);
  }

  /** Stops when anything breaks an invariant (MAT-5, MAT-6). Walks everything; for tests. */
  assertSound(): void {
    for (const { shard } of this.states.all()) assertShardSound(shard);
  }
}

/** The order books of one shard, with events as objects. */
export class MatchingMachine extends BookMachine<MatchingEvent> {
  constructor(limits: Partial<MatchingLimits> = {}) {
    super(limits, (orders) => new ObjectSink(orders));
  }

  /**
   * A machine with the state of a snapshot: it has the same checksum and does the same.
   *
   * @throws SnapshotError when the bytes are cut, changed, or not a snapshot of this version
   */
  static restore(bytes: Uint8Array, limits: Partial<MatchingLimits> = {}): MatchingMachine {
    const machine = new MatchingMachine(limits);
    machine.restoreFrom(bytes);
    return machine;
  }
}

type OfInstrument = Exclude<
  MatchingCommand,
  { readonly kind: 'setInstrument' | 'acquireSlots' | 'moveSlot' }
>;

/** A group without legs has no instrument. */
function instrumentNumberOf(command: OfInstrument): number {
  if (command.kind === 'placeOrder') return command.terms.instrumentNumber;
  if (command.kind === 'placeOrderGroup') return command.legs[0]?.instrumentNumber ?? 0;
  return command.instrumentNumber;
}

function isDue<E>(state: SlotState<E> | undefined, logTimeUs: number): state is SlotState<E> {
  return state?.dueTimeUs !== undefined && state.dueTimeUs <= logTimeUs;
}

function refused(reason: string, detail?: Readonly<Record<string, string>>): MatchingOutcome {
  return { kind: 'refused', refusal: detail === undefined ? { reason } : { reason, detail } };
}

function slotMoving(slot: number): MatchingOutcome {
  return refused('SLOT_MOVING', { slot: String(slot) });
}

function wrongShard(instrumentNumber: number): MatchingOutcome {
  return refused('WRONG_SHARD', { instrument_number: String(instrumentNumber) });
}
