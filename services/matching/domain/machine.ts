// The state machine of a matching shard: commands in, events out, nothing else (LOG-8). This file
// says which duties a command has and in which order; the rules themselves stand beside it.
import { assert, assertDefined, assertNever } from '../../lib/base/assert.ts';
import type {
  CommandContext,
  Outcome,
  ProceedContext,
  StateMachine,
  StateRestorer,
} from '../../lib/shard/state-machine.ts';
import type { MatchingCommand, PlaceOrder } from './command.ts';
import { Commands } from './commands.ts';
import type { MatchingEvent } from './event.ts';
import type { MatchingLimits } from './limits.ts';
import { ObjectSink } from './object-sink.ts';
import type { OrderStore } from './order-store.ts';
import { restoreSnapshot } from './restore.ts';
import type { InstrumentRules } from './rules.ts';
import { Shard } from './shard.ts';
import type { Emit, EventForm } from './sink.ts';
import { takeSnapshot } from './snapshot.ts';
import { cutIntoPieces, PieceCollector } from './snapshot-pieces.ts';
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
  protected readonly shard: Shard;
  readonly #sink: EventForm<E>;
  readonly #commands: Commands;

  constructor(limits: Partial<MatchingLimits>, makeSink: (orders: OrderStore) => EventForm<E>) {
    let made: EventForm<E> | undefined;
    this.shard = new Shard(limits, (orders) => {
      made = makeSink(orders);
      return made;
    });
    this.#sink = assertDefined(made, 'a shard has a sink');
    this.#commands = new Commands(this.shard);
  }

  nextDueTimeUs(): number | undefined {
    return this.shard.due.nextTimeUs();
  }

  /** Does what is due, one step of it: what is left stays due (LOG-15, LOG-17). */
  advance(logTimeUs: number, emit: Emit<E>): void {
    this.#sink.begin(emit);
    this.shard.beginStep(logTimeUs);
    this.shard.due.advance(logTimeUs);
  }

  apply(command: MatchingCommand, context: CommandContext, emit: Emit<E>): MatchingOutcome {
    assert(!this.shard.hasUnfinishedWork, 'unfinished work goes before any command (LOG-17)');
    this.#sink.begin(emit);
    this.shard.beginStep(context.logTimeUs);
    return this.#dispatch(command);
  }

  proceed(context: ProceedContext, emit: Emit<E>): MatchingOutcome {
    this.#sink.begin(emit);
    this.shard.beginStep(context.logTimeUs);
    return this.shard.work.proceed();
  }

  /** 32 hexadecimal digits over everything that can influence the future (SNAP-3). */
  stateChecksum(): string {
    return this.shard.checksum();
  }

  /** The best `depth` levels of an instrument; undefined when this shard does not know it. */
  viewBook(instrumentNumber: number, depth: number): BookView | undefined {
    const book = this.shard.books.get(instrumentNumber);
    return book === undefined ? undefined : viewBook(this.shard.life, book, depth);
  }

  /** Every resting order of an instrument: bids, then asks, each in price-time priority. */
  openOrders(instrumentNumber: number): OpenOrder[] {
    const book = this.shard.books.get(instrumentNumber);
    if (book === undefined) return [];
    const { life } = this.shard;
    return [...openOrdersOf(life, book.bids), ...openOrdersOf(life, book.asks)];
  }

  /** Every order of an instrument that waits to be triggered, by age. */
  waitingOrders(instrumentNumber: number): WaitingOrder[] {
    const book = this.shard.books.get(instrumentNumber);
    return book === undefined ? [] : waitingOrdersOf(this.shard.life, book);
  }

  /** Rules of every instrument, in the order in which they came. */
  instruments(): InstrumentRules[] {
    return Array.from(this.shard.books.values(), (book) => book.rules);
  }

  /** Slots that the shard owns, ascending. */
  ownedSlots(): number[] {
    return this.shard.slots.owned();
  }

  /** Generation of every slot that the shard owns. */
  slotGenerations(): Map<number, number> {
    const { slots } = this.shard;
    return new Map(slots.owned().map((slot) => [slot, slots.generationOf(slot)]));
  }

  /** Bytes of the tables that grow with orders and levels. */
  get byteLength(): number {
    return this.shard.life.resting.byteLength;
  }

  /** Whether a command or due work is interrupted (LOG-17): no snapshot is taken then. */
  get hasUnfinishedWork(): boolean {
    return this.shard.hasUnfinishedWork;
  }

  /** The whole state in canonical bytes (SNAP-1); between commands only. */
  snapshot(): Uint8Array {
    return takeSnapshot(this.shard);
  }

  snapshotPieces(): Iterable<Uint8Array> {
    return cutIntoPieces(this.snapshot());
  }

  beginRestore(): StateRestorer {
    return new PieceCollector((bytes) => this.restoreFrom(bytes));
  }

  /**
   * Fills a machine that has done nothing yet from a snapshot.
   *
   * @throws SnapshotError when the bytes are not a whole snapshot; the machine is of no use then
   */
  protected restoreFrom(bytes: Uint8Array): void {
    restoreSnapshot(this.shard, bytes);
  }

  /** Stops when anything breaks an invariant (MAT-5, MAT-6). Walks everything; for tests. */
  assertSound(): void {
    assertShardSound(this.shard);
  }

  #dispatch(command: MatchingCommand): MatchingOutcome {
    const commands = this.#commands;
    switch (command.kind) {
      case 'placeOrder':
        return commands.placeOrder(command as PlaceOrder);
      case 'cancelOrder':
        return commands.cancelOrder(command);
      case 'amendOrder':
        return commands.amendOrder(command);
      case 'placeOrderGroup':
        return commands.placeOrderGroup(command);
      case 'cancelOrderGroup':
        return commands.cancelOrderGroup(command);
      case 'cancelAllOrders':
        return commands.cancelAllOrders(command);
      case 'forbidOrder':
        return commands.forbidOrder(command);
      case 'setInstrument':
        return commands.setInstrument(command);
      case 'setInstrumentState':
        return commands.setInstrumentState(command);
      case 'retireInstrument':
        return commands.retireInstrument(command);
      case 'acquireSlots':
        return commands.acquireSlots(command);
      case 'moveSlot':
        return { kind: 'refused', refusal: { reason: 'SLOT_STEP_REFUSED' } };
      default:
        return assertNever(command);
    }
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
