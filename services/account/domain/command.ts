// Commands of an account shard: the only input of its state machine. Names, units and meaning as
// in bourse.ledger.v1.Command.
import type { SlotCommand } from '../../lib/routing/slot-command.ts';
import type {
  GroupType,
  InstrumentRules,
  OrderTerms,
  RejectReason,
  SelfTradePrevention,
} from '../../lib/rules/terms.ts';
import type { AccountLimits, AccountState } from './account-limits.ts';
import type { FeeScope, FeeTier } from './fee-schedules.ts';
import type { SettledEntry } from './matching-event.ts';

export type CreateAccount = {
  readonly kind: 'createAccount';
  readonly accountId: string;
  readonly defaultSelfTradePrevention: SelfTradePrevention;
};

/** A transfer between an account and outside (LED-1, LED-4). */
export type Transfer = {
  readonly kind: 'deposit' | 'withdraw';
  readonly accountId: string;
  readonly assetNumber: number;
  readonly amountUnits: bigint;
  readonly clientTransferId: string;
};

/** A transfer to another account (LED-4, LED-5), whose shard may be another one. */
export type AccountTransfer = {
  readonly kind: 'transfer';
  readonly accountId: string;
  readonly assetNumber: number;
  readonly amountUnits: bigint;
  /** Unique among all transfers of the account that gives. */
  readonly clientTransferId: string;
  readonly toAccountId: string;
};

/** What left another account shard by its clearing. */
export type SentTransfer = {
  readonly fromAccountId: string;
  readonly clientTransferId: string;
  readonly toAccountId: string;
  readonly assetNumber: number;
  readonly amountUnits: bigint;
};

/** Freezes an account, makes it active again, or closes it for ever. */
export type SetAccountState = {
  readonly kind: 'setAccountState';
  readonly accountId: string;
  readonly accountState: AccountState;
  /** Why, and who did it. */
  readonly comment: string;
  /** The request's body, by which a repeat of its id is told from another request. */
  readonly asked: string;
};

/** Replaces the limits of an account. */
export type SetAccountLimits = {
  readonly kind: 'setAccountLimits';
  readonly accountId: string;
  readonly limits: AccountLimits;
  readonly asked: string;
};

/** Sets the fees of an account, an instrument, both, or everybody. */
export type SetFeeSchedule = {
  readonly kind: 'setFeeSchedule';
  readonly scope: FeeScope;
  /** By ascending volume, the first from 0; none: no schedule of this scope. */
  readonly tiers: readonly FeeTier[];
  readonly asked: string;
};

/** One side of a trade that is taken back. */
export type BustedParty = {
  readonly accountNumber: number;
  readonly placement: number;
  /** What the trade charged, in quote's smallest units; negative is a rebate. */
  readonly feeUnits: bigint;
};

/** A trade that is taken back, as the log of its book has it, and why. */
export type BustedTrade = {
  readonly instrumentNumber: number;
  readonly instrumentSequence: number;
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly buyer: BustedParty;
  readonly seller: BustedParty;
  readonly tradeTimeUs: number;
  /** Why, and who did it. */
  readonly comment: string;
};

/** Takes a trade back; for the shard of the buyer. */
export type BustTrade = { readonly kind: 'bustTrade' } & BustedTrade;

/** A range of another account shard's events (LED-5), exactly once as a range of trades is. */
export type SettleTransfers = {
  readonly kind: 'settleTransfers';
  readonly sourceShardId: string;
  readonly fromSequence: number;
  readonly throughSequence: number;
  readonly sourceEntryIndex: number;
  readonly sourceChainChecksum: string;
  /** As in `Settle`. */
  readonly slotsVersion?: number;
  readonly transfers: readonly SentTransfer[];
  /** Trades whose buyers were reversed there; behind the transfers. */
  readonly busts: readonly BustedTrade[];
};

/**
 * Terms of a placement; an absent self-trade prevention means the account's setting, and its
 * self-trade group is the account's.
 */
export type PlacementTerms = Omit<OrderTerms, 'selfTradePrevention' | 'selfTradeGroup'> & {
  readonly selfTradePrevention: SelfTradePrevention | undefined;
};

export type PlaceHold = {
  readonly kind: 'placeHold';
  readonly accountId: string;
  readonly clientOrderId: string;
  readonly terms: PlacementTerms;
  /** 32 hexadecimal digits. */
  readonly bodyHash: string;
  readonly assetNumber: number;
  readonly amountUnits: bigint;
  readonly validUntilUs: number;
  /** Other than `NONE` when the edge has declined the order (HLD-1). */
  readonly declineReason: RejectReason | 'NONE';
  /** Too little available is then a refusal that records nothing (SET-4). */
  readonly refuseWhenShort: boolean;
};

/** One order of a group, as its placement asks for it. */
export type GroupLeg = {
  readonly clientOrderId: string;
  readonly terms: PlacementTerms;
  /** Other than `NONE` when the edge has declined this leg, and so the group (HLD-1). */
  readonly declineReason: RejectReason | 'NONE';
};

/** Places the holds of a group (TYP-7, HLD-6) and gives its legs their ids. */
export type PlaceGroupHold = {
  readonly kind: 'placeGroupHold';
  readonly accountId: string;
  readonly groupType: GroupType;
  /** OCO: the two orders. Bracket: entry, take-profit, stop. */
  readonly legs: readonly GroupLeg[];
  /** 32 hexadecimal digits; of the whole group. */
  readonly bodyHash: string;
  /** Bracket: the most that the entry can cost; 0 for an OCO. */
  readonly entryUnits: bigint;
  /** The most that the legs of the group's own hold can cost beyond what the entry brings. */
  readonly groupUnits: bigint;
  readonly validUntilUs: number;
  /** Too little available is then a refusal that records nothing (SET-4). */
  readonly refuseWhenShort: boolean;
};

/** Puts an account into a self-trade group, or out of every one with 0 (STP-1). */
export type SetSelfTradeGroup = {
  readonly kind: 'setSelfTradeGroup';
  readonly accountId: string;
  readonly selfTradeGroup: number;
};

/** Sets, renews or, with 0, ends an account's dead man's switch (CXL-2). */
export type CancelAllAfter = {
  readonly kind: 'cancelAllAfter';
  readonly accountId: string;
  /** From the log time of its entry on. */
  readonly timeoutUs: number;
};

/** What a switch that went off had to cancel in one instrument is done. */
export type FinishCancelAfter = {
  readonly kind: 'finishCancelAfter';
  readonly accountNumber: number;
  /** Account sequence of the event by which it went off. */
  readonly dueSequence: number;
  readonly instrumentNumber: number;
};

export type AmendHold = {
  readonly kind: 'amendHold';
  readonly accountNumber: number;
  readonly placement: number;
  readonly amendHoldId: string;
  readonly amountUnits: bigint;
  readonly validUntilUs: number;
};

export type PrepareCancel = {
  readonly kind: 'prepareCancel';
  readonly accountId: string;
  readonly clientOrderId: string;
};

export type Settle = {
  readonly kind: 'settle';
  readonly sourceShardId: string;
  readonly fromSequence: number;
  readonly throughSequence: number;
  readonly sourceEntryIndex: number;
  /** Hexadecimal. */
  readonly sourceChainChecksum: string;
  /** Of the slots by which the events were filtered; absent when they were not. */
  readonly slotsVersion?: number;
  readonly entries: readonly SettledEntry[];
};

/** Begins another shard's stream behind a place in it, on a shard that owns nothing (MOV-8). */
export type BeginSource = {
  readonly kind: 'beginSource';
  readonly sourceShardId: string;
  readonly sequence: number;
  readonly sourceEntryIndex: number;
  /** Hexadecimal. */
  readonly sourceChainChecksum: string;
};

export type Asset = {
  readonly assetNumber: number;
  readonly assetId: string;
  readonly scale: number;
  readonly version: number;
};

export type SetAsset = { readonly kind: 'setAsset' } & Asset;
export type SetInstrument = { readonly kind: 'setInstrument'; readonly rules: InstrumentRules };
export type AcquireSlots = {
  readonly kind: 'acquireSlots';
  readonly slots: readonly number[];
  readonly generation: number;
};

/** Settles what one slot lacks, because it came from a shard that was elsewhere (MOV-7). */
export type SettleSlot = {
  readonly kind: 'settleSlot';
  readonly slot: number;
  readonly range: Settle | SettleTransfers;
};

/** A step of a slot's move (MOV-2). */
export type MoveSlot = { readonly kind: 'moveSlot'; readonly move: SlotCommand<Command> };

export type Command =
  | CreateAccount
  | Transfer
  | PlaceHold
  | PlaceGroupHold
  | SetSelfTradeGroup
  | CancelAllAfter
  | FinishCancelAfter
  | AmendHold
  | PrepareCancel
  | Settle
  | AccountTransfer
  | SettleTransfers
  | BustTrade
  | SetAccountState
  | SetAccountLimits
  | SetFeeSchedule
  | SetAsset
  | SetInstrument
  | AcquireSlots
  | SettleSlot
  | BeginSource
  | MoveSlot;
