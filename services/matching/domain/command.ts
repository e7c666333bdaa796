// Commands of a matching shard: the only input of its state machine. The meaning of every field
// stands in proto/bourse/matching/v1/command.proto.
import type { SlotCommand } from '../../lib/routing/slot-command.ts';
import type {
  CancelReason,
  GroupType,
  InstrumentRules,
  InstrumentState,
  OrderTerms,
  Side,
} from './rules.ts';

/** Enters an order; the order id is (account number, placement). */
export type PlaceOrder = {
  readonly kind: 'placeOrder';
  readonly accountNumber: number;
  readonly placement: number;
  readonly terms: OrderTerms;
};

/**
 * Enters a group of orders of one account and instrument (TYP-7), all or none. Leg n has the
 * placement of the group plus n. An OCO's two legs are entered; a bracket's legs are entry, take
 * profit and stop: the exits, of waiting types and without a quantity of their own, appear when
 * the entry is final.
 */
export type PlaceOrderGroup = {
  readonly kind: 'placeOrderGroup';
  readonly accountNumber: number;
  /** Placement of the group: that of its first leg. */
  readonly placement: number;
  readonly groupType: GroupType;
  readonly legs: readonly OrderTerms[];
};

/** Cancels what is open of a group; exits that have not appeared never will. */
export type CancelOrderGroup = {
  readonly kind: 'cancelOrderGroup';
  readonly instrumentNumber: number;
  readonly accountNumber: number;
  readonly placement: number;
};

/** Cancels one open order. */
export type CancelOrder = {
  readonly kind: 'cancelOrder';
  readonly instrumentNumber: number;
  readonly accountNumber: number;
  readonly placement: number;
};

/** Amends one open order (AMD-1 to AMD-3); what is undefined stays as it is. */
export type AmendOrder = {
  readonly kind: 'amendOrder';
  readonly instrumentNumber: number;
  readonly accountNumber: number;
  readonly placement: number;
  /** New total quantity. */
  readonly quantityUnits: number | undefined;
  readonly priceUnits: number | undefined;
  readonly stopPriceUnits: number | undefined;
  readonly displayUnits: number | undefined;
  /** Of a GTD order. */
  readonly expireTimeUs: number | undefined;
  readonly expectedVersion: number | undefined;
  readonly instrumentVersion: number;
  /** Amount of the amend's own hold, in smallest units of the asset held (HLD-5, HLD-6). */
  readonly amendHoldUnits: bigint;
  /** Empty when the amend needed no hold. */
  readonly amendHoldId: string;
};

/** Cancels every open order of an account, or of all, in an instrument (CXL-1, CXL-2). */
export type CancelAllOrders = {
  readonly kind: 'cancelAllOrders';
  readonly instrumentNumber: number;
  /** 0 for all accounts (an operator's cancel). */
  readonly accountNumber: number;
  /** Both sides when undefined. */
  readonly side: Side | undefined;
  /** Why: MASS, DEAD_MAN_SWITCH or OPERATOR. */
  readonly reason: CancelReason;
  /** Why and by whom, in words; up to 256 characters. */
  readonly comment: string;
};

/** Reports the order if it is open, else keeps it, or its amend, from arriving (HLD-3). */
export type ForbidOrder = {
  readonly kind: 'forbidOrder';
  readonly instrumentNumber: number;
  readonly accountNumber: number;
  readonly placement: number;
  /** Empty for the placement itself. */
  readonly amendHoldId: string;
  readonly forbiddenValidUntilUs: number;
};

/** Creates an instrument or gives it new rules. */
export type SetInstrument = {
  readonly kind: 'setInstrument';
  readonly rules: InstrumentRules;
  readonly initialState: InstrumentState;
};

/** Changes the state of an instrument (STA-1). */
export type SetInstrumentState = {
  readonly kind: 'setInstrumentState';
  readonly instrumentNumber: number;
  readonly state: InstrumentState;
  readonly comment: string;
  /** AUCTION: log time in microseconds at which it ends by an uncross; 0 otherwise. */
  readonly auctionEndTimeUs: number;
  /** AUCTION: the state that follows it; CONTINUOUS otherwise. */
  readonly stateAfterAuction: 'CONTINUOUS' | 'POST_ONLY' | 'CLOSED';
};

/** Ends an instrument for ever: every order is canceled, and nothing is accepted any more. */
export type RetireInstrument = {
  readonly kind: 'retireInstrument';
  readonly instrumentNumber: number;
  readonly comment: string;
};

/** Takes over slots that nobody has owned yet (MOV-1). */
export type AcquireSlots = {
  readonly kind: 'acquireSlots';
  readonly slots: readonly number[];
  readonly generation: number;
};

/** A step of a slot's move (MOV-2). */
export type MoveSlot = {
  readonly kind: 'moveSlot';
  readonly move: SlotCommand<MatchingCommand>;
};

/** One command for a matching shard. */
export type MatchingCommand =
  | PlaceOrder
  | PlaceOrderGroup
  | CancelOrderGroup
  | CancelOrder
  | AmendOrder
  | CancelAllOrders
  | ForbidOrder
  | SetInstrument
  | SetInstrumentState
  | RetireInstrument
  | AcquireSlots
  | MoveSlot;
