// Events of a matching shard: the only output of its state machine. The meaning of every field
// stands in proto/bourse/matching/v1/event.proto; here an event's kind and fields lie side by
// side with its instrument and the instrument's own sequence.
import type {
  CancelReason,
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

export type OrderAccepted = Placed<'orderAccepted'> & OfOrder & { readonly terms: OrderTerms };

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

export type Traded = Placed<'traded'> & {
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly aggressorSide: Side;
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

/** A market order by budget ended as filled with `unspentUnits` left (TYP-2). */
export type OrderFilled = Placed<'orderFilled'> & OfOrder & { readonly unspentUnits: bigint };

export type OrderAmended = Placed<'orderAmended'> &
  OfOrder & {
    readonly version: number;
    readonly quantityUnits: number;
    readonly remainingUnits: number;
    readonly priceUnits: number;
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
  readonly accountNumber: number;
  readonly canceledCount: number;
};

export type InstrumentSet = Placed<'instrumentSet'> & {
  readonly rules: InstrumentRules;
  readonly state: InstrumentState;
};

export type InstrumentStateChanged = Placed<'instrumentStateChanged'> & {
  readonly state: InstrumentState;
  readonly comment: string;
};

export type SlotsAcquired = Placed<'slotsAcquired'> & {
  readonly slots: readonly number[];
  readonly generation: number;
};

/** One event of a matching shard. */
export type MatchingEvent =
  | OrderAccepted
  | OrderRejected
  | Traded
  | MatchPrevented
  | OrderCanceled
  | OrderFilled
  | OrderAmended
  | AmendRejected
  | CancelRejected
  | OrderForbidden
  | ForbidRefused
  | OrdersCanceled
  | InstrumentSet
  | InstrumentStateChanged
  | SlotsAcquired;
