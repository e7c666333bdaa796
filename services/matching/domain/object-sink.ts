// Events as objects: what tests, embedders and whoever wants to look at single events take.
import type { SlotEvent } from '../../lib/routing/slot-command.ts';
import type { Book } from './book.ts';
import type { MatchingEvent } from './event.ts';
import { ACCOUNT, type OrderStore, PLACEMENT, REMAINING, VERSION } from './order-store.ts';
import type {
  CancelReason,
  GroupType,
  InstrumentRules,
  InstrumentState,
  OrderTerms,
  RejectReason,
  SelfTradePrevention,
} from './rules.ts';
import type {
  Amended,
  AmendName,
  Emit,
  EventForm,
  Fill,
  OrderName,
  PlainAmended,
  Trigger,
  Uncross,
} from './sink.ts';

/** Numbers events and hands them on as objects. */
export class ObjectSink implements EventForm<MatchingEvent> {
  count = 0;
  protected readonly orders: OrderStore;
  #emit: Emit<MatchingEvent> = () => undefined;

  constructor(orders: OrderStore) {
    this.orders = orders;
  }

  /** Begins a step whose events go to `emit`. */
  begin(emit: Emit<MatchingEvent>): void {
    if (this.#emit !== emit) this.#emit = emit;
    this.count = 0;
  }

  /** @param groupPlacement placement of the group that the order belongs to; 0 when to none */
  orderAccepted(book: Book, name: OrderName, terms: OrderTerms, groupPlacement = 0): void {
    this.send({
      kind: 'orderAccepted',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: name.accountNumber,
      placement: name.placement,
      terms,
      groupPlacement,
    });
  }

  plainAccepted(book: Book, name: OrderName, terms: OrderTerms): void {
    this.orderAccepted(book, name, terms);
  }

  plainRemainder(book: Book, name: OrderName, canceledUnits: number): void {
    this.send({
      kind: 'orderCanceled',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: name.accountNumber,
      placement: name.placement,
      reason: 'IOC_REMAINDER',
      canceledUnits,
      version: 1,
    });
  }

  plainAmended(book: Book, name: OrderName, amended: PlainAmended): void {
    this.orderAmended(book, name, { ...amended, amendHoldId: '' });
  }

  orderGroupAccepted(
    book: Book,
    name: OrderName,
    groupType: GroupType,
    legs: readonly OrderTerms[],
  ): void {
    this.send({
      kind: 'orderGroupAccepted',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: name.accountNumber,
      placement: name.placement,
      groupType,
      legs,
    });
  }

  orderRejected(book: Book, name: OrderName, reason: RejectReason): void {
    this.send({
      kind: 'orderRejected',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: name.accountNumber,
      placement: name.placement,
      reason,
    });
  }

  /** A trade, after both orders have been reduced by it. */
  traded(book: Book, maker: number, taker: number, fill: Fill): void {
    const { words, floats } = this.orders;
    this.send({
      kind: 'traded',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      priceUnits: fill.priceUnits,
      quantityUnits: fill.quantityUnits,
      aggressorSide: fill.aggressorSide,
      sameOwner: fill.sameOwner,
      maker: {
        accountNumber: (words[maker + ACCOUNT] as number) >>> 0,
        placement: floats[(maker >>> 1) + PLACEMENT] as number,
        remainingUnits: floats[(maker >>> 1) + REMAINING] as number,
        unspentUnits: 0n,
        feeUnits: feeOf(fill.makerFeeUnits),
      },
      taker: {
        accountNumber: (words[taker + ACCOUNT] as number) >>> 0,
        placement: floats[(taker >>> 1) + PLACEMENT] as number,
        remainingUnits: floats[(taker >>> 1) + REMAINING] as number,
        unspentUnits: fill.unspentUnits,
        feeUnits: feeOf(fill.takerFeeUnits),
      },
    });
  }

  matchPrevented(
    book: Book,
    maker: number,
    taker: number,
    prevention: { readonly mode: SelfTradePrevention; readonly decrementedUnits: number },
  ): void {
    const { words, floats } = this.orders;
    this.send({
      kind: 'matchPrevented',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      makerAccountNumber: (words[maker + ACCOUNT] as number) >>> 0,
      makerPlacement: floats[(maker >>> 1) + PLACEMENT] as number,
      takerAccountNumber: (words[taker + ACCOUNT] as number) >>> 0,
      takerPlacement: floats[(taker >>> 1) + PLACEMENT] as number,
      mode: prevention.mode,
      decrementedUnits: prevention.decrementedUnits,
    });
  }

  orderCanceled(book: Book, order: number, reason: CancelReason, canceledUnits: number): void {
    const { words, floats } = this.orders;
    this.send({
      kind: 'orderCanceled',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: (words[order + ACCOUNT] as number) >>> 0,
      placement: floats[(order >>> 1) + PLACEMENT] as number,
      reason,
      canceledUnits,
      version: words[order + VERSION] as number,
    });
  }

  orderExpired(book: Book, order: number, expiredUnits: number): void {
    const { words, floats } = this.orders;
    this.send({
      kind: 'orderExpired',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: (words[order + ACCOUNT] as number) >>> 0,
      placement: floats[(order >>> 1) + PLACEMENT] as number,
      expiredUnits,
      version: words[order + VERSION] as number,
    });
  }

  orderTriggered(book: Book, order: number, trigger: Trigger): void {
    const { words, floats } = this.orders;
    this.send({
      kind: 'orderTriggered',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: (words[order + ACCOUNT] as number) >>> 0,
      placement: floats[(order >>> 1) + PLACEMENT] as number,
      stopPriceUnits: trigger.stopPriceUnits,
      lastPriceUnits: trigger.lastPriceUnits,
      priceUnits: trigger.priceUnits,
    });
  }

  orderFilled(book: Book, order: number, unspentUnits: bigint): void {
    const { words, floats } = this.orders;
    this.send({
      kind: 'orderFilled',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: (words[order + ACCOUNT] as number) >>> 0,
      placement: floats[(order >>> 1) + PLACEMENT] as number,
      unspentUnits,
    });
  }

  orderAmended(book: Book, name: OrderName, amended: Amended): void {
    this.send({
      kind: 'orderAmended',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: name.accountNumber,
      placement: name.placement,
      version: amended.version,
      quantityUnits: amended.quantityUnits,
      remainingUnits: amended.remainingUnits,
      priceUnits: amended.priceUnits,
      stopPriceUnits: amended.stopPriceUnits ?? 0,
      displayUnits: amended.displayUnits ?? 0,
      expireTimeUs: amended.expireTimeUs ?? 0,
      placeKept: amended.placeKept,
      amendHoldId: amended.amendHoldId,
    });
  }

  amendRejected(book: Book, name: AmendName, reason: RejectReason): void {
    this.send({
      kind: 'amendRejected',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: name.accountNumber,
      placement: name.placement,
      reason,
      amendHoldId: name.amendHoldId,
    });
  }

  cancelRejected(book: Book, name: OrderName, reason: RejectReason): void {
    this.send({
      kind: 'cancelRejected',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: name.accountNumber,
      placement: name.placement,
      reason,
    });
  }

  orderForbidden(book: Book, name: AmendName): void {
    this.send({
      kind: 'orderForbidden',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: name.accountNumber,
      placement: name.placement,
      amendHoldId: name.amendHoldId,
    });
  }

  forbidRefused(book: Book, name: AmendName): void {
    this.send({
      kind: 'forbidRefused',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber: name.accountNumber,
      placement: name.placement,
      amendHoldId: name.amendHoldId,
      open: true,
    });
  }

  ordersCanceled(
    book: Book,
    accountNumber: number,
    canceledCount: number,
    reason: CancelReason = 'MASS',
    comment = '',
  ): void {
    this.send({
      kind: 'ordersCanceled',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      accountNumber,
      canceledCount,
      reason,
      comment,
    });
  }

  instrumentSet(book: Book, rules: InstrumentRules, state: InstrumentState): void {
    this.send({
      kind: 'instrumentSet',
      instrumentNumber: rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      rules,
      state,
    });
  }

  /** @param auctionEndTimeUs when an auction ends; 0 for every other state */
  instrumentStateChanged(
    book: Book,
    state: InstrumentState,
    comment: string,
    auctionEndTimeUs = 0,
  ): void {
    this.send({
      kind: 'instrumentStateChanged',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      state,
      comment,
      auctionEndTimeUs,
    });
  }

  /** What was crossed has traded; its trades stand before this event (STA-2). */
  uncrossed(book: Book, uncross: Uncross): void {
    this.send({
      kind: 'uncrossed',
      instrumentNumber: book.rules.instrumentNumber,
      instrumentSequence: book.nextSequence(),
      priceUnits: uncross.priceUnits,
      volumeUnits: uncross.volumeUnits,
      surplusUnits: uncross.surplusUnits,
      surplusSide: uncross.surplusSide,
    });
  }

  slotsAcquired(slots: readonly number[], generation: number): void {
    this.send({
      kind: 'slotsAcquired',
      instrumentNumber: 0,
      instrumentSequence: 0,
      slots,
      generation,
    });
  }

  slotMoved(move: SlotEvent): void {
    this.send({ kind: 'slotMoved', instrumentNumber: 0, instrumentSequence: 0, move });
  }

  drop(): void {}

  /** Takes an event that has its number. */
  protected send(event: MatchingEvent): void {
    this.count += 1;
    this.#emit(event);
  }
}

function feeOf(units: number | bigint): bigint {
  return units === 0 ? 0n : BigInt(units);
}
