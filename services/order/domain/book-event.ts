// What this service needs of a matching shard's events, in units: the events of one command, which
// come back as its answer. The adapter makes these from the contract's events.

import type { CancelReason, RejectReason, Side } from '../../lib/rules/terms.ts';

/** An order as matching and account shards name it. */
export type OrderKey = {
  readonly accountNumber: number;
  /** The account's count of placements. */
  readonly placement: number;
};

/** One side of a trade. */
export type TradeParty = OrderKey & {
  /** Open after the trade, in quantity units; of an order by budget what is left of the budget. */
  readonly remainingUnits: bigint;
  /** In quote's smallest units; negative is a rebate. */
  readonly feeUnits: bigint;
};

type Of<Kind extends string> = OrderKey & {
  readonly kind: Kind;
  /** The instrument's own numbering. */
  readonly sequence: number;
};

export type OrderTraded = {
  readonly kind: 'traded';
  readonly sequence: number;
  readonly priceUnits: number;
  readonly quantityUnits: number;
  /** Undefined in an uncross, where the buyer stands as `maker` (STA-2). */
  readonly aggressorSide: Side | undefined;
  readonly maker: TradeParty;
  readonly taker: TradeParty;
};

export type BookEvent =
  | (Of<'accepted'> & {
      /** As its book took an order that waits (TYP-3); undefined for every other. */
      readonly waiting:
        | { readonly quantityUnits: number; readonly stopPriceUnits: number }
        | undefined;
    })
  /** A waiting order's condition held; it arrives with this price. */
  | (Of<'triggered'> & { readonly stopPriceUnits: number; readonly priceUnits: number })
  | (Of<'expired'> & { readonly expiredUnits: number })
  | (Of<'rejected'> & { readonly reason: RejectReason })
  | OrderTraded
  /** Self-trade prevention took quantity off the order without a trade (STP-2). */
  | (Of<'reduced'> & { readonly byUnits: number })
  | (Of<'canceled'> & {
      readonly reason: CancelReason;
      readonly canceledUnits: number;
      readonly version: number;
    })
  /** A market order by budget ended as filled with something unspent (TYP-2). */
  | Of<'filled'>
  | (Of<'amended'> & {
      readonly version: number;
      readonly quantityUnits: number;
      readonly remainingUnits: number;
      readonly priceUnits: number;
      readonly stopPriceUnits: number;
      readonly displayUnits: number;
      readonly expireTimeUs: number;
    })
  | Of<'forbidden'>;
