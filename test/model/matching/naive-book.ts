// A book that is slow and plainly right: its orders lie in arrays, which are sorted before each
// match. This file is its state; the rules stand beside it, one file a chapter of the rulebook,
// and naive-machine.ts says which command follows which rules.

import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import type {
  CancelReason,
  InstrumentRules,
  InstrumentState,
  Side,
} from '../../../services/matching/domain/rules.ts';
import { type NaiveOrder, type OrderName, opposite, ownerOf } from './naive-order.ts';

type Placed<E> = E extends unknown ? Omit<E, 'instrumentNumber' | 'instrumentSequence'> : never;

/** An event before it has its place. */
export type Told = Placed<MatchingEvent>;

/** Bounds of the shard that a book can meet (MAT-7). */
export type NaiveLimits = {
  readonly ordersPerBook: number;
  readonly waitingPerBook: number;
  readonly trailingPerBook: number;
  readonly forbids: number;
};

/** Cancels that end an order only, never the other one of its OCO (TYP-7). */
const ALONE: readonly CancelReason[] = [
  'SELF_TRADE',
  'OCO',
  // These cover the other one as well.
  'MASS',
  'DEAD_MAN_SWITCH',
  'OPERATOR',
  'GROUP',
  'INSTRUMENT_RETIRED',
];

/** One instrument, its orders in arrays. */
export class NaiveBook {
  /** In the book. */
  orders: NaiveOrder[] = [];
  /** Outside of it, until they are triggered (TYP-3). */
  waiting: NaiveOrder[] = [];
  /** Legs of an OCO that are accepted and about to arrive. */
  arriving: NaiveOrder[] = [];
  /** Triggered, in the order in which they arrive. */
  queue: NaiveOrder[] = [];
  /** Prices of trades whose triggers have not been looked at. */
  prints: number[] = [];
  /** Entries of brackets that are final, whose exits are to appear. */
  endedEntries: NaiveOrder[] = [];
  /** Valid-until of what is forbidden, by name and hold. */
  readonly forbidden = new Map<string, number>();

  events: MatchingEvent[] = [];
  sequence = 0;
  /** Counts places and ages. */
  clock = 0;
  nowUs = 0;
  lastPriceUnits = 0;
  /** Last price whose triggers were looked at; 0 before the first. */
  checkedPriceUnits = 0;
  /** The static reference price (BND-1): the operator's or the last uncross's. */
  referencePriceUnits: number;
  auctionEndTimeUs = 0;
  stateAfterAuction: InstrumentState = 'CONTINUOUS';
  /** The state that CANCEL_ONLY was entered from. */
  stateBefore: InstrumentState = 'CONTINUOUS';

  rules: InstrumentRules;
  state: InstrumentState;
  readonly limits: NaiveLimits;

  constructor(rules: InstrumentRules, state: InstrumentState, limits: NaiveLimits) {
    this.rules = rules;
    this.state = state;
    this.limits = limits;
    this.referencePriceUnits = rules.referencePriceUnits;
  }

  emit(event: Told): void {
    this.sequence += 1;
    const { instrumentNumber } = this.rules;
    const place = { instrumentNumber, instrumentSequence: this.sequence };
    this.events.push({ ...event, ...place } as MatchingEvent);
  }

  /** The next place or age. */
  tick(): number {
    this.clock += 1;
    return this.clock;
  }

  /** Everything that is not final. */
  open(): NaiveOrder[] {
    return [...this.orders, ...this.waiting, ...this.arriving];
  }

  find({ accountNumber, placement }: OrderName): NaiveOrder | undefined {
    return this.open().find(
      (order) => order.placement === placement && order.accountNumber === accountNumber,
    );
  }

  /** Whether an order has this id, or an exit that may still appear is to have it. */
  isTaken(name: OrderName): boolean {
    return this.open().some((order) => {
      const last = order.placement + order.exits.length;
      if (order.accountNumber !== name.accountNumber) return false;
      return name.placement >= order.placement && name.placement <= last;
    });
  }

  /** Resting orders of a side, best first, at one price the earliest first (MAT-1). */
  sorted(side: Side): NaiveOrder[] {
    const sign = side === 'BUY' ? -1 : 1;
    return this.orders
      .filter((order) => order.terms.side === side)
      .sort((a, b) => sign * (a.priceUnits - b.priceUnits) || a.place - b.place);
  }

  /** The resting order that an order of this side would meet first. */
  firstAgainst(side: Side): NaiveOrder | undefined {
    return this.sorted(opposite(side))[0];
  }

  isOneOwner(a: NaiveOrder, b: NaiveOrder): boolean {
    return ownerOf(a) === ownerOf(b);
  }

  /** An order is final: it is nowhere any more, and a bracket's exits may appear. */
  finish(order: NaiveOrder): void {
    this.orders = this.orders.filter((other) => other !== order);
    this.waiting = this.waiting.filter((other) => other !== order);
    this.arriving = this.arriving.filter((other) => other !== order);
    if (order.exits.length > 0 && order.tradedUnits > 0) this.endedEntries.push(order);
  }

  cancel(order: NaiveOrder, reason: CancelReason): void {
    const { accountNumber, placement, remainingUnits: canceledUnits, version } = order;
    this.emit({ kind: 'orderCanceled', accountNumber, placement, reason, canceledUnits, version });
    this.finish(order);
    if (!ALONE.includes(reason)) this.endOther(order);
  }

  expire(order: NaiveOrder): void {
    const { accountNumber, placement, remainingUnits: expiredUnits, version } = order;
    this.emit({ kind: 'orderExpired', accountNumber, placement, expiredUnits, version });
    this.finish(order);
  }

  /** TYP-7: a fill, a trigger or a cancel of one order of an OCO ends the other. */
  endOther(order: NaiveOrder): void {
    if (order.groupType !== 'OCO') return;
    const other = this.open().find(
      (one) =>
        one !== order &&
        one.accountNumber === order.accountNumber &&
        one.groupPlacement === order.groupPlacement,
    );
    if (other !== undefined) this.cancel(other, 'OCO');
  }

  /** The same book once more: what happens to one leaves the other alone. */
  copy(): NaiveBook {
    return Object.assign(new NaiveBook(this.rules, this.state, this.limits), this, {
      forbidden: new Map(this.forbidden),
      events: [],
      orders: this.orders.map((order) => ({ ...order })),
      waiting: this.waiting.map((order) => ({ ...order })),
      arriving: this.arriving.map((order) => ({ ...order })),
      queue: this.queue.map((order) => ({ ...order })),
      prints: [...this.prints],
      endedEntries: [...this.endedEntries],
    });
  }
}
