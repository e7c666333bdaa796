// What each command of a matching shard does: decide first, then act (LOG-8). A rejection is an
// event; a refusal has none and changes nothing.
import { slotOf } from '../../lib/routing/slot.ts';
import { checkRules } from '../../lib/rules/check-rules.ts';
import { isWaitingType } from '../../lib/rules/order-types.ts';
import type { Outcome } from '../../lib/shard/state-machine.ts';
import { checkAmendment } from './amend-checks.ts';
import { amendInPlace, amendWaiting, beginArrival } from './amending.ts';
import { type Amendment, isEnding, keepsPlace, makeAmendment, setAmendment } from './amendment.ts';
import { Book } from './book.ts';
import type {
  AmendOrder,
  CancelAllOrders,
  CancelOrder,
  CancelOrderGroup,
  ForbidOrder,
  PlaceOrder,
  PlaceOrderGroup,
  RetireInstrument,
  SetInstrument,
  SetInstrumentState,
} from './command.ts';
import { decideGroup, legName, makeGroup, openLegsOf, promiseRoom } from './group-placing.ts';
import * as orderFields from './order-store.ts';
import {
  acceptedTerms,
  beginPlacement,
  checkPlacement,
  isOrderName,
  makeExtras,
  makeRecord,
  type PlacingProblem,
  usesExtras,
} from './placing.ts';
import { PlainPath } from './plain-path.ts';
import type { CancelReason, InstrumentRules } from './rules.ts';
import type { Shard } from './shard.ts';
import type { OrderName } from './sink.ts';
import { decideState, isState } from './state-change.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { VERSION } = orderFields;

type MatchingOutcome = Outcome<never>;

const DONE: MatchingOutcome = { kind: 'done' };

const MASS_REASONS: readonly CancelReason[] = ['MASS', 'DEAD_MAN_SWITCH', 'OPERATOR'];

/** The commands about the instruments of one slot. */
export class Commands {
  readonly #shard: Shard;
  /** Reused for every amend. */
  readonly #amendment: Amendment = makeAmendment();
  readonly #plain: PlainPath;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#plain = new PlainPath(shard.context, shard.sink);
  }

  placeOrder(command: PlaceOrder): MatchingOutcome {
    const { terms } = command;
    const { life, sink, forbids, work } = this.#shard;
    const book = this.#shard.findBook(terms.instrumentNumber);
    if (book === undefined) return wrongShard(terms.instrumentNumber);
    if (forbids.count === 0) {
      const placed = this.#plain.place(book, command);
      if (placed === 'done') return DONE;
      if (placed === 'meets') return this.#placePlain(book, command);
    }
    if (!isOrderName(command)) return refused('NUMBER_OUT_OF_RANGE');
    if (forbids.count > 0 && forbids.has(placementName(command))) {
      sink.orderRejected(book, command, 'NOT_DELIVERED');
      return DONE;
    }
    const problem = checkPlacement(this.#shard.context, book, command, terms);
    if (problem !== undefined) return this.#rejectOrder(book, command, problem);

    // From here on it must succeed.
    const accepted = acceptedTerms(book, terms);
    sink.orderAccepted(book, command, accepted);
    const order = makeRecord(life, command, accepted);
    const extras = usesExtras(accepted)
      ? makeExtras(life, book, order, command, accepted)
      : undefined;
    if (extras !== undefined && isWaitingType(extras.type)) {
      life.wait(extras);
      return book.unsettled.isEmpty ? DONE : work.settle(book);
    }
    const incoming = work.incomingOf(book);
    beginPlacement(incoming, book, order, accepted);
    incoming.extras = extras;
    return this.#arrive(book);
  }

  /** An accepted plain order that meets somebody (MAT-3). */
  #placePlain(book: Book, command: PlaceOrder): MatchingOutcome {
    const { terms } = command;
    const { life, sink, work } = this.#shard;
    sink.orderAccepted(book, command, terms);
    const order = makeRecord(life, command, terms);
    beginPlacement(work.incomingOf(book), book, order, terms);
    return this.#arrive(book);
  }

  /** The incoming order arrives, and the book comes to quiet. */
  #arrive(book: Book): MatchingOutcome {
    const { work, arriving } = this.#shard;
    if (arriving.begin(work.incomingOf(book))) {
      return book.unsettled.isEmpty ? DONE : work.settle(book);
    }
    return work.interrupt(book);
  }

  #rejectOrder(book: Book, name: OrderName, problem: PlacingProblem): MatchingOutcome {
    if (problem.kind === 'refused') return refused(problem.reason);
    this.#shard.sink.orderRejected(book, name, problem.reason);
    return DONE;
  }

  placeOrderGroup(command: PlaceOrderGroup): MatchingOutcome {
    const { sink, forbids, work } = this.#shard;
    const instrumentNumber = command.legs[0]?.instrumentNumber ?? 0;
    const book = this.#shard.findBook(instrumentNumber);
    if (book === undefined) return wrongShard(instrumentNumber);
    const decision = decideGroup(this.#shard.context, forbids, book, command);
    if (decision.kind === 'refused') return refused(decision.reason);
    if (decision.kind === 'rejected') {
      for (const [leg, reason] of decision.reasons.entries()) {
        sink.orderRejected(book, legName(command, leg), reason);
      }
      return DONE;
    }

    // From here on it must succeed.
    const { legs } = command;
    sink.orderGroupAccepted(book, command, command.groupType, legs);
    const group = makeGroup(command);
    const entered = command.groupType === 'OCO' ? legs : legs.slice(0, 1);
    const made = entered.map((terms, leg) => {
      const name = legName(command, leg);
      const accepted = acceptedTerms(book, terms);
      sink.orderAccepted(book, name, accepted, command.placement);
      const order = makeRecord(this.#shard.life, name, accepted);
      const extras = makeExtras(this.#shard.life, book, order, name, accepted);
      extras.group = group;
      return { extras, accepted };
    });
    if (command.groupType === 'OCO') {
      group.legs = made.map(({ extras }) => extras);
      for (const { extras } of made) book.unsettled.addLeg(extras);
      return work.settle(book);
    }
    const [entry] = made;
    if (entry === undefined) return DONE;
    group.entry = entry.extras;
    promiseRoom(book, group);
    if (isWaitingType(entry.extras.type)) {
      this.#shard.life.wait(entry.extras);
      return work.settle(book);
    }
    const incoming = work.incomingOf(book);
    beginPlacement(incoming, book, entry.extras.order, entry.accepted);
    incoming.extras = entry.extras;
    return this.#arrive(book);
  }

  cancelOrderGroup(command: CancelOrderGroup): MatchingOutcome {
    const { life, sink, work } = this.#shard;
    const book = this.#shard.findBook(command.instrumentNumber);
    if (book === undefined) return wrongShard(command.instrumentNumber);
    if (!isOrderName(command)) return refused('NUMBER_OUT_OF_RANGE');
    const open = openLegsOf(life, book, command);
    if (open.length === 0) {
      sink.cancelRejected(book, command, 'ORDER_UNKNOWN');
      return DONE;
    }
    for (const order of open) life.cancel(book, order, 'GROUP');
    return work.settle(book);
  }

  cancelOrder(command: CancelOrder): MatchingOutcome {
    const { life, sink, work } = this.#shard;
    const book = this.#shard.findBook(command.instrumentNumber);
    if (book === undefined) return wrongShard(command.instrumentNumber);
    if (this.#plain.cancel(book, command)) return DONE;
    if (!isOrderName(command)) return refused('NUMBER_OUT_OF_RANGE');
    const order = this.#findOrder(book, command);
    if (order === 0) {
      sink.cancelRejected(book, command, 'ORDER_UNKNOWN');
      return DONE;
    }
    life.cancel(book, order, 'OWNER');
    return book.unsettled.isEmpty ? DONE : work.settle(book);
  }

  amendOrder(command: AmendOrder): MatchingOutcome {
    const { life, sink, forbids } = this.#shard;
    const book = this.#shard.findBook(command.instrumentNumber);
    if (book === undefined) return wrongShard(command.instrumentNumber);
    if (this.#plain.amend(book, command)) return DONE;
    if (!isOrderName(command)) return refused('NUMBER_OUT_OF_RANGE');
    if (forbids.count > 0 && command.amendHoldId !== '' && forbids.has(command)) {
      sink.amendRejected(book, command, 'NOT_DELIVERED');
      return DONE;
    }
    const order = this.#findOrder(book, command);
    if (order === 0) {
      sink.amendRejected(book, command, 'ORDER_UNKNOWN');
      return DONE;
    }
    const amendment = this.#amendment;
    setAmendment(amendment, life, command, order);
    const { logTimeUs } = this.#shard.context;
    const problem = checkAmendment(life, book, command, amendment, logTimeUs);
    if (problem?.kind === 'refused') return refused(problem.reason);
    if (problem !== undefined) {
      sink.amendRejected(book, command, problem.reason);
      return DONE;
    }
    return this.#amend(book, command, amendment);
  }

  /** A good amend: from here on it must succeed. */
  #amend(book: Book, command: AmendOrder, amendment: Amendment): MatchingOutcome {
    const { life, sink, work } = this.#shard;
    const { order, extras } = amendment;
    const ends = isEnding(amendment);
    const placeKept = ends || keepsPlace(amendment);
    sink.orderAmended(book, command, {
      version: (life.resting.orders.words[order + VERSION] as number) + 1,
      quantityUnits: ends ? amendment.filledUnits : amendment.quantityUnits,
      remainingUnits: ends ? 0 : amendment.quantityUnits - amendment.filledUnits,
      priceUnits: ends ? amendment.priceBefore : amendment.priceUnits,
      stopPriceUnits: ends ? amendment.stopBefore : amendment.stopPriceUnits,
      displayUnits: ends ? amendment.displayBefore : amendment.displayUnits,
      expireTimeUs: ends ? amendment.expireBeforeUs : amendment.expireTimeUs,
      placeKept,
      amendHoldId: command.amendHoldId,
    });
    if (ends) life.endAmended(book, order);
    else if (amendment.isWaiting && extras !== undefined) amendWaiting(life, amendment, extras);
    else if (placeKept) amendInPlace(life, book, amendment);
    else {
      beginArrival(work.incomingOf(book), life, book, amendment);
      return this.#arrive(book);
    }
    return book.unsettled.isEmpty ? DONE : work.settle(book);
  }

  cancelAllOrders(command: CancelAllOrders): MatchingOutcome {
    const { work, massCanceling } = this.#shard;
    const book = this.#shard.findBook(command.instrumentNumber);
    if (book === undefined) return wrongShard(command.instrumentNumber);
    const { accountNumber, side, reason, comment } = command;
    if (accountNumber >>> 0 !== accountNumber) return refused('NUMBER_OUT_OF_RANGE');
    const isSide = side === undefined || side === 'BUY' || side === 'SELL';
    if (!isSide || !MASS_REASONS.includes(reason)) return refused('FIELDS_CONFLICT');
    const asked = { accountNumber, side, reason, comment, retires: false };
    return work.begin(book, massCanceling.begin(book, asked));
  }

  retireInstrument(command: RetireInstrument): MatchingOutcome {
    const { work, massCanceling } = this.#shard;
    const book = this.#shard.findBook(command.instrumentNumber);
    if (book === undefined) return wrongShard(command.instrumentNumber);
    if (book.state === 'RETIRED') return DONE;
    const reason = 'INSTRUMENT_RETIRED' as const;
    const { comment } = command;
    const asked = { accountNumber: 0, side: undefined, reason, comment, retires: true };
    return work.begin(book, massCanceling.begin(book, asked));
  }

  forbidOrder(command: ForbidOrder): MatchingOutcome {
    const { sink, forbids, limits } = this.#shard;
    const book = this.#shard.findBook(command.instrumentNumber);
    if (book === undefined) return wrongShard(command.instrumentNumber);
    const untilUs = command.forbiddenValidUntilUs;
    if (!isOrderName(command) || !Number.isSafeInteger(untilUs) || untilUs < 0) {
      return refused('NUMBER_OUT_OF_RANGE');
    }
    if (command.amendHoldId === '' && this.#findOrder(book, command) !== 0) {
      sink.forbidRefused(book, command);
      return DONE;
    }
    if (forbids.countInShard >= limits.forbids && !forbids.has(command)) {
      return refused('SHARD_OVERLOADED');
    }
    forbids.add(command, untilUs);
    sink.orderForbidden(book, command);
    return DONE;
  }

  setInstrument(command: SetInstrument): MatchingOutcome {
    const { rules, initialState } = command;
    const { books, sink, life } = this.#shard;
    if (typeof rules.instrumentId !== 'string') return refused('FIELD_REQUIRED');
    const slot = slotOf(rules.instrumentId);
    const problem = checkRules(rules);
    if (problem !== undefined) return refused(problem.reason, { field: problem.field });
    const book = books.get(rules.instrumentNumber);
    if (book === undefined) {
      // An auction has an end and a retired instrument had a life: both come by command.
      const isInitial = initialState !== 'AUCTION' && initialState !== 'RETIRED';
      if (!isInitial || !isState(initialState)) return refused('INSTRUMENT_STATE');
      // An id has one number for life: the slot is the id's, so that it would be known here.
      for (const { rules: known } of books.values()) {
        if (known.instrumentId === rules.instrumentId) return refused('ALREADY_EXISTS');
      }
      const place = { slot, bookNumber: books.size };
      const made = new Book(rules, initialState, place, life.resting.stores);
      books.set(rules.instrumentNumber, made);
      life.books.push(made);
      sink.instrumentSet(made, rules, made.state);
      return DONE;
    }
    if (!isSameForLife(book.rules, rules)) return refused('ALREADY_EXISTS');
    if (book.state === 'RETIRED') return refused('INSTRUMENT_STATE');
    if (rules.version <= book.rules.version) return DONE;
    book.setRules(rules);
    sink.instrumentSet(book, rules, book.state);
    return DONE;
  }

  setInstrumentState(command: SetInstrumentState): MatchingOutcome {
    const book = this.#shard.findBook(command.instrumentNumber);
    if (book === undefined) return wrongShard(command.instrumentNumber);
    const decision = decideState(book, command, this.#shard.context.logTimeUs);
    if (decision.kind === 'refused') return refused(decision.reason);
    return decision.kind === 'same' ? DONE : this.#shard.work.begin(book, decision.change);
  }

  /** Handle of an open order of this instrument; 0 when there is none. */
  #findOrder(book: Book, name: OrderName): number {
    const { life } = this.#shard;
    const order = life.resting.index.find(name.accountNumber, name.placement);
    if (order === 0) return 0;
    const extras = life.extras.find(order);
    const isOfBook =
      extras === undefined ? life.resting.isOf(book, order) : extras.bookNumber === book.number;
    return isOfBook ? order : 0;
  }
}

function refused(reason: string, detail?: Readonly<Record<string, string>>): MatchingOutcome {
  return { kind: 'refused', refusal: detail === undefined ? { reason } : { reason, detail } };
}

function wrongShard(instrumentNumber: number): MatchingOutcome {
  return refused('WRONG_SHARD', { instrument_number: String(instrumentNumber) });
}

function placementName({ accountNumber, placement }: OrderName): OrderName & { amendHoldId: '' } {
  return { accountNumber, placement, amendHoldId: '' };
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
