// The state machine of a matching shard: commands in, events out, nothing else (LOG-8). This file
// says which duties a command has and in which order; the rules themselves stand beside it.
import { assert, assertDefined, assertNever } from '../../lib/base/assert.ts';
import { SLOT_COUNT, slotOf } from '../../lib/routing/slot.ts';
import { checkRules } from '../../lib/rules/check-rules.ts';
import type {
  CommandContext,
  Outcome,
  ProceedContext,
  StateMachine,
} from '../../lib/shard/state-machine.ts';
import {
  amendInPlace,
  amendmentOf,
  beginArrival,
  checkAmendment,
  isEnding,
  keepsPlace,
} from './amending.ts';
import { Arriving } from './arriving.ts';
import { Book } from './book.ts';
import type {
  AcquireSlots,
  AmendOrder,
  CancelAllOrders,
  CancelOrder,
  ForbidOrder,
  MatchingCommand,
  PlaceOrder,
  SetInstrument,
  SetInstrumentState,
} from './command.ts';
import type { Cursor } from './cursor.ts';
import type { MatchingEvent } from './event.ts';
import { Forbids } from './forbids.ts';
import { type Incoming, makeIncoming } from './incoming.ts';
import { DEFAULT_LIMITS, type MatchingLimits } from './limits.ts';
import { type MassCancel, proceedMassCancel } from './mass-cancel.ts';
import { ObjectSink } from './object-sink.ts';
import { type OrderStore, REMAINING, VERSION } from './order-store.ts';
import { acceptedTerms, beginPlacement, checkPlacement } from './placing.ts';
import { RestingOrders } from './resting-orders.ts';
import type { InstrumentRules } from './rules.ts';
import type { Emit, EventForm } from './sink.ts';
import { SlotOwnership } from './slot-ownership.ts';
import { checksumOf } from './state-checksum.ts';
import { Trading } from './trading.ts';
import { assertBookSound, type BookView, type OpenOrder, openOrdersOf, viewBook } from './view.ts';

/** Commands are answered by their events alone. */
export type MatchingOutcome = Outcome<never>;

const DONE: MatchingOutcome = { kind: 'done' };
const UNFINISHED: MatchingOutcome = { kind: 'unfinished' };

/** The order books of one shard, with their events in the form `E`. */
export class BookMachine<E> implements StateMachine<MatchingCommand, E, never> {
  readonly formatVersion = 1;
  readonly #limits: MatchingLimits;
  readonly #resting = new RestingOrders();
  readonly #sink: EventForm<E>;
  readonly #arriving: Arriving;
  readonly #forbids = new Forbids();
  readonly #slots = new SlotOwnership();
  /** Books by instrument number, and in the order in which they came. */
  readonly #books = new Map<number, Book>();
  /** Work that a full step has interrupted (LOG-17). */
  #cursor: Cursor | undefined;
  /** The order that trades now; between commands only a cursor gives it a meaning. */
  #incoming: Incoming | undefined;

  constructor(limits: Partial<MatchingLimits>, makeSink: (orders: OrderStore) => EventForm<E>) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#sink = makeSink(this.#resting.orders);
    const trading = new Trading(this.#resting, this.#sink, this.#limits.eventsPerStep);
    this.#arriving = new Arriving(this.#resting, trading, this.#sink);
  }

  nextDueTimeUs(): number | undefined {
    return this.#forbids.nextDueTimeUs();
  }

  advance(logTimeUs: number): void {
    this.#forbids.forgetDue(logTimeUs);
  }

  apply(command: MatchingCommand, _context: CommandContext, emit: Emit<E>): MatchingOutcome {
    assert(this.#cursor === undefined, 'unfinished work goes before any command (LOG-17)');
    this.#sink.begin(emit);
    switch (command.kind) {
      case 'placeOrder':
        return this.#placeOrder(command);
      case 'cancelOrder':
        return this.#cancelOrder(command);
      case 'amendOrder':
        return this.#amendOrder(command);
      case 'cancelAllOrders':
        return this.#cancelAllOrders(command);
      case 'forbidOrder':
        return this.#forbidOrder(command);
      case 'setInstrument':
        return this.#setInstrument(command);
      case 'setInstrumentState':
        return this.#setInstrumentState(command);
      case 'acquireSlots':
        return this.#acquireSlots(command);
      default:
        return assertNever(command);
    }
  }

  proceed(_context: ProceedContext, emit: Emit<E>): MatchingOutcome {
    const cursor = assertDefined(this.#cursor, 'there is unfinished work');
    this.#sink.begin(emit);
    const isDone =
      cursor.kind === 'arrival'
        ? this.#arriving.proceed(cursor.incoming)
        : proceedMassCancel(cursor.massCancel, this.#resting, this.#sink, this.#limits);
    if (!isDone) return UNFINISHED;
    this.#cursor = undefined;
    return DONE;
  }

  stateChecksum(): string {
    return checksumOf({
      resting: this.#resting,
      books: this.#books.values(),
      slots: this.#slots,
      forbids: this.#forbids,
      cursor: this.#cursor,
    });
  }

  /** The best `depth` levels of an instrument; undefined when this shard does not know it. */
  viewBook(instrumentNumber: number, depth: number): BookView | undefined {
    const book = this.#books.get(instrumentNumber);
    return book === undefined ? undefined : viewBook(this.#resting, book, depth);
  }

  /** Every resting order of an instrument: bids, then asks, each in price-time priority. */
  openOrders(instrumentNumber: number): OpenOrder[] {
    const book = this.#books.get(instrumentNumber);
    if (book === undefined) return [];
    return [...openOrdersOf(this.#resting, book.bids), ...openOrdersOf(this.#resting, book.asks)];
  }

  /** Rules of every instrument, in the order in which they came. */
  instruments(): InstrumentRules[] {
    return Array.from(this.#books.values(), (book) => book.rules);
  }

  /** Slots that the shard owns, ascending. */
  ownedSlots(): number[] {
    return this.#slots.owned();
  }

  /** Generation of every slot that the shard owns. */
  slotGenerations(): Map<number, number> {
    return new Map(this.ownedSlots().map((slot) => [slot, this.#slots.generationOf(slot)]));
  }

  /** Bytes of the tables that grow with orders and levels. */
  get byteLength(): number {
    return this.#resting.byteLength;
  }

  /** Stops when a book breaks an invariant (MAT-5, MAT-6). Walks everything; for tests. */
  assertSound(): void {
    for (const book of this.#books.values()) assertBookSound(this.#resting, book);
  }

  /** The book of an instrument that this shard owns; undefined otherwise. */
  #findBook(instrumentNumber: number): Book | undefined {
    const book = this.#books.get(instrumentNumber);
    return book !== undefined && this.#slots.owns(book.slot) ? book : undefined;
  }

  #placeOrder(command: PlaceOrder): MatchingOutcome {
    const book = this.#findBook(command.terms.instrumentNumber);
    if (book === undefined) return wrongShard(command.terms.instrumentNumber);
    const { accountNumber, placement } = command;
    if (this.#forbids.has({ accountNumber, placement, amendHoldId: '' })) {
      this.#sink.orderRejected(book, command, 'NOT_DELIVERED');
      return DONE;
    }
    const problem = checkPlacement(this.#resting, this.#limits, book, command);
    if (problem?.kind === 'refused') return refused(problem.reason);
    if (problem?.kind === 'rejected') {
      this.#sink.orderRejected(book, command, problem.reason);
      return DONE;
    }

    // From here on it must succeed.
    const terms = acceptedTerms(book, command.terms);
    this.#sink.orderAccepted(book, command, terms);
    this.#incoming ??= makeIncoming(book);
    beginPlacement(this.#resting, this.#incoming, book, command, terms);
    return this.#arrive(this.#incoming);
  }

  #arrive(incoming: Incoming): MatchingOutcome {
    if (this.#arriving.begin(incoming)) return DONE;
    this.#cursor = { kind: 'arrival', incoming };
    return UNFINISHED;
  }

  #cancelOrder(command: CancelOrder): MatchingOutcome {
    const book = this.#findBook(command.instrumentNumber);
    if (book === undefined) return wrongShard(command.instrumentNumber);
    const order = this.#findOrder(book, command);
    if (order === 0) {
      this.#sink.cancelRejected(book, command, 'ORDER_UNKNOWN');
      return DONE;
    }
    const open = this.#resting.orders.floats[(order >>> 1) + REMAINING] as number;
    this.#sink.orderCanceled(book, order, 'OWNER', open);
    this.#resting.end(this.#resting.sideOf(book, order), order);
    return DONE;
  }

  #amendOrder(command: AmendOrder): MatchingOutcome {
    const book = this.#findBook(command.instrumentNumber);
    if (book === undefined) return wrongShard(command.instrumentNumber);
    if (!hasForm(command.quantityUnits) || !hasForm(command.priceUnits)) {
      return refused('NUMBER_OUT_OF_RANGE');
    }
    if (command.amendHoldId !== '' && this.#forbids.has(command)) {
      this.#sink.amendRejected(book, command, 'NOT_DELIVERED');
      return DONE;
    }
    const order = this.#findOrder(book, command);
    if (order === 0) {
      this.#sink.amendRejected(book, command, 'ORDER_UNKNOWN');
      return DONE;
    }
    const amendment = amendmentOf(this.#resting, command, order);
    const problem = checkAmendment(this.#resting, book, command, amendment);
    if (problem !== undefined) {
      this.#sink.amendRejected(book, command, problem);
      return DONE;
    }

    // From here on it must succeed.
    const side = this.#resting.sideOf(book, order);
    const ends = isEnding(amendment);
    const placeKept = keepsPlace(amendment);
    this.#sink.orderAmended(book, command, {
      version: (this.#resting.orders.words[order + VERSION] as number) + 1,
      quantityUnits: ends ? amendment.filledUnits : amendment.quantityUnits,
      remainingUnits: ends ? 0 : amendment.quantityUnits - amendment.filledUnits,
      priceUnits: ends ? amendment.priceBefore : amendment.priceUnits,
      placeKept: ends || placeKept,
      amendHoldId: command.amendHoldId,
    });
    if (ends) this.#resting.end(side, order);
    else if (placeKept) amendInPlace(this.#resting, book, amendment);
    else {
      this.#incoming ??= makeIncoming(book);
      beginArrival(this.#resting, this.#incoming, book, amendment);
      return this.#arrive(this.#incoming);
    }
    return DONE;
  }

  #cancelAllOrders(command: CancelAllOrders): MatchingOutcome {
    const book = this.#findBook(command.instrumentNumber);
    if (book === undefined) return wrongShard(command.instrumentNumber);
    const { accountNumber, side } = command;
    const nextOrder = this.#resting.holders.oldest(accountNumber, command.instrumentNumber);
    const massCancel: MassCancel = { book, accountNumber, side, nextOrder, canceledCount: 0 };
    if (proceedMassCancel(massCancel, this.#resting, this.#sink, this.#limits)) return DONE;
    this.#cursor = { kind: 'massCancel', massCancel };
    return UNFINISHED;
  }

  #forbidOrder(command: ForbidOrder): MatchingOutcome {
    const book = this.#findBook(command.instrumentNumber);
    if (book === undefined) return wrongShard(command.instrumentNumber);
    if (command.amendHoldId === '' && this.#findOrder(book, command) !== 0) {
      this.#sink.forbidRefused(book, command);
      return DONE;
    }
    if (this.#forbids.count >= this.#limits.forbids && !this.#forbids.has(command)) {
      return refused('SHARD_OVERLOADED');
    }
    this.#forbids.add(command, command.forbiddenValidUntilUs);
    this.#sink.orderForbidden(book, command);
    return DONE;
  }

  #setInstrument(command: SetInstrument): MatchingOutcome {
    const { rules } = command;
    const slot = slotOf(rules.instrumentId);
    if (!this.#slots.owns(slot)) return wrongShard(rules.instrumentNumber);
    const problem = checkRules(rules);
    if (problem !== undefined) return refused(problem.reason, { field: problem.field });
    const book = this.#books.get(rules.instrumentNumber);
    if (book === undefined) {
      const place = { slot, bookNumber: this.#books.size };
      const made = new Book(rules, command.initialState, place, this.#resting.stores);
      this.#books.set(rules.instrumentNumber, made);
      this.#sink.instrumentSet(made, rules, made.state);
      return DONE;
    }
    if (!isSameForLife(book.rules, rules)) return refused('ALREADY_EXISTS');
    if (rules.version <= book.rules.version) return DONE;
    book.rules = rules;
    this.#sink.instrumentSet(book, rules, book.state);
    return DONE;
  }

  #setInstrumentState(command: SetInstrumentState): MatchingOutcome {
    const book = this.#findBook(command.instrumentNumber);
    if (book === undefined) return wrongShard(command.instrumentNumber);
    book.state = command.state;
    this.#sink.instrumentStateChanged(book, command.state, command.comment);
    return DONE;
  }

  /** Slots already seen in this or a higher generation stay as they are: it may be repeated. */
  #acquireSlots(command: AcquireSlots): MatchingOutcome {
    const { slots, generation } = command;
    const isForm = slots.every((slot) => Number.isSafeInteger(slot) && slot >= 0);
    if (!isForm || slots.some((slot) => slot >= SLOT_COUNT) || !(generation >= 1)) {
      return refused('NUMBER_OUT_OF_RANGE');
    }
    const acquired = slots.filter((slot) => this.#slots.generationOf(slot) < generation);
    if (acquired.length === 0) return DONE;
    for (const slot of acquired) this.#slots.acquire(slot, generation);
    this.#sink.slotsAcquired(acquired, generation);
    return DONE;
  }

  /** Handle of an open order of this instrument; 0 when there is none. */
  #findOrder(
    book: Book,
    name: { readonly accountNumber: number; readonly placement: number },
  ): number {
    const order = this.#resting.index.find(name.accountNumber, name.placement);
    if (order === 0) return 0;
    return this.#resting.isOf(book, order) ? order : 0;
  }
}

/** The order books of one shard, with events as objects. */
export class MatchingMachine extends BookMachine<MatchingEvent> {
  constructor(limits: Partial<MatchingLimits> = {}) {
    super(limits, (orders) => new ObjectSink(orders));
  }
}

function refused(reason: string, detail?: Readonly<Record<string, string>>): MatchingOutcome {
  return { kind: 'refused', refusal: detail === undefined ? { reason } : { reason, detail } };
}

function wrongShard(instrumentNumber: number): MatchingOutcome {
  return refused('WRONG_SHARD', { instrument_number: String(instrumentNumber) });
}

function hasForm(units: number | undefined): boolean {
  return units === undefined || (Number.isSafeInteger(units) && units > 0);
}

/** What an instrument keeps for life (REF-1). */
function isSameForLife(before: InstrumentRules, after: InstrumentRules): boolean {
  return (
    before.instrumentId === after.instrumentId &&
    before.baseAssetNumber === after.baseAssetNumber &&
    before.quoteAssetNumber === after.quoteAssetNumber &&
    before.notionalFactor === after.notionalFactor &&
    before.baseFactor === after.baseFactor
  );
}
