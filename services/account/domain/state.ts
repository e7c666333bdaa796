// All state of an account shard, and the few steps that every command shares: finding an account,
// emitting an event in its numbering, filing an order when it is final, forgetting old ones.
import { assert } from '../../lib/base/assert.ts';
import { SLOT_COUNT, slotOf, slotOfAccountNumber } from '../../lib/routing/slot.ts';
import type { SlotOwner } from '../../lib/routing/slot-command.ts';
import type { InstrumentRules } from '../../lib/rules/terms.ts';
import type { Refusal } from '../../lib/shard/state-machine.ts';
import { Account } from './account.ts';
import { ClosedOrders, type OldestClosed } from './closed-orders.ts';
import type { Asset } from './command.ts';
import { type Hasher, Part, StateDigest } from './digest.ts';
import type { Emit, EventBody } from './event.ts';
import { FeeSchedules } from './fee-schedules.ts';
import { Ledger } from './ledger.ts';
import type { LiveGroup } from './live-group.ts';
import type { LiveOrder } from './live-order.ts';
import type { OrderRecord } from './order.ts';
import { PlacedHolds } from './placed-holds.ts';
import { SlotCopies } from './slot-copies.ts';
import { SlotWatermarks, Watermark } from './slot-watermarks.ts';
import { Switches } from './switches.ts';

/** How long a final order is remembered, in log time counted at most 1 s per entry (HLD-2). */
export const CLOSED_WINDOW_US = 600_000_000;
const COUNTED_PER_ENTRY_US = 1_000_000;

/** No final order is forgotten before its `valid_until` is this far behind (HLD-2, LOG-11). */
export const ANSWER_WINDOW_US = 60_000_000;

/** Bounds of a shard; at the first two, new holds are refused with SHARD_OVERLOADED. */
export type Limits = {
  readonly maximumClosedOrders: number;
  readonly maximumLiveOrders: number;
  /** At this many, CreateAccount is refused with SHARD_OVERLOADED. */
  readonly maximumAccounts: number;
};

export const DEFAULT_LIMITS: Limits = {
  maximumClosedOrders: 4_000_000,
  maximumLiveOrders: 4_000_000,
  maximumAccounts: 10_000_000,
};

/** Slots and how many accounts each had; apart from the clocks, which change with every entry. */
class SlotsPart extends Part {
  /** Highest generation seen of each slot, which is remembered for ever (MOV-1). */
  readonly generations = new Float64Array(SLOT_COUNT);
  /** Accounts ever created in each slot. */
  readonly accountCounts = new Float64Array(SLOT_COUNT);
  /** Whose each slot is, by its number in `SLOT_OWNERS`. */
  readonly owners = new Uint8Array(SLOT_COUNT);

  override feed(hasher: Hasher): void {
    hasher.text('slots');
    for (const generation of this.generations) hasher.integer(generation);
    for (const count of this.accountCounts) hasher.integer(count);
    hasher.bytes(this.owners);
  }
}

/** Whose a slot is, by number. */
export const SLOT_OWNERS: readonly SlotOwner[] = ['NONE', 'OWNED', 'FROZEN'];
const NONE = SLOT_OWNERS.indexOf('NONE');
const OWNED = SLOT_OWNERS.indexOf('OWNED');
const FROZEN = SLOT_OWNERS.indexOf('FROZEN');

/** Clocks and counts of the shard. */
class ShardPart extends Part {
  logTimeUs = 0;
  /** Log time counted at most 1 s per entry, so that an outage uses up no window (HLD-2). */
  windowUs = 0;
  liveOrders = 0;

  override feed(hasher: Hasher): void {
    hasher.text('shard');
    hasher.integer(this.logTimeUs);
    hasher.integer(this.windowUs);
    hasher.integer(this.liveOrders);
  }
}

/** A version of an asset or of an instrument's rules. */
class ReferencePart extends Part {
  text = '';

  override feed(hasher: Hasher): void {
    hasher.text(this.text);
  }
}

export { Watermark };

export class LedgerState {
  readonly limits: Limits;
  readonly digest = new StateDigest();
  readonly ledger = new Ledger(this.digest);
  readonly closedOrders = new ClosedOrders(this.digest);
  readonly shard = new ShardPart();
  readonly slots = new SlotsPart();
  readonly assets = new Map<number, Asset>();
  readonly instruments = new Map<number, InstrumentRules>();
  readonly accountsById = new Map<string, Account>();
  readonly accountsByNumber = new Map<number, Account>();
  readonly switches = new Switches(this.digest);
  readonly feeSchedules = new FeeSchedules(this.digest);
  readonly placedHolds = new PlacedHolds(this.accountsByNumber);
  readonly watermarks = new Map<string, Watermark>();
  /** Of slots whose accounts are settled elsewhere than the rest of the shard (MOV-7). */
  readonly slotWatermarks = new SlotWatermarks(this.digest);
  /** Slots that are being copied from other shards (MOV-3). */
  readonly copies = new SlotCopies(this.digest);
  /** Accounts that the range at hand is about; undefined for all that are owned. */
  settled: ((slot: number) => boolean) | undefined;
  #slotsVersion: number | undefined;
  readonly #referenceParts = new Map<string, ReferencePart>();

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /** Counts log time on and forgets final orders whose window is over (LOG-15, HLD-2). */
  advance(logTimeUs: number): void {
    const { shard } = this;
    if (logTimeUs > shard.logTimeUs) {
      shard.windowUs += Math.min(logTimeUs - shard.logTimeUs, COUNTED_PER_ENTRY_US);
      shard.logTimeUs = logTimeUs;
      this.digest.mark(shard);
    }
    for (;;) {
      const oldest = this.closedOrders.oldest();
      if (oldest === undefined) return;
      if (oldest.record.validUntilUs + ANSWER_WINDOW_US >= shard.logTimeUs) return;
      const isOver = oldest.closedWindowUs + CLOSED_WINDOW_US < shard.windowUs;
      const isFull = this.closedOrders.count > this.limits.maximumClosedOrders;
      if (!isOver && !isFull) return;
      // No time passes in a frozen slot (MOV-3).
      if (this.isFrozen(slotOfAccountNumber(oldest.record.accountNumber))) return;
      this.#forgetOldest(oldest);
    }
  }

  #forgetOldest({ position, record }: OldestClosed): void {
    const account = this.accountsByNumber.get(record.accountNumber);
    // An account that has left is remembered where it is now.
    if (account?.closedPositions.get(record.placement) === position) {
      account.closedPositions.delete(record.placement);
      account.countOrder(record.terms, -1);
      account.placementByClientOrderId.delete(record.clientOrderId);
    }
    this.closedOrders.dropOldest();
  }

  /** Log time counted since the oldest final order that is remembered closed. */
  closedWindowUs(): number {
    const oldest = this.closedOrders.oldest();
    return oldest === undefined ? CLOSED_WINDOW_US : this.shard.windowUs - oldest.closedWindowUs;
  }

  ownsAccountNumber(accountNumber: number): boolean {
    return this.ownsSlot(slotOfAccountNumber(accountNumber));
  }

  ownsSlot(slot: number): boolean {
    return this.slots.owners[slot] === OWNED;
  }

  /** Whether it owns a slot, or keeps one that is on its way to another shard. */
  ownsAnySlot(): boolean {
    return this.slots.owners.some((owner) => owner !== NONE);
  }

  isFrozen(slot: number): boolean {
    return this.slots.owners[slot] === FROZEN;
  }

  ownerOf(slot: number): SlotOwner {
    return SLOT_OWNERS[this.slots.owners[slot] as number] as SlotOwner;
  }

  /** Changes whenever a slot comes: generations only grow (MOV-1). Never 0: that is no version. */
  slotsVersion(): number {
    this.#slotsVersion ??= this.slots.generations.reduce((sum, one) => sum + one, 1);
    return this.#slotsVersion;
  }

  setOwner(slot: number, generation: number, owner: SlotOwner): void {
    this.slots.generations[slot] = generation;
    this.#slotsVersion = undefined;
    this.slots.owners[slot] = SLOT_OWNERS.indexOf(owner);
    this.digest.mark(this.slots);
  }

  /** Why a command for an account of this slot is not carried out here; undefined when it is. */
  refusalOf(slot: number): Refusal | undefined {
    if (this.ownsSlot(slot)) return undefined;
    const detail = { slot: `${slot}` };
    return { reason: this.isFrozen(slot) ? 'SLOT_MOVING' : 'WRONG_SHARD', detail };
  }

  /** Whether what is settled now is to be settled on this account. */
  settles(accountNumber: number): boolean {
    const slot = slotOfAccountNumber(accountNumber);
    return this.ownsSlot(slot) && this.settled?.(slot) !== false;
  }

  /** Whether an account of this id would be one of this shard's. */
  owns(accountId: string): boolean {
    return this.ownsSlot(slotOf(accountId));
  }

  /** An account of a slot that this shard owns, or why there is none. */
  findAccount(accountId: string): Account | Refusal {
    const refusal = this.refusalOf(slotOf(accountId));
    if (refusal !== undefined) return refusal;
    const account = this.accountsById.get(accountId);
    return account ?? { reason: 'ACCOUNT_UNKNOWN', detail: { account_id: accountId } };
  }

  /** Emits an event in the account's numbering, with the balances of the assets it changed. */
  emitFor(account: Account, assetNumbers: readonly number[], body: EventBody, emit: Emit): void {
    const { accountNumber, accountSequence } = account;
    const balances = account.balancesAfter(assetNumbers);
    // What is spread first costs a tenth of what is spread later.
    emit({ ...body, accountNumber, accountSequence, balances });
  }

  /** Takes the account's next sequence, for the event that the caller is about to emit. */
  nextSequence(account: Account): number {
    account.accountSequence += 1;
    this.digest.mark(account);
    return account.accountSequence;
  }

  /** Files a new order that is not final. */
  fileLive(account: Account, order: LiveOrder): void {
    account.liveOrders.set(order.placement, order);
    account.countOrder(order.terms, 1);
    account.placementByClientOrderId.set(order.clientOrderId, order.placement);
    this.shard.liveOrders += 1;
    this.digest.mark(this.shard);
    this.digest.mark(order);
  }

  /** Files a new group, whose legs are filed already. */
  fileGroup(account: Account, group: LiveGroup): void {
    account.liveGroups.set(group.placement, group);
    this.digest.mark(group);
  }

  /** Takes a final leg out of its group, and the group out when it was the last. */
  #leaveGroup(account: Account, order: LiveOrder, group: LiveGroup): void {
    group.legs = group.legs.filter((leg) => leg !== order);
    if (group.legs.length > 0) {
      this.digest.mark(group);
      return;
    }
    assert(group.heldUnits === 0n, 'a group without open legs holds nothing');
    account.liveGroups.delete(group.placement);
    this.digest.remove(group);
  }

  /** Files an order that has become final, or was from the start; returns its record. */
  fileClosed(account: Account, order: LiveOrder): OrderRecord {
    if (account.liveOrders.delete(order.placement)) {
      this.shard.liveOrders -= 1;
      this.digest.mark(this.shard);
      this.digest.remove(order);
    } else {
      account.countOrder(order.terms, 1);
      account.placementByClientOrderId.set(order.clientOrderId, order.placement);
    }
    if (order.group !== undefined) this.#leaveGroup(account, order, order.group);
    const record = order.toRecord();
    const position = this.closedOrders.append(record, this.shard.windowUs);
    account.closedPositions.set(order.placement, position);
    return record;
  }

  /** The record of an order, open or remembered. */
  findRecord(account: Account, placement: number): OrderRecord | undefined {
    const live = account.liveOrders.get(placement);
    if (live !== undefined) return live.toRecord();
    const position = account.closedPositions.get(placement);
    return position === undefined ? undefined : this.closedOrders.get(position);
  }

  /** Files a version of an asset in the checksum. */
  markAsset({ assetNumber, assetId, scale, version }: Asset): void {
    this.#markReference(`asset ${assetNumber}`, `${assetId} ${scale} ${version}`);
  }

  /** Files a version of an instrument's rules in the checksum. */
  markInstrument(rules: InstrumentRules): void {
    const text = Object.values(rules).join(' ');
    this.#markReference(`instrument ${rules.instrumentNumber}`, text);
  }

  #markReference(key: string, text: string): void {
    let part = this.#referenceParts.get(key);
    if (part === undefined) {
      part = new ReferencePart();
      this.#referenceParts.set(key, part);
    }
    part.text = `${key}=${text}`;
    this.digest.mark(part);
  }
}

/** Tells a refusal from an account. */
export function isRefusal(found: Account | Refusal): found is Refusal {
  return !(found instanceof Account);
}
