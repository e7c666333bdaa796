// Holds that are placed and not confirmed (HLD-4): one that is still only placed when log time has
// passed its `valid_until` has lost whoever should have delivered its command. Follows from the
// open orders, so neither the checksum nor a snapshot has it.
import type { Account } from './account.ts';
import type { LiveOrder } from './live-order.ts';

/** A placement or an amend whose hold waits to be confirmed. */
export type PlacedHold = {
  readonly accountNumber: number;
  readonly placement: number;
  /** Empty for the placement itself. */
  readonly amendHoldId: string;
  readonly validUntilUs: number;
};

type Accounts = ReadonlyMap<number, Account>;

/** Those confirmed since are taken out when the heap has grown to this, or to twice what it was. */
const LEAST_SORTED_OUT = 1_024;

export class PlacedHolds {
  /** A binary heap, earliest first; those confirmed since are left out when they come up. */
  #waiting: PlacedHold[] = [];
  #sortOutAt = LEAST_SORTED_OUT;
  readonly #overdue = new Map<string, PlacedHold>();
  readonly #accounts: Accounts;

  constructor(accounts: Accounts) {
    this.#accounts = accounts;
  }

  /** A hold was placed, for an order or for an amend of it; of a group only the first leg counts. */
  watch(order: LiveOrder, amendHoldId: string, validUntilUs: number): void {
    const { accountNumber, placement } = order;
    this.#push({ accountNumber, placement, amendHoldId, validUntilUs });
  }

  /** Every hold of an account that has come as it is. */
  watchAll({ liveOrders }: Account): void {
    for (const order of liveOrders.values()) {
      const { group, placement } = order;
      const isFirst = group === undefined || group.placement === placement;
      if (isFirst && order.holdState === 'PLACED') this.watch(order, '', order.validUntilUs);
      for (const [amendHoldId, { validUntilUs }] of order.amendHolds()) {
        this.watch(order, amendHoldId, validUntilUs);
      }
    }
  }

  /** Log time at which the next one is overdue; undefined when none waits. */
  nextTimeUs(): number | undefined {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined) return undefined;
      if (this.#isPlaced(first)) return first.validUntilUs + 1;
      this.#pop();
    }
  }

  /** Notes which are overdue at a log time. */
  advance(logTimeUs: number): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || first.validUntilUs >= logTimeUs) return;
      this.#pop();
      if (this.#isPlaced(first)) this.#overdue.set(keyOf(first), first);
    }
  }

  /** Those that are overdue and still only placed, at most so many, the oldest first. */
  overdue(limit: number): readonly PlacedHold[] {
    const found: PlacedHold[] = [];
    for (const [key, hold] of this.#overdue) {
      if (found.length === limit) break;
      if (this.#isPlaced(hold)) found.push(hold);
      else this.#overdue.delete(key);
    }
    return found;
  }

  #isPlaced({ accountNumber, placement, amendHoldId }: PlacedHold): boolean {
    const order = this.#accounts.get(accountNumber)?.liveOrders.get(placement);
    if (order === undefined) return false;
    return amendHoldId === '' ? order.holdState === 'PLACED' : order.amendHolds().has(amendHoldId);
  }

  /** Nearly all are confirmed long before they are overdue: they are not kept until then. */
  #sortOut(): void {
    const placed = this.#waiting.filter((hold) => this.#isPlaced(hold));
    this.#sortOutAt = Math.max(LEAST_SORTED_OUT, placed.length * 2);
    // What is in ascending order is a heap.
    this.#waiting = placed.sort((one, other) => one.validUntilUs - other.validUntilUs);
  }

  #push(hold: PlacedHold): void {
    if (this.#waiting.length >= this.#sortOutAt) this.#sortOut();
    const waiting = this.#waiting;
    let index = waiting.length;
    waiting.push(hold);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = waiting[parent] as PlacedHold;
      if (above.validUntilUs <= hold.validUntilUs) break;
      waiting[index] = above;
      index = parent;
    }
    waiting[index] = hold;
  }

  #pop(): void {
    const waiting = this.#waiting;
    const last = waiting.pop();
    if (last === undefined || waiting.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= waiting.length) break;
      const right = waiting[child + 1];
      const left = waiting[child] as PlacedHold;
      if (right !== undefined && right.validUntilUs < left.validUntilUs) child += 1;
      const below = waiting[child] as PlacedHold;
      if (last.validUntilUs <= below.validUntilUs) break;
      waiting[index] = below;
      index = child;
    }
    waiting[index] = last;
  }
}

function keyOf({ accountNumber, placement, amendHoldId }: PlacedHold): string {
  return `${accountNumber}/${placement}/${amendHoldId}`;
}
