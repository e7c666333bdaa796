// Finds an order by its id: a hash table on (account number, placement) with open addressing,
// linear probing and backward-shift deletion, so that it needs no tombstones.
import { ACCOUNT, type OrderStore, PLACEMENT } from './order-store.ts';

const FIRST_SIZE = 2048;
const TWO_TO_32 = 2 ** 32;

/** Order handles by order id. */
export class OrderIndex {
  readonly #orders: OrderStore;
  /** Handles by slot; 0 is empty. At most half full. */
  #slots = new Int32Array(FIRST_SIZE);
  #mask = FIRST_SIZE - 1;
  #count = 0;

  constructor(orders: OrderStore) {
    this.#orders = orders;
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#slots.byteLength;
  }

  /** Handle of the order; 0 when there is none. */
  find(accountNumber: number, placement: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    const { words, floats } = this.#orders;
    let slot = slotHash(accountNumber, placement) & mask;
    for (;;) {
      const order = slots[slot] as number;
      if (order === 0) return 0;
      if (floats[(order >>> 1) + PLACEMENT] === placement) {
        if ((words[order + ACCOUNT] as number) >>> 0 === accountNumber) return order;
      }
      slot = (slot + 1) & mask;
    }
  }

  /** Adds an order, whose id must not be there yet. */
  add(order: number): void {
    if (this.#count * 2 >= this.#slots.length) this.#grow();
    this.#count += 1;
    this.#put(order);
  }

  /** Takes out an order that is there. */
  remove(order: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let hole = this.#home(order);
    while (slots[hole] !== order) hole = (hole + 1) & mask;
    this.#count -= 1;
    let slot = hole;
    for (;;) {
      slot = (slot + 1) & mask;
      const moved = slots[slot] as number;
      if (moved === 0) break;
      // An order may fill the hole only when its home is not between the hole and its slot.
      if (((slot - this.#home(moved)) & mask) >= ((slot - hole) & mask)) {
        slots[hole] = moved;
        hole = slot;
      }
    }
    slots[hole] = 0;
  }

  #home(order: number): number {
    const { words, floats } = this.#orders;
    const placement = floats[(order >>> 1) + PLACEMENT] as number;
    return slotHash((words[order + ACCOUNT] as number) >>> 0, placement) & this.#mask;
  }

  #put(order: number): void {
    const slots = this.#slots;
    let slot = this.#home(order);
    while (slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    slots[slot] = order;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(before.length * 2);
    this.#mask = this.#slots.length - 1;
    for (const order of before) if (order !== 0) this.#put(order);
  }
}

/**
 * Spreads ids over slots, but keeps 16 consecutive placements of an account within one cache
 * line: they tend to be used together.
 */
function slotHash(accountNumber: number, placement: number): number {
  const low = placement < TWO_TO_32 ? placement | 0 : (placement % TWO_TO_32) | 0;
  const high = placement < TWO_TO_32 ? 0 : (placement / TWO_TO_32) | 0;
  let hash = Math.imul((low >>> 4) ^ Math.imul(high, 0x27d4eb2f), 0x9e3779b1);
  hash ^= Math.imul(accountNumber, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return ((hash ^ (hash >>> 13)) << 4) | (low & 15);
}
