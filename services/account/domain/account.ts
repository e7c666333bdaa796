// An account as its shard keeps it: balances, orders with their holds, and every transfer id it
// ever used (LED-4).
import type { OrderTerms, SelfTradePrevention } from '../../lib/rules/terms.ts';
import { type AccountLimits, type AccountState, NO_LIMITS } from './account-limits.ts';
import type { BustRecord } from './bust-record.ts';
import { type Hasher, Part } from './digest.ts';
import type { BalanceAfter, TransferPosted } from './event.ts';
import { Balance } from './ledger.ts';
import type { LiveGroup } from './live-group.ts';
import { LiveOrder } from './live-order.ts';
import { Volume } from './volume.ts';

/** The first posting of a transfer id; kept for ever, so it is small. */
export class TransferRecord extends Part {
  readonly accountNumber: number;
  readonly transfer: TransferPosted;
  readonly accountSequence: number;
  readonly postedTimeUs: number;
  /** Total of the asset right after it. */
  readonly totalAfterUnits: bigint;

  constructor(
    accountNumber: number,
    transfer: TransferPosted,
    place: {
      readonly accountSequence: number;
      readonly postedTimeUs: number;
      readonly totalAfterUnits: bigint;
    },
  ) {
    super();
    this.accountNumber = accountNumber;
    this.transfer = transfer;
    this.accountSequence = place.accountSequence;
    this.postedTimeUs = place.postedTimeUs;
    this.totalAfterUnits = place.totalAfterUnits;
  }

  override feed(hasher: Hasher): void {
    hasher.text('transfer');
    hasher.integer(this.accountNumber);
    hasher.integer(this.transfer.assetNumber);
    hasher.amount(this.transfer.amountUnits);
    hasher.text(this.transfer.clientTransferId);
    hasher.text(this.transfer.otherAccountId);
    hasher.integer(this.transfer.byClearing ? 1 : 0);
    hasher.integer(this.accountSequence);
    hasher.integer(this.postedTimeUs);
    hasher.amount(this.totalAfterUnits);
  }
}

const NO_BALANCES: readonly BalanceAfter[] = [];

export class Account extends Part {
  readonly accountNumber: number;
  readonly accountId: string;
  readonly defaultSelfTradePrevention: SelfTradePrevention;
  readonly createdTimeUs: number;
  /** The account's own dense numbering of its events. */
  accountSequence = 0;
  /** Account sequence of its last declined order or busted trade (CON-3). */
  lastDeclinedSequence = 0;
  /** How many order ids it was given; the last placement. */
  placements = 0;
  readonly balances = new Map<number, Balance>();
  /** Orders that are not final, by placement, in ascending order. */
  readonly liveOrders = new Map<number, LiveOrder>();
  /** Groups of which some leg is not final, by their placement (TYP-7). */
  readonly liveGroups = new Map<number, LiveGroup>();
  /** Self-trade group that an operator gave it, from 1; 0 when it is its own owner (STP-1). */
  selfTradeGroup = 0;
  /** Log time at which its dead man's switch goes off; 0 while it is off (CXL-2). */
  cancelTimeUs = 0;
  state: AccountState = 'ACTIVE';
  limits: AccountLimits = NO_LIMITS;
  /** What was withdrawn by asset, on the last day on which something was. */
  readonly withdrawals = new Map<number, { readonly day: number; readonly units: bigint }>();
  /** What it has traded lately, by quote asset. */
  readonly volumes = new Map<number, Volume>();
  /** Final orders that are still remembered (HLD-2): where the closed orders keep them. */
  readonly closedPositions = new Map<number, number>();
  readonly placementByClientOrderId = new Map<string, number>();
  readonly transfers = new Map<string, TransferRecord>();
  /** Trades of it that were taken back, for ever. */
  readonly busts = new Map<string, BustRecord>();
  /**
   * Orders, open and remembered, by instrument. Follows from them, so the checksum leaves it out.
   */
  readonly orderCounts = new Map<number, number>();
  /** Instrument sequence of the last event of an order of this account (CON-3). */
  readonly lastInstrumentSequences = new Map<number, number>();

  constructor(named: {
    readonly accountNumber: number;
    readonly accountId: string;
    readonly defaultSelfTradePrevention: SelfTradePrevention;
    readonly createdTimeUs: number;
  }) {
    super();
    this.accountNumber = named.accountNumber;
    this.accountId = named.accountId;
    this.defaultSelfTradePrevention = named.defaultSelfTradePrevention;
    this.createdTimeUs = named.createdTimeUs;
  }

  /** The balance of an asset, made when it is first needed. */
  balance(assetNumber: number): Balance {
    let balance = this.balances.get(assetNumber);
    if (balance === undefined) {
      balance = new Balance(this.accountNumber, assetNumber);
      this.balances.set(assetNumber, balance);
    }
    return balance;
  }

  /** Balances of some assets as they are now. */
  balancesAfter(assetNumbers: readonly number[]): readonly BalanceAfter[] {
    if (assetNumbers.length === 0) return NO_BALANCES;
    return assetNumbers.map((assetNumber) => this.balance(assetNumber).toBalanceAfter());
  }

  /** What was withdrawn of an asset on a day. */
  withdrawnOn(day: number, assetNumber: number): bigint {
    const last = this.withdrawals.get(assetNumber);
    return last?.day === day ? last.units : 0n;
  }

  /** The volume in a quote asset, made when it is first needed. */
  volume(assetNumber: number): Volume {
    let volume = this.volumes.get(assetNumber);
    if (volume === undefined) {
      volume = new Volume(this.accountNumber, assetNumber);
      this.volumes.set(assetNumber, volume);
    }
    return volume;
  }

  /** Counts an order of an instrument in, by 1, or out, by -1. */
  countOrder(terms: OrderTerms | undefined, by: 1 | -1): void {
    if (terms !== undefined) this.countOrderOf(terms.instrumentNumber, by);
  }

  /** As `countOrder`, by the instrument's number. */
  countOrderOf(instrumentNumber: number, by: 1 | -1): void {
    const count = (this.orderCounts.get(instrumentNumber) ?? 0) + by;
    if (count === 0) this.orderCounts.delete(instrumentNumber);
    else this.orderCounts.set(instrumentNumber, count);
  }

  /** A new order with the next placement, not yet filed. */
  newOrder(clientOrderId: string, terms: OrderTerms | undefined): LiveOrder {
    this.placements += 1;
    return new LiveOrder(this.accountNumber, this.accountId, this.placements, clientOrderId, terms);
  }

  override feed(hasher: Hasher): void {
    hasher.text('account');
    hasher.integer(this.accountNumber);
    hasher.text(this.accountId);
    hasher.text(this.defaultSelfTradePrevention);
    hasher.integer(this.createdTimeUs);
    hasher.integer(this.accountSequence);
    hasher.integer(this.lastDeclinedSequence);
    hasher.integer(this.placements);
    hasher.integer(this.selfTradeGroup);
    hasher.integer(this.cancelTimeUs);
    hasher.text(this.state);
    hasher.integer(this.limits.maximumOpenOrders);
    for (const limit of this.limits.assets) {
      hasher.integer(limit.assetNumber);
      hasher.amount(limit.maximumNotionalUnits);
      hasher.amount(limit.maximumWithdrawalUnits);
    }
    for (const [assetNumber, { day, units }] of this.withdrawals) {
      hasher.integer(assetNumber);
      hasher.integer(day);
      hasher.amount(units);
    }
    for (const [instrumentNumber, sequence] of this.lastInstrumentSequences) {
      hasher.integer(instrumentNumber);
      hasher.integer(sequence);
    }
  }
}
