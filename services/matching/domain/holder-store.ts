// Holders: one for each account with resting orders in an instrument. It counts them (MAT-7) and
// chains them by arrival, for mass cancels (CXL-1). A holder without orders does not exist.
import { HOLDER, HOLDER_NEXT, HOLDER_PREVIOUS, type OrderStore } from './order-store.ts';

const HOLDER_WORDS = 5;

// 32-bit words from the holder's handle.
const HOLDING_ACCOUNT = 0;
const INSTRUMENT = 1;
const OPEN_COUNT = 2;
const OLDEST = 3;
const YOUNGEST = 4;

const FIRST_CAPACITY = 256;

/** Holders, found by (account number, instrument number). */
export class HolderStore {
  readonly #orders: OrderStore;
  #words = new Int32Array((FIRST_CAPACITY + 1) * HOLDER_WORDS);
  #used = 0;
  readonly #free: number[] = [];
  /** Handles by slot of an open-addressing hash table; 0 is empty. At most half full. */
  #slots = new Int32Array(FIRST_CAPACITY * 2);
  #mask = FIRST_CAPACITY * 2 - 1;
  #count = 0;

  constructor(orders: OrderStore) {
    this.#orders = orders;
  }

  get byteLength(): number {
    return this.#words.byteLength + this.#slots.byteLength;
  }

  /** Open orders of an account in an instrument. */
  openCount(accountNumber: number, instrumentNumber: number): number {
    const holder = this.#slots[this.#slotOf(accountNumber, instrumentNumber)] as number;
    return holder === 0 ? 0 : (this.#words[holder + OPEN_COUNT] as number);
  }

  /** The order of the account in the instrument that came first; 0 when there is none. */
  oldest(accountNumber: number, instrumentNumber: number): number {
    const holder = this.#slots[this.#slotOf(accountNumber, instrumentNumber)] as number;
    return holder === 0 ? 0 : (this.#words[holder + OLDEST] as number);
  }

  /** Adds an order as the youngest of its holder. */
  add(order: number, accountNumber: number, instrumentNumber: number): void {
    const holder = this.#obtain(accountNumber, instrumentNumber);
    this.#words[holder + OPEN_COUNT] = (this.#words[holder + OPEN_COUNT] as number) + 1;
    this.#orders.words[order + HOLDER] = holder;
    this.#append(order, holder);
  }

  /** Makes an order the youngest of its holder: it has lost its place (AMD-1). */
  moveToYoungest(order: number): void {
    const holder = this.#orders.words[order + HOLDER] as number;
    if (this.#words[holder + YOUNGEST] === order) return;
    this.#unlink(order, holder);
    this.#append(order, holder);
  }

  /** Takes out an order that is final. */
  remove(order: number): void {
    const holder = this.#orders.words[order + HOLDER] as number;
    this.#unlink(order, holder);
    const left = (this.#words[holder + OPEN_COUNT] as number) - 1;
    this.#words[holder + OPEN_COUNT] = left;
    this.#orders.words[order + HOLDER] = 0;
    if (left === 0) this.#removeHolder(holder);
  }

  #append(order: number, holder: number): void {
    const orders = this.#orders.words;
    const youngest = this.#words[holder + YOUNGEST] as number;
    orders[order + HOLDER_NEXT] = 0;
    orders[order + HOLDER_PREVIOUS] = youngest;
    if (youngest === 0) this.#words[holder + OLDEST] = order;
    else orders[youngest + HOLDER_NEXT] = order;
    this.#words[holder + YOUNGEST] = order;
  }

  #unlink(order: number, holder: number): void {
    const orders = this.#orders.words;
    const next = orders[order + HOLDER_NEXT] as number;
    const previous = orders[order + HOLDER_PREVIOUS] as number;
    if (previous === 0) this.#words[holder + OLDEST] = next;
    else orders[previous + HOLDER_NEXT] = next;
    if (next === 0) this.#words[holder + YOUNGEST] = previous;
    else orders[next + HOLDER_PREVIOUS] = previous;
  }

  #obtain(accountNumber: number, instrumentNumber: number): number {
    const slot = this.#slotOf(accountNumber, instrumentNumber);
    const found = this.#slots[slot] as number;
    if (found !== 0) return found;
    if (this.#count * 2 >= this.#slots.length) {
      this.#growSlots();
      return this.#obtain(accountNumber, instrumentNumber);
    }
    const holder = this.#free.pop() ?? this.#extend();
    this.#words[holder + HOLDING_ACCOUNT] = accountNumber;
    this.#words[holder + INSTRUMENT] = instrumentNumber;
    this.#words[holder + OPEN_COUNT] = 0;
    this.#words[holder + OLDEST] = 0;
    this.#words[holder + YOUNGEST] = 0;
    this.#slots[slot] = holder;
    this.#count += 1;
    return holder;
  }

  #extend(): number {
    const holder = (this.#used + 1) * HOLDER_WORDS;
    this.#used += 1;
    if (holder + HOLDER_WORDS > this.#words.length) {
      const grown = new Int32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    return holder;
  }

  #removeHolder(holder: number): void {
    const account = (this.#words[holder + HOLDING_ACCOUNT] as number) >>> 0;
    let hole = this.#slotOf(account, (this.#words[holder + INSTRUMENT] as number) >>> 0);
    let slot = hole;
    for (;;) {
      slot = (slot + 1) & this.#mask;
      const moved = this.#slots[slot] as number;
      if (moved === 0) break;
      if (((slot - this.#home(moved)) & this.#mask) >= ((slot - hole) & this.#mask)) {
        this.#slots[hole] = moved;
        hole = slot;
      }
    }
    this.#slots[hole] = 0;
    this.#count -= 1;
    this.#free.push(holder);
  }

  /** Slot of a holder, or the empty slot where it belongs. */
  #slotOf(accountNumber: number, instrumentNumber: number): number {
    let slot = hashOf(accountNumber, instrumentNumber) & this.#mask;
    for (;;) {
      const holder = this.#slots[slot] as number;
      if (holder === 0) return slot;
      const account = (this.#words[holder + HOLDING_ACCOUNT] as number) >>> 0;
      const instrument = (this.#words[holder + INSTRUMENT] as number) >>> 0;
      if (account === accountNumber && instrument === instrumentNumber) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }

  #home(holder: number): number {
    const account = this.#words[holder + HOLDING_ACCOUNT] as number;
    return hashOf(account, this.#words[holder + INSTRUMENT] as number) & this.#mask;
  }

  #growSlots(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(before.length * 2);
    this.#mask = this.#slots.length - 1;
    for (const holder of before) {
      if (holder === 0) continue;
      let slot = this.#home(holder);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = holder;
    }
  }
}

function hashOf(accountNumber: number, instrumentNumber: number): number {
  let hash = Math.imul(accountNumber, 0x9e3779b1) ^ Math.imul(instrumentNumber, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return hash ^ (hash >>> 13);
}
