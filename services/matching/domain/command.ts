// Commands of a matching shard: the only input of its state machine. The meaning of every field
// stands in proto/bourse/matching/v1/command.proto.
import type { InstrumentRules, InstrumentState, OrderTerms, Side } from './rules.ts';

/** Enters an order; the order id is (account number, placement). */
export type PlaceOrder = {
  readonly kind: 'placeOrder';
  readonly accountNumber: number;
  readonly placement: number;
  readonly terms: OrderTerms;
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
  readonly expectedVersion: number | undefined;
  readonly instrumentVersion: number;
  /** Amount of the amend's own hold, in smallest units of the asset held (HLD-5, HLD-6). */
  readonly amendHoldUnits: bigint;
  /** Empty when the amend needed no hold. */
  readonly amendHoldId: string;
};

/** Cancels every open order of an account in an instrument (CXL-1). */
export type CancelAllOrders = {
  readonly kind: 'cancelAllOrders';
  readonly instrumentNumber: number;
  readonly accountNumber: number;
  /** Both sides when undefined. */
  readonly side: Side | undefined;
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
};

/** Takes over slots that nobody has owned yet (MOV-1). */
export type AcquireSlots = {
  readonly kind: 'acquireSlots';
  readonly slots: readonly number[];
  readonly generation: number;
};

/** One command for a matching shard. */
export type MatchingCommand =
  | PlaceOrder
  | CancelOrder
  | AmendOrder
  | CancelAllOrders
  | ForbidOrder
  | SetInstrument
  | SetInstrumentState
  | AcquireSlots;
