// What an order is to an account shard: its terms, and the record from which every answer, listing
// and execution report about it is made. Field names follow bourse.ledger.v1.OrderRecord.

import type { CancelReason, GroupType, OrderTerms, RejectReason } from '../../lib/rules/terms.ts';

/** AUCTION: traded in an uncross, where nobody is the aggressor (STA-2). */
export type Liquidity = 'MAKER' | 'TAKER' | 'AUCTION';

/**
 * Where an order stands: PENDING until the matching shard's first event of it is settled,
 * UNTRIGGERED while it waits outside the book (TYP-3).
 */
export type OrderStatus =
  | 'PENDING'
  | 'UNTRIGGERED'
  | 'ACTIVE'
  | 'PARTIALLY_FILLED'
  | 'FILLED'
  | 'CANCELED'
  | 'EXPIRED'
  | 'REJECTED';

/** What an execution report tells. */
export type ExecutionType =
  | 'NEW'
  | 'TRIGGERED'
  | 'TRADE'
  | 'REPLACED'
  | 'CANCELED'
  | 'EXPIRED'
  | 'REJECTED'
  | 'RESTATED';

/**
 * State of an order's hold (HLD-4):
 * - PLACED: money is held; no event of the matching shard has confirmed the order yet.
 * - CONFIRMED: the order, or the group that it will appear from, is at its matching shard.
 * - CLOSED: the order is final and holds nothing.
 */
export type HoldState = 'PLACED' | 'CONFIRMED' | 'CLOSED';

/** An order as it is at one moment; never changed after it was made. */
export type OrderRecord = {
  readonly accountNumber: number;
  readonly accountId: string;
  readonly placement: number;
  readonly clientOrderId: string;
  /** Absent for an id that was canceled before its order arrived (HLD-3). */
  readonly terms: OrderTerms | undefined;
  /** Hash of the canonical request, 32 hexadecimal digits; empty where `terms` is absent. */
  readonly bodyHash: string;
  readonly holdState: HoldState;
  readonly status: OrderStatus;
  readonly version: number;
  readonly filledUnits: number;
  readonly remainingUnits: number;
  readonly filledNotionalUnits: bigint;
  readonly feeUnits: bigint;
  /** `NONE` unless the status is REJECTED. */
  readonly rejectReason: RejectReason | 'NONE';
  /** `NONE` unless the status is CANCELED. */
  readonly cancelReason: CancelReason | 'NONE';
  readonly holdAssetNumber: number;
  /** Held for this order alone; 0 while its group holds for it. */
  readonly heldUnits: bigint;
  /** Placement of the group's first leg; 0 when the order belongs to no group (TYP-7). */
  readonly groupPlacement: number;
  /** Undefined when the order belongs to no group. */
  readonly groupType: GroupType | undefined;
  /** Held for the group's legs together; 0 when the order belongs to none. */
  readonly groupHeldUnits: bigint;
  readonly validUntilUs: number;
  readonly placedTimeUs: number;
  readonly updatedTimeUs: number;
  readonly instrumentSequence: number;
  readonly accountSequence: number;
};

/** True when nothing can happen to the order any more. */
export function isFinal(status: OrderStatus): boolean {
  switch (status) {
    case 'PENDING':
    case 'UNTRIGGERED':
    case 'ACTIVE':
    case 'PARTIALLY_FILLED':
      return false;
    default:
      return true;
  }
}

/** True for a market order that states what to spend or to raise instead of a quantity (TYP-2). */
export function isByBudget(terms: OrderTerms): boolean {
  return terms.quoteBudgetUnits > 0n;
}
