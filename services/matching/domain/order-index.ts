// Finds an order by its id, the account number and the placement.
import * as tableFields from './handle-table.ts';
import { HandleTable } from './handle-table.ts';
import type { OrderStore } from './order-store.ts';
import * as orderFields from './order-store.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { DISTANCE_BITS, FAR } = tableFields;
const { ACCOUNT, PLACEMENT, RECORD_WORDS } = orderFields;

const FIRST_SIZE = 32;
const TWO_TO_32 = 2 ** 32;

/** Order handles by order id. */
export class OrderIndex {
  readonly #orders: OrderStore;
  readonly #table: HandleTable;
  /** Where an order was found last: mostly it is the next one to be taken out. */
  #foundSlot = 0;
  /** Where the last search for one that is not there ended, and how far from where it began. */
  #freeSlot = 0;
  #freeDistance = 0;

  constructor(orders: OrderStore) {
    this.#orders = orders;
    this.#table = new HandleTable(FIRST_SIZE, (number) => this.#hashOf(number * RECORD_WORDS));
  }

  get count(): number {
    return this.#table.count;
  }

  get byteLength(): number {
    return this.#table.byteLength;
  }

  /** Handle of the order; 0 when there is none. */
  find(accountNumber: number, placement: number): number {
    const { slots, mask } = this.#table;
    const { words, floats } = this.#orders;
    let slot = orderHash(accountNumber, placement) & mask;
    for (let distance = 0; ; distance += 1) {
      const entry = slots[slot] as number;
      if (entry === 0) {
        this.#freeSlot = slot;
        this.#freeDistance = distance;
        return 0;
      }
      // What belongs to another slot is passed over without a look at its record.
      if ((entry & FAR) === distance || distance >= FAR) {
        const order = (entry >>> DISTANCE_BITS) * RECORD_WORDS;
        const isNamed = floats[(order >>> 1) + PLACEMENT] === placement;
        if (isNamed && words[order + ACCOUNT] === (accountNumber | 0)) {
          this.#foundSlot = slot;
          return order;
        }
      }
      slot = (slot + 1) & mask;
    }
  }

  /** Adds an order, whose id must not be there yet. */
  add(order: number): void {
    this.#table.add(this.#hashOf(order), (order / RECORD_WORDS) >>> 0);
  }

  /** Makes room for one more; before the search that `addNew` relies on. */
  reserve(): void {
    this.#table.reserve();
  }

  /** Adds the order that was looked for last, and was not there. */
  addNew(order: number): void {
    this.#table.addAt(this.#freeSlot, this.#freeDistance, (order / RECORD_WORDS) >>> 0);
  }

  /** Takes out the order that was found last. */
  removeFound(): void {
    this.#table.removeAt(this.#foundSlot);
  }

  /** Takes out an order that is there. */
  remove(order: number): void {
    const number = (order / RECORD_WORDS) >>> 0;
    const found = this.#table.slots[this.#foundSlot] as number;
    if (found >>> DISTANCE_BITS === number) this.#table.removeAt(this.#foundSlot);
    else this.#table.remove(this.#hashOf(order), number);
  }

  #hashOf(order: number): number {
    const placement = this.#orders.floats[(order >>> 1) + PLACEMENT] as number;
    return orderHash((this.#orders.words[order + ACCOUNT] as number) >>> 0, placement);
  }
}

/**
 * Spreads ids over slots, but keeps 16 consecutive placements of an account within one cache
 * line: they tend to be used together.
 */
function orderHash(accountNumber: number, placement: number): number {
  const low = placement | 0;
  const high = placement < TWO_TO_32 ? 0 : (placement / TWO_TO_32) | 0;
  let hash = Math.imul((low >>> 4) ^ Math.imul(high, 0x27d4eb2f), 0x9e3779b1);
  hash ^= Math.imul(accountNumber, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return ((hash ^ (hash >>> 13)) << 4) | (low & 15);
}
