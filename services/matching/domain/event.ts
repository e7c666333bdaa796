// Events of a matching shard: the only output of its state machine. The meaning of every field
// stands in proto/bourse/matching/v1/event.proto; here an event's kind and fields lie side by
// side with its instrument and the instrument's own sequence.
import type { SlotEvent } from '../../lib/routing/slot-command.ts';
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

/** Place of an event; instrument number and sequence are 0 for events of the shard itself. */
type Placed<K extends string> = {
  readonly kind: K;
  readonly instrumentNumber: number;
  /** The instrument's own dense numbering, from 1. */
  readonly instrumentSequence: number;
};

type OfOrder = { readonly accountNumber: number; readonly placement: number };

/**
 * Accepted with these terms: a market order's price is its worst price, a trailing stop's stop
 * price the one it begins with. A waiting order waits until it is triggered.
 */
export type OrderAccepted = Placed<'orderAccepted'> &
  OfOrder & {
    readonly terms: OrderTerms;
    /** Placement of the group that the order belongs to; 0 when to none. */
    readonly groupPlacement: number;
  };

/** A group was accepted; the legs that are entered now follow as accepted orders (TYP-7). */
export type OrderGroupAccepted = Placed<'orderGroupAccepted'> &
  OfOrder & { readonly groupType: GroupType; readonly legs: readonly OrderTerms[] };

export type OrderRejected = Placed<'orderRejected'> & OfOrder & { readonly reason: RejectReason };

/** One side of a trade. */
export type TradeParty = OfOrder & {
  /** Left of the order after this trade, in quantity units; 0 for an order by budget. */
  readonly remainingUnits: number;
  /** Left of an order's budget, in quote's smallest units; 0n for an order by quantity. */
  readonly unspentUnits: bigint;
  /** Fee of this fill in quote's smallest units (SET-2); negative is a rebate. */
  readonly feeUnits: bigint;
};

/** Two orders traded. In an uncross nobody is the aggressor, and the buyer stands as `maker`. */
export type Traded = Placed<'traded'> & {
  readonly priceUnits: number;
  readonly quantityUnits: number;
  /** Undefined in an uncross (STA-2). */
  readonly aggressorSide: Side | undefined;
  /** Both orders have one owner: an uncross may match them (STP-2), as mode NONE does. */
  readonly sameOwner: boolean;
  readonly maker: TradeParty;
  readonly taker: TradeParty;
};

export type MatchPrevented = Placed<'matchPrevented'> & {
  readonly makerAccountNumber: number;
  readonly makerPlacement: number;
  readonly takerAccountNumber: number;
  readonly takerPlacement: number;
  readonly mode: SelfTradePrevention;
  readonly decrementedUnits: number;
};

export type OrderCanceled = Placed<'orderCanceled'> &
  OfOrder & {
    readonly reason: CancelReason;
    readonly canceledUnits: number;
    readonly version: number;
  };

/** Its time had come: a GTD order's expire time, or the end of a DAY order's session. */
export type OrderExpired = Placed<'orderExpired'> &
  OfOrder & { readonly expiredUnits: number; readonly version: number };

/** A waiting order's condition held; its arrival follows in its turn (TYP-3). */
export type OrderTriggered = Placed<'orderTriggered'> &
  OfOrder & {
    /** Its stop price when it was triggered. */
    readonly stopPriceUnits: number;
    /** The last price that triggered it. */
    readonly lastPriceUnits: number;
    /** Limit price or worst price with which it arrives. */
    readonly priceUnits: number;
  };

/** A market order by budget ended as filled with `unspentUnits` left (TYP-2). */
export type OrderFilled = Placed<'orderFilled'> & OfOrder & { readonly unspentUnits: bigint };

export type OrderAmended = Placed<'orderAmended'> &
  OfOrder & {
    readonly version: number;
    readonly quantityUnits: number;
    readonly remainingUnits: number;
    readonly priceUnits: number;
    readonly stopPriceUnits: number;
    readonly displayUnits: number;
    readonly expireTimeUs: number;
    readonly placeKept: boolean;
    readonly amendHoldId: string;
  };

export type AmendRejected = Placed<'amendRejected'> &
  OfOrder & { readonly reason: RejectReason; readonly amendHoldId: string };

export type CancelRejected = Placed<'cancelRejected'> & OfOrder & { readonly reason: RejectReason };

export type OrderForbidden = Placed<'orderForbidden'> & OfOrder & { readonly amendHoldId: string };

export type ForbidRefused = Placed<'forbidRefused'> &
  OfOrder & { readonly amendHoldId: string; readonly open: boolean };

export type OrdersCanceled = Placed<'ordersCanceled'> & {
  /** 0 for all accounts. */
  readonly accountNumber: number;
  readonly canceledCount: number;
  readonly reason: CancelReason;
  readonly comment: string;
};

export type InstrumentSet = Placed<'instrumentSet'> & {
  readonly rules: InstrumentRules;
  readonly state: InstrumentState;
};

export type InstrumentStateChanged = Placed<'instrumentStateChanged'> & {
  readonly state: InstrumentState;
  readonly comment: string;
  /** AUCTION: when it ends; 0 otherwise. */
  readonly auctionEndTimeUs: number;
};

/** What was crossed has traded at one price (STA-2); the trades stand before this event. */
export type Uncrossed = Placed<'uncrossed'> & {
  readonly priceUnits: number;
  /** Traded together, in quantity units. */
  readonly volumeUnits: number;
  /** Left over at that price, in quantity units. */
  readonly surplusUnits: number;
  /** Side of what is left over; undefined when nothing is. */
  readonly surplusSide: Side | undefined;
};

export type SlotsAcquired = Placed<'slotsAcquired'> & {
  readonly slots: readonly number[];
  readonly generation: number;
};

/** A step of a slot's move was made. */
export type SlotMoved = Placed<'slotMoved'> & { readonly move: SlotEvent };

/** One event of a matching shard. */
export type MatchingEvent =
  | OrderAccepted
  | OrderGroupAccepted
  | OrderRejected
  | Traded
  | MatchPrevented
  | OrderCanceled
  | OrderExpired
  | OrderTriggered
  | OrderFilled
  | OrderAmended
  | AmendRejected
  | CancelRejected
  | OrderForbidden
  | ForbidRefused
  | OrdersCanceled
  | InstrumentSet
  | InstrumentStateChanged
  | Uncrossed
  | SlotsAcquired
  | SlotMoved;
