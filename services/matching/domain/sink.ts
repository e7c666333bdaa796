// The one place where events leave the book: each is numbered in its instrument's own sequence
// and given to whoever takes the events of this step. What a sink takes are numbers and handles,
// so that one form makes objects of them and another writes bytes.

import type { SlotEvent } from '../../lib/routing/slot-command.ts';
import type { Book } from './book.ts';
import type {
  CancelReason,
  GroupType,
  InstrumentRules,
  InstrumentState,
  OrderTerms,
  RejectReason,
  SelfTradePrevention,
  Side,
} from './rules.ts';

/** Takes an event. */
export type Emit<E> = (event: E) => void;

/** Name of an order for events about one that has no record. */
export type OrderName = { readonly accountNumber: number; readonly placement: number };

/** Name of an amend: the order's, and the identity of its hold. */
export type AmendName = OrderName & { readonly amendHoldId: string };

/** What an amend made of an order. */
export type Amended = {
  readonly version: number;
  readonly quantityUnits: number;
  readonly remainingUnits: number;
  readonly priceUnits: number;
  readonly stopPriceUnits?: number;
  readonly displayUnits?: number;
  readonly expireTimeUs?: number;
  readonly placeKept: boolean;
  readonly amendHoldId: string;
};

/** As above, for a plain order and an amend without a hold of its own. */
export type PlainAmended = {
  version: number;
  quantityUnits: number;
  remainingUnits: number;
  priceUnits: number;
  placeKept: boolean;
};

/** What a trade came to, beside the two orders. */
export type Fill = {
  priceUnits: number;
  quantityUnits: number;
  /** Undefined in an uncross (STA-2). */
  aggressorSide: Side | undefined;
  sameOwner: boolean;
  makerFeeUnits: number | bigint;
  takerFeeUnits: number | bigint;
  /** Left of the incoming order's budget; 0n for an order by quantity. */
  unspentUnits: bigint;
};

/** What triggered a waiting order, and the price with which it arrives. */
export type Trigger = {
  readonly stopPriceUnits: number;
  readonly lastPriceUnits: number;
  readonly priceUnits: number;
};

/** What an uncross came to. */
export type Uncross = {
  readonly priceUnits: number;
  readonly volumeUnits: number;
  readonly surplusUnits: number;
  /** Undefined when nothing is left over. */
  readonly surplusSide: Side | undefined;
};

/** Takes the events of a shard's books. */
export interface EventSink {
  /** Events since the step began; what bounds a step (LOG-17). */
  readonly count: number;
  /** @param groupPlacement placement of the group that the order belongs to; 0 when to none */
  orderAccepted(book: Book, name: OrderName, terms: OrderTerms, groupPlacement?: number): void;
  /** As `orderAccepted`, for a plain limit order (plain-path.ts). */
  plainAccepted(book: Book, name: OrderName, terms: OrderTerms): void;
  /** The whole of a plain IOC order, just accepted, is canceled. */
  plainRemainder(book: Book, name: OrderName, canceledUnits: number): void;
  /** As `orderAmended`, for a plain order; the sink keeps nothing of what it is given. */
  plainAmended(book: Book, name: OrderName, amended: PlainAmended): void;
  orderGroupAccepted(
    book: Book,
    name: OrderName,
    groupType: GroupType,
    legs: readonly OrderTerms[],
  ): void;
  orderRejected(book: Book, name: OrderName, reason: RejectReason): void;
  /** A trade, after both orders have been reduced by it. */
  traded(book: Book, maker: number, taker: number, fill: Fill): void;
  matchPrevented(
    book: Book,
    maker: number,
    taker: number,
    prevention: { readonly mode: SelfTradePrevention; readonly decrementedUnits: number },
  ): void;
  orderCanceled(book: Book, order: number, reason: CancelReason, canceledUnits: number): void;
  orderExpired(book: Book, order: number, expiredUnits: number): void;
  orderTriggered(book: Book, order: number, trigger: Trigger): void;
  orderFilled(book: Book, order: number, unspentUnits: bigint): void;
  orderAmended(book: Book, name: OrderName, amended: Amended): void;
  amendRejected(book: Book, name: AmendName, reason: RejectReason): void;
  cancelRejected(book: Book, name: OrderName, reason: RejectReason): void;
  orderForbidden(book: Book, name: AmendName): void;
  forbidRefused(book: Book, name: AmendName): void;
  ordersCanceled(
    book: Book,
    accountNumber: number,
    canceledCount: number,
    reason?: CancelReason,
    comment?: string,
  ): void;
  instrumentSet(book: Book, rules: InstrumentRules, state: InstrumentState): void;
  /** @param auctionEndTimeUs when an auction ends; 0 for every other state */
  instrumentStateChanged(
    book: Book,
    state: InstrumentState,
    comment: string,
    auctionEndTimeUs?: number,
  ): void;
  /** What was crossed has traded; its trades stand before this event (STA-2). */
  uncrossed(book: Book, uncross: Uncross): void;
  slotsAcquired(slots: readonly number[], generation: number): void;
  slotMoved(move: SlotEvent): void;
}

/** A sink that hands on its events in the form `E`. */
export interface EventForm<E> extends EventSink {
  /** Begins a step whose events go to `emit`. */
  begin(emit: Emit<E>): void;
  /** Takes back what the step has left anywhere else than at `emit`. */
  drop(): void;
}
