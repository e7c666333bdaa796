// What an order has beside its record when it uses more than the plain fields: waiting, a time to
// end, a hidden part, a group. Plain orders have none of it and pay one bit in their flags.
import { assertDefined } from '../../lib/base/assert.ts';
import type { OrderStore } from './order-store.ts';
import * as orderFields from './order-store.ts';
import type { GroupType, OrderTerms, OrderType, Side, TimeInForce } from './rules.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { FLAGS, HAS_EXTRAS } = orderFields;

/** Where an order with extras is. */
export type OrderPlace =
  /** On its way to the book, or back to it after an amend. */
  | 'ARRIVING'
  | 'RESTING'
  /** Outside the book, until it is triggered (TYP-3). */
  | 'WAITING'
  /** Triggered; it arrives in its turn. */
  | 'QUEUED'
  | 'ENDED';

/** Orders that belong together (TYP-7). */
export class OrderGroup {
  readonly accountNumber: number;
  /** Placement of the group: that of its first leg. */
  readonly placement: number;
  readonly groupType: GroupType;
  /** A bracket's entry while it is open. */
  entry: OrderExtras | undefined;
  /** What a bracket's exits ask for; nothing once they have appeared. */
  exits: readonly OrderTerms[] = [];
  /** Orders of which one ends the other: an OCO's legs, a bracket's exits. */
  legs: readonly OrderExtras[] = [];

  constructor(accountNumber: number, placement: number, groupType: GroupType) {
    this.accountNumber = accountNumber;
    this.placement = placement;
    this.groupType = groupType;
  }

  /** The open order that ends with this one; undefined when there is none. */
  partnerOf(extras: OrderExtras): OrderExtras | undefined {
    const [first, second] = this.legs;
    const partner = first === extras ? second : first;
    return partner === undefined || partner.place === 'ENDED' ? undefined : partner;
  }
}

/** What of an order's terms stands beside its record. */
export type ExtrasTerms = Pick<
  OrderTerms,
  | 'side'
  | 'type'
  | 'timeInForce'
  | 'priceUnits'
  | 'stopPriceUnits'
  | 'trailingOffsetUnits'
  | 'trailingOffsetBps'
  | 'expireTimeUs'
  | 'displayUnits'
  | 'minimumUnits'
>;

/** What an order has beside its record. */
export class OrderExtras {
  readonly order: number;
  /** Number of its book in the shard. */
  readonly bookNumber: number;
  readonly accountNumber: number;
  readonly placement: number;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  place: OrderPlace = 'ARRIVING';
  /** Number that the book gave the order when it took its place; an iceberg's parts keep it. */
  age = 0;
  /** Place in the queue of an iceberg's present part; 0 while its first part is shown. */
  turn = 0;
  /** Limit price, or worst price of one that trades as a market order. */
  priceUnits: number;
  /** 0 for an order that never waited. */
  stopPriceUnits: number;
  readonly trailingOffsetUnits: number;
  readonly trailingOffsetBps: number;
  /** Best last price since a trailing stop was accepted (TYP-4). */
  bestPriceUnits = 0;
  /** Log time in microseconds at which a GTD order ends; 0 for all others. */
  expireTimeUs: number;
  /** Shown at a time, in quantity units; 0 shows all (TYP-5). */
  displayUnits: number;
  /** Open but not shown, in quantity units; not part of the record's open quantity. */
  hiddenUnits = 0;
  /** Smallest quantity of the first arrival (TYP-8). */
  minimumUnits: number;
  group: OrderGroup | undefined = undefined;
  /** Position among the orders that are due; -1 when it is not there. */
  dueAt = -1;
  /** Position among the trailing stops; -1 when it is not there. */
  trailingAt = -1;
  /** Neighbors by age among the orders of the session. */
  olderOfDay: OrderExtras | undefined = undefined;
  youngerOfDay: OrderExtras | undefined = undefined;
  /** What the state checksum counts for these extras; 0 while it does not. */
  counted = 0;
  countedTwice = 0;

  constructor(
    order: number,
    bookNumber: number,
    name: { readonly accountNumber: number; readonly placement: number },
    terms: ExtrasTerms,
  ) {
    this.order = order;
    this.bookNumber = bookNumber;
    this.accountNumber = name.accountNumber;
    this.placement = name.placement;
    this.side = terms.side;
    this.type = terms.type;
    this.timeInForce = terms.timeInForce;
    this.priceUnits = terms.priceUnits;
    this.stopPriceUnits = terms.stopPriceUnits;
    this.trailingOffsetUnits = terms.trailingOffsetUnits;
    this.trailingOffsetBps = terms.trailingOffsetBps;
    this.expireTimeUs = terms.expireTimeUs;
    this.displayUnits = terms.displayUnits;
    this.minimumUnits = terms.minimumUnits;
  }
}

/** The extras of a shard's orders, by the handles of their records. */
export class ExtrasStore {
  readonly #orders: OrderStore;
  readonly #byOrder = new Map<number, OrderExtras>();

  constructor(orders: OrderStore) {
    this.#orders = orders;
  }

  get count(): number {
    return this.#byOrder.size;
  }

  /** Extras of an order; undefined for a plain one. */
  find(order: number): OrderExtras | undefined {
    const isPlain = ((this.#orders.words[order + FLAGS] as number) & HAS_EXTRAS) === 0;
    return isPlain ? undefined : this.get(order);
  }

  /** Extras of an order whose flag says that it has some. */
  get(order: number): OrderExtras {
    return assertDefined(this.#byOrder.get(order), 'an order with the flag has extras');
  }

  add(extras: OrderExtras): void {
    const { words } = this.#orders;
    words[extras.order + FLAGS] = (words[extras.order + FLAGS] as number) | HAS_EXTRAS;
    this.#byOrder.set(extras.order, extras);
  }

  /** Forgets the extras of an order that is final. */
  remove(extras: OrderExtras): void {
    this.#byOrder.delete(extras.order);
  }
}
