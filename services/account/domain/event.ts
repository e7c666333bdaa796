// Events of an account shard: the only output of its state machine. Postings, execution reports
// and balances are derived from them. Names and meaning as in bourse.ledger.v1.Event.
import type { SlotEvent } from '../../lib/routing/slot-command.ts';
import type {
  GroupType,
  InstrumentRules,
  RejectReason,
  SelfTradePrevention,
  Side,
} from '../../lib/rules/terms.ts';
import type { AccountLimits, AccountState } from './account-limits.ts';
import type { Asset, BustedTrade } from './command.ts';
import type { FeeScope, FeeTier } from './fee-schedules.ts';
import type { ExecutionType, Liquidity, OrderRecord } from './order.ts';

/** Balance of one asset after an event, in the asset's smallest unit. */
export type BalanceAfter = {
  readonly assetNumber: number;
  readonly totalUnits: bigint;
  readonly heldUnits: bigint;
};

/** The account's part of a trade (SET-2). */
export type Fill = {
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly liquidity: Liquidity;
  readonly notionalUnits: bigint;
  readonly feeUnits: bigint;
  /** Undefined in an uncross (STA-2). */
  readonly aggressorSide: Side | undefined;
};

export type TransferPosted = {
  readonly assetNumber: number;
  /** Positive came in, negative went out. */
  readonly amountUnits: bigint;
  readonly clientTransferId: string;
  /** The other account of a transfer between two; empty when it came from or went outside. */
  readonly otherAccountId: string;
  /** It was posted to clearing, because the other account is on another shard (LED-5). */
  readonly byClearing: boolean;
  /** The account that the event is about; empty unless `byClearing`. */
  readonly accountId: string;
};

export type OrderExecuted = {
  readonly kind: 'orderExecuted';
  readonly executionType: ExecutionType;
  /** The order after it. */
  readonly record: OrderRecord;
  readonly instrumentSequence: number;
  readonly previousInstrumentSequence: number;
  readonly fill: Fill | undefined;
  readonly eventTimeUs: number;
  readonly releasedUnits: bigint;
  readonly cause: string;
};

/** A trade was taken back on the account of one of its sides. */
export type TradeBusted = {
  readonly kind: 'tradeBusted';
  readonly trade: BustedTrade;
  /** The side that the account had in it. */
  readonly side: Side;
  /** What the account had to give back and did not have: base of a buyer, quote of a seller. */
  readonly missingUnits: bigint;
  /** The other side is, or was, reversed by another shard. */
  readonly byClearing: boolean;
  readonly accountId: string;
  /** The order, which stays as it was; undefined when it is remembered no longer. */
  readonly record: OrderRecord | undefined;
  /** Account sequence of the previous busted trade or declined order; 0 before the first. */
  readonly previousAccountSequence: number;
};

export type EventBody =
  | {
      readonly kind: 'accountCreated';
      readonly accountId: string;
      readonly defaultSelfTradePrevention: SelfTradePrevention;
    }
  | ({ readonly kind: 'transferPosted' } & TransferPosted)
  | { readonly kind: 'holdPlaced'; readonly record: OrderRecord }
  | {
      readonly kind: 'orderDeclined';
      readonly record: OrderRecord;
      /** Account sequence of the previous declined order or busted trade; 0 before the first. */
      readonly previousAccountSequence: number;
    }
  | {
      readonly kind: 'amendHoldPlaced';
      readonly placement: number;
      readonly amendHoldId: string;
      readonly amountUnits: bigint;
      readonly heldUnits: bigint;
    }
  | {
      readonly kind: 'amendHoldReleased';
      readonly placement: number;
      readonly amendHoldId: string;
      readonly amountUnits: bigint;
      readonly heldUnits: bigint;
    }
  | {
      readonly kind: 'amendDeclined';
      readonly placement: number;
      readonly amendHoldId: string;
      readonly reason: RejectReason;
    }
  | { readonly kind: 'cancelRecorded'; readonly clientOrderId: string }
  | {
      /** A group's holds were placed and its legs have their ids (HLD-6). */
      readonly kind: 'groupHoldPlaced';
      readonly groupType: GroupType;
      readonly records: readonly OrderRecord[];
    }
  | {
      readonly kind: 'accountStateSet';
      readonly accountState: AccountState;
      readonly comment: string;
    }
  | { readonly kind: 'accountLimitsSet'; readonly limits: AccountLimits }
  | {
      readonly kind: 'feeScheduleSet';
      readonly scope: FeeScope;
      readonly tiers: readonly FeeTier[];
    }
  | { readonly kind: 'selfTradeGroupSet'; readonly selfTradeGroup: number }
  | {
      /** The dead man's switch was set or renewed; 0: switched off (CXL-2). */
      readonly kind: 'cancelAfterSet';
      readonly cancelTimeUs: number;
    }
  | {
      /** The dead man's switch went off: orders in these instruments are being canceled. */
      readonly kind: 'cancelAfterDue';
      readonly instrumentNumbers: readonly number[];
    }
  | {
      /** What the switch had to cancel in an instrument is canceled or forbidden. */
      readonly kind: 'cancelAfterFinished';
      readonly instrumentNumber: number;
      /** Account sequence of the event by which the switch went off. */
      readonly dueSequence: number;
    }
  | OrderExecuted
  | TradeBusted
  | {
      readonly kind: 'suspensePosted';
      readonly assetNumber: number;
      readonly amountUnits: bigint;
      readonly placement: number;
    }
  | {
      readonly kind: 'rangeSettled';
      readonly sourceShardId: string;
      readonly throughSequence: number;
    }
  | ({ readonly kind: 'assetSet' } & Asset)
  | { readonly kind: 'instrumentSet'; readonly rules: InstrumentRules }
  | {
      readonly kind: 'slotsAcquired';
      readonly slots: readonly number[];
      readonly generation: number;
    }
  | { readonly kind: 'slotMoved'; readonly move: SlotEvent };

/** One event; `accountNumber` and `accountSequence` are 0 for events of the shard itself. */
export type Event = {
  readonly accountNumber: number;
  readonly accountSequence: number;
  /** Balances after the event, of the assets it changed. */
  readonly balances: readonly BalanceAfter[];
} & EventBody;

/** What a command is answered with where its events alone do not say it. */
export type Answer = {
  /** The order's record as it is now. */
  readonly record?: OrderRecord;
  /** Legs of a group that was there before, in their order. */
  readonly records?: readonly OrderRecord[];
  /** True when the record, account or transfer was there before the command. */
  readonly existing: boolean;
  readonly accountNumber?: number;
  readonly transfer?: TransferPosted;
  readonly balance?: BalanceAfter;
  /** The first bust of a trade. */
  readonly bust?: { readonly comment: string; readonly bustedTimeUs: number };
  /** Account sequence of the transfer. */
  readonly accountSequence?: number;
  /** Body of the request that set something. */
  readonly asked?: string;
  /** Self-trade group that was asked for. */
  readonly selfTradeGroup?: number;
  /** When the dead man's switch will go off; 0 when it is off. */
  readonly cancelTimeUs?: number;
  /** Log time of the first posting. */
  readonly postedTimeUs?: number;
  /** Total of the asset right after the first posting. */
  readonly totalAfterUnits?: bigint;
};

export type Emit = (event: Event) => void;
