// Commands of an account shard: the only input of its state machine. Names, units and meaning as
// in bourse.ledger.v1.Command.
import type {
  InstrumentRules,
  OrderTerms,
  RejectReason,
  SelfTradePrevention,
} from '../../lib/rules/terms.ts';
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

/** Terms of a placement; an absent self-trade prevention means the account's setting. */
export type PlacementTerms = Omit<OrderTerms, 'selfTradePrevention'> & {
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
  readonly entries: readonly SettledEntry[];
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

export type Command =
  | CreateAccount
  | Transfer
  | PlaceHold
  | AmendHold
  | PrepareCancel
  | Settle
  | SetAsset
  | SetInstrument
  | AcquireSlots;
