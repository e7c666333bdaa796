// An order that is not final: its hold and how far it has come. Becomes a compact closed order
// when it is final.
import type { CancelReason, OrderTerms, RejectReason } from '../../lib/rules/terms.ts';
import { type Hasher, Part } from './digest.ts';
import type { LiveGroup } from './live-group.ts';
import type { HoldState, OrderRecord, OrderStatus } from './order.ts';

/** A hold made for an amend that matching has not answered yet (HLD-6). */
export type AmendHold = { readonly amountUnits: bigint; readonly validUntilUs: number };

/** What holds money: an order for itself, or a group for its legs. */
export type Hold = Part & { readonly holdAssetNumber: number; heldUnits: bigint };

const NO_AMEND_HOLDS: ReadonlyMap<string, AmendHold> = new Map();

export class LiveOrder extends Part {
  readonly accountNumber: number;
  readonly accountId: string;
  readonly placement: number;
  readonly clientOrderId: string;
  /** Follows amends; a new object each time. */
  terms: OrderTerms | undefined;
  bodyHash = '';
  holdState: HoldState = 'PLACED';
  status: OrderStatus = 'PENDING';
  version = 0;
  filledUnits = 0;
  remainingUnits = 0;
  filledNotionalUnits = 0n;
  feeUnits = 0n;
  /** Σ notional × rate over the fills (SET-2): what the fee is the rounding of. */
  weightedFeeSum = 0n;
  rejectReason: RejectReason | 'NONE' = 'NONE';
  cancelReason: CancelReason | 'NONE' = 'NONE';
  holdAssetNumber = 0;
  /** Held now for itself alone, amends in flight included. */
  heldUnits = 0n;
  validUntilUs = 0;
  placedTimeUs = 0;
  updatedTimeUs = 0;
  instrumentSequence = 0;
  accountSequence = 0;
  /** The group that the order belongs to (TYP-7). */
  group: LiveGroup | undefined = undefined;
  #amendHolds = NO_AMEND_HOLDS;

  constructor(
    accountNumber: number,
    accountId: string,
    placement: number,
    clientOrderId: string,
    terms: OrderTerms | undefined,
  ) {
    super();
    this.accountNumber = accountNumber;
    this.accountId = accountId;
    this.placement = placement;
    this.clientOrderId = clientOrderId;
    this.terms = terms;
  }

  /** Where the order's money is held: its group holds for all but a bracket's entry (HLD-6). */
  get hold(): Hold {
    const { group } = this;
    return group === undefined || group.isEntry(this) ? this : group;
  }

  amendHolds(): ReadonlyMap<string, AmendHold> {
    return this.#amendHolds;
  }

  addAmendHold(amendHoldId: string, hold: AmendHold): void {
    const holds = new Map(this.#amendHolds);
    holds.set(amendHoldId, hold);
    this.#amendHolds = holds;
  }

  /** Forgets an amend's hold and says how much it was; 0 when there is none of that id. */
  takeAmendHold(amendHoldId: string): bigint {
    const hold = this.#amendHolds.get(amendHoldId);
    if (hold === undefined) return 0n;
    const holds = new Map(this.#amendHolds);
    holds.delete(amendHoldId);
    this.#amendHolds = holds;
    return hold.amountUnits;
  }

  /** What amends in flight hold together. */
  amendHeldUnits(): bigint {
    let sum = 0n;
    for (const hold of this.#amendHolds.values()) sum += hold.amountUnits;
    return sum;
  }

  toRecord(): OrderRecord {
    return {
      accountNumber: this.accountNumber,
      accountId: this.accountId,
      placement: this.placement,
      clientOrderId: this.clientOrderId,
      terms: this.terms,
      bodyHash: this.bodyHash,
      holdState: this.holdState,
      status: this.status,
      version: this.version,
      filledUnits: this.filledUnits,
      remainingUnits: this.remainingUnits,
      filledNotionalUnits: this.filledNotionalUnits,
      feeUnits: this.feeUnits,
      rejectReason: this.rejectReason,
      cancelReason: this.cancelReason,
      holdAssetNumber: this.holdAssetNumber,
      heldUnits: this.heldUnits,
      groupPlacement: this.group?.placement ?? 0,
      groupType: this.group?.groupType,
      groupHeldUnits: this.group?.heldUnits ?? 0n,
      validUntilUs: this.validUntilUs,
      placedTimeUs: this.placedTimeUs,
      updatedTimeUs: this.updatedTimeUs,
      instrumentSequence: this.instrumentSequence,
      accountSequence: this.accountSequence,
    };
  }

  override feed(hasher: Hasher): void {
    hasher.text('order');
    hasher.integer(this.accountNumber);
    hasher.integer(this.placement);
    hasher.text(this.clientOrderId);
    hasher.text(this.bodyHash);
    if (this.terms !== undefined) feedTerms(hasher, this.terms);
    hasher.text(this.holdState);
    hasher.text(this.status);
    hasher.integer(this.version);
    hasher.integer(this.filledUnits);
    hasher.integer(this.remainingUnits);
    hasher.amount(this.filledNotionalUnits);
    hasher.amount(this.feeUnits);
    hasher.amount(this.weightedFeeSum);
    hasher.integer(this.holdAssetNumber);
    hasher.amount(this.heldUnits);
    hasher.integer(this.validUntilUs);
    hasher.integer(this.placedTimeUs);
    hasher.integer(this.updatedTimeUs);
    hasher.integer(this.instrumentSequence);
    hasher.integer(this.accountSequence);
    if (this.group !== undefined) hasher.integer(this.group.placement);
    for (const [amendHoldId, hold] of this.#amendHolds) {
      hasher.text(amendHoldId);
      hasher.amount(hold.amountUnits);
      hasher.integer(hold.validUntilUs);
    }
  }
}

function feedTerms(hasher: Hasher, terms: OrderTerms): void {
  hasher.integer(terms.instrumentNumber);
  hasher.text(terms.side);
  hasher.text(terms.type);
  hasher.text(terms.timeInForce);
  hasher.integer(terms.postOnly ? 1 : 0);
  hasher.integer(terms.quantityUnits);
  hasher.amount(terms.quoteBudgetUnits);
  hasher.integer(terms.priceUnits);
  hasher.text(terms.selfTradePrevention);
  hasher.integer(terms.makerRatePpm);
  hasher.integer(terms.takerRatePpm);
  hasher.integer(terms.auctionRatePpm);
  hasher.integer(terms.instrumentVersion);
  hasher.integer(terms.selfTradeGroup);
  hasher.integer(terms.stopPriceUnits);
  hasher.integer(terms.trailingOffsetUnits);
  hasher.integer(terms.trailingOffsetBps);
  hasher.integer(terms.expireTimeUs);
  hasher.integer(terms.displayUnits);
  hasher.integer(terms.minimumUnits);
}
