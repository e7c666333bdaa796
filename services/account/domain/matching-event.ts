// What an account shard reads of a matching shard's events (SET-1): the account's own description
// of them, because services share contracts and not code. Field names follow
// bourse.matching.v1.Event; kinds that change nothing here are left out by the codec.
import type { CancelReason, RejectReason, Side } from '../../lib/rules/terms.ts';

/** One side of a trade. */
export type TradeParty = {
  readonly accountNumber: number;
  readonly placement: number;
  /** Open after the trade, in quantity units; 0 of an order by budget. */
  readonly remainingUnits: number;
  /** In quote's smallest units; negative is a rebate. */
  readonly feeUnits: bigint;
};

/** A waiting order as its book took it: a bracket's exit has what its entry filled. */
export type WaitingTerms = { readonly quantityUnits: number; readonly stopPriceUnits: number };

type OfOrder = { readonly accountNumber: number; readonly placement: number };

export type MatchingEventBody =
  | ({
      readonly kind: 'orderAccepted';
      /** What the book computed of an order that waits (TYP-3); undefined for every other. */
      readonly waiting: WaitingTerms | undefined;
    } & OfOrder)
  | ({ readonly kind: 'orderRejected'; readonly reason: RejectReason } & OfOrder)
  | {
      readonly kind: 'traded';
      readonly priceUnits: number;
      readonly quantityUnits: number;
      /** Undefined in an uncross, where the buyer stands as `maker` (STA-2). */
      readonly aggressorSide: Side | undefined;
      readonly maker: TradeParty;
      readonly taker: TradeParty;
    }
  | {
      readonly kind: 'matchPrevented';
      readonly makerAccountNumber: number;
      readonly makerPlacement: number;
      readonly takerAccountNumber: number;
      readonly takerPlacement: number;
      /** 0 unless the mode was to decrement. */
      readonly decrementedUnits: number;
    }
  | ({ readonly kind: 'orderCanceled'; readonly reason: CancelReason } & OfOrder)
  | ({ readonly kind: 'orderFilled' } & OfOrder)
  | ({ readonly kind: 'orderExpired' } & OfOrder)
  | ({
      readonly kind: 'orderTriggered';
      readonly stopPriceUnits: number;
      /** Limit price, or worst price, with which it arrives. */
      readonly priceUnits: number;
    } & OfOrder)
  | ({
      readonly kind: 'orderAmended';
      readonly version: number;
      readonly quantityUnits: number;
      readonly remainingUnits: number;
      readonly priceUnits: number;
      readonly stopPriceUnits: number;
      readonly displayUnits: number;
      readonly expireTimeUs: number;
      readonly amendHoldId: string;
    } & OfOrder)
  | ({ readonly kind: 'amendRejected'; readonly amendHoldId: string } & OfOrder)
  /** A slot of instruments came from another book: what is behind it is settled later (MOV-6). */
  | {
      readonly kind: 'slotImported';
      readonly sourceShardId: string;
      readonly exportSequence: number;
    }
  /** `amendHoldId` is empty when the placement itself is forbidden. */
  | ({ readonly kind: 'orderForbidden'; readonly amendHoldId: string } & OfOrder);

/** One event with its place. */
export type MatchingEvent = {
  readonly instrumentNumber: number;
  readonly instrumentSequence: number;
} & MatchingEventBody;

/** Events of one matching command, in order. */
export type SettledCommand = {
  /** Identity of the matching command; empty for work that was due by itself. */
  readonly identity: string;
  readonly events: readonly MatchingEvent[];
};

/** Events of one entry of the matching shard's log. */
export type SettledEntry = {
  readonly logTimeUs: number;
  readonly commands: readonly SettledCommand[];
};
