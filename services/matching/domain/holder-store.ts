// Holders: one for each account with resting orders in an instrument. It counts them (MAT-7) and
// chains them by arrival, for mass cancels (CXL-1). A holder whose last order is gone is kept until
// room is needed: most accounts soon come back. An order is chained a little later than it comes,
// at the latest when anybody asks for a holder: most are gone before.
import * as tableFields from './handle-table.ts';
import { grownCapacity, HandleTable } from './handle-table.ts';
import type { OrderStore } from './order-store.ts';
import * as orderFields from './order-store.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { DISTANCE_BITS, FAR } = tableFields;
const { ACCOUNT, HOLDER, HOLDER_NEXT, HOLDER_PREVIOUS } = orderFields;

const HOLDER_WORDS = 5;

// 32-bit words from the holder's handle.
const HOLDING_ACCOUNT = 0;
const INSTRUMENT = 1;
const OPEN_COUNT = 2;
const OLDEST = 3;
const YOUNGEST = 4;

const FIRST_CAPACITY = 8;

/** Stands for the holder of an order that is to be chained; no handle is so small. */
const PENDING = 1;
/** 32-bit words of one that is to be chained: its handle and its instrument's number. */
const PENDING_WORDS = 2;
/** Orders that may wait to be chained, at first and at most. */
const FIRST_PENDING = 4;
const MAXIMUM_PENDING = 64;

/** Holders, found by (account number, instrument number). */
export class HolderStore {
  readonly #orders: OrderStore;
  readonly #table: HandleTable;
  #words = new Int32Array((FIRST_CAPACITY + 1) * HOLDER_WORDS);
  #capacity = FIRST_CAPACITY;
  #used = 0;
  /** Free holders, chained by YOUNGEST. */
  #free = 0;
  /** The holder that was looked for last, which mostly is the next one, too. */
  #last = 0;
  /** Orders to be chained, oldest first; some have ended since, or stand here again. */
  #pending = new Int32Array(FIRST_PENDING * PENDING_WORDS);
  /** Words of them. */
  #pendingEnd = 0;

  constructor(orders: OrderStore) {
    this.#orders = orders;
    this.#table = new HandleTable(FIRST_CAPACITY * 2, (number) =>
      this.#hashOf(number * HOLDER_WORDS),
    );
  }

  get byteLength(): number {
    return this.#words.byteLength + this.#table.byteLength + this.#pending.byteLength;
  }

  /** Open orders of an account in an instrument. */
  openCount(accountNumber: number, instrumentNumber: number): number {
    this.#chainPending();
    const holder = this.#find(accountNumber, instrumentNumber);
    return holder === 0 ? 0 : (this.#words[holder + OPEN_COUNT] as number);
  }

  /** The order of the account in the instrument that came first; 0 when there is none. */
  oldest(accountNumber: number, instrumentNumber: number): number {
    this.#chainPending();
    const holder = this.#find(accountNumber, instrumentNumber);
    return holder === 0 ? 0 : (this.#words[holder + OLDEST] as number);
  }

  /** Adds an order as the youngest of its account in the instrument. */
  add(order: number, instrumentNumber: number): void {
    this.#chainPending();
    this.#chain(order, instrumentNumber);
  }

  /** As `add`, a little later; not for what may come while a mass cancel is under way. */
  addLater(order: number, instrumentNumber: number): void {
    if (this.#pendingEnd === this.#pending.length) this.#makePendingRoom();
    const { words } = this.#orders;
    const at = this.#pendingEnd;
    words[order + HOLDER] = PENDING;
    words[order + HOLDER_NEXT] = at;
    this.#pending[at] = order;
    this.#pending[at + 1] = instrumentNumber;
    this.#pendingEnd = at + PENDING_WORDS;
  }

  /** Makes an order the youngest of its holder: it has lost its place (AMD-1). */
  moveToYoungest(order: number): void {
    const { words } = this.#orders;
    if (words[order + HOLDER] === PENDING && this.#pendingEnd < this.#pending.length) {
      this.addLater(order, this.#pending[(words[order + HOLDER_NEXT] as number) + 1] as number);
      return;
    }
    this.#chainPending();
    const holder = words[order + HOLDER] as number;
    if (this.#words[holder + YOUNGEST] === order) return;
    this.#unlink(order, holder);
    this.#append(order, holder);
  }

  /** Takes out an order that is final. */
  remove(order: number): void {
    const { words } = this.#orders;
    const holder = words[order + HOLDER] as number;
    words[order + HOLDER] = 0;
    if (holder === PENDING) {
      const end = this.#pendingEnd - PENDING_WORDS;
      if (words[order + HOLDER_NEXT] === end) this.#pendingEnd = end;
      return;
    }
    this.#unlink(order, holder);
    this.#words[holder + OPEN_COUNT] = (this.#words[holder + OPEN_COUNT] as number) - 1;
  }

  /** More room only where it helps, because most are gone when they are to be chained. */
  #makePendingRoom(): void {
    if (this.#chainPending() * 2 * PENDING_WORDS > this.#pending.length) return;
    const room = Math.min(this.#pending.length * 2, MAXIMUM_PENDING * PENDING_WORDS);
    if (room > this.#pending.length) this.#pending = new Int32Array(room);
  }

  /** @returns how many were still to be chained */
  #chainPending(): number {
    const { words } = this.#orders;
    const pending = this.#pending;
    let chained = 0;
    for (let at = 0; at < this.#pendingEnd; at += PENDING_WORDS) {
      const order = pending[at] as number;
      // It stands here for nothing when it has ended, or comes again.
      if (words[order + HOLDER] !== PENDING || words[order + HOLDER_NEXT] !== at) continue;
      this.#chain(order, pending[at + 1] as number);
      chained += 1;
    }
    this.#pendingEnd = 0;
    return chained;
  }

  #chain(order: number, instrumentNumber: number): void {
    const { words } = this.#orders;
    const accountNumber = words[order + ACCOUNT] as number;
    const found = this.#find(accountNumber, instrumentNumber);
    const holder = found === 0 ? this.#make(accountNumber, instrumentNumber) : found;
    this.#words[holder + OPEN_COUNT] = (this.#words[holder + OPEN_COUNT] as number) + 1;
    words[order + HOLDER] = holder;
    this.#append(order, holder);
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

  #make(accountNumber: number, instrumentNumber: number): number {
    const holder = this.#allocate();
    this.#words[holder + HOLDING_ACCOUNT] = accountNumber;
    this.#words[holder + INSTRUMENT] = instrumentNumber;
    this.#words[holder + OPEN_COUNT] = 0;
    this.#words[holder + OLDEST] = 0;
    this.#words[holder + YOUNGEST] = 0;
    this.#table.add(hashOf(accountNumber, instrumentNumber), holder / HOLDER_WORDS);
    return holder;
  }

  #allocate(): number {
    if (this.#free === 0 && this.#used === this.#capacity) this.#makeRoom();
    const holder = this.#free;
    if (holder === 0) {
      this.#used += 1;
      return this.#used * HOLDER_WORDS;
    }
    this.#free = this.#words[holder + YOUNGEST] as number;
    return holder;
  }

  /** Takes out the holders without orders, and grows unless they were many. */
  #makeRoom(): void {
    this.#last = 0;
    let freed = 0;
    for (let number = 1; number <= this.#used; number += 1) {
      const holder = number * HOLDER_WORDS;
      if (this.#words[holder + OPEN_COUNT] !== 0) continue;
      this.#table.remove(this.#hashOf(holder), number);
      this.#words[holder + YOUNGEST] = this.#free;
      this.#free = holder;
      freed += 1;
    }
    if (freed * 4 >= this.#capacity * 3) return;
    this.#capacity = grownCapacity(this.#capacity);
    const grown = new Int32Array((this.#capacity + 1) * HOLDER_WORDS);
    grown.set(this.#words);
    this.#words = grown;
  }

  /** Handle of a holder; 0 when there is none. */
  #find(accountNumber: number, instrumentNumber: number): number {
    if (this.#isOf(this.#last, accountNumber, instrumentNumber)) return this.#last;
    const { slots, mask } = this.#table;
    let slot = hashOf(accountNumber, instrumentNumber) & mask;
    for (let distance = 0; ; distance += 1) {
      const entry = slots[slot] as number;
      if (entry === 0) return 0;
      if ((entry & FAR) === distance || distance >= FAR) {
        const holder = (entry >>> DISTANCE_BITS) * HOLDER_WORDS;
        if (this.#isOf(holder, accountNumber, instrumentNumber)) {
          this.#last = holder;
          return holder;
        }
      }
      slot = (slot + 1) & mask;
    }
  }

  #isOf(holder: number, accountNumber: number, instrumentNumber: number): boolean {
    const words = this.#words;
    return (
      words[holder + HOLDING_ACCOUNT] === (accountNumber | 0) &&
      words[holder + INSTRUMENT] === (instrumentNumber | 0) &&
      holder !== 0
    );
  }

  #hashOf(holder: number): number {
    const account = this.#words[holder + HOLDING_ACCOUNT] as number;
    return hashOf(account, this.#words[holder + INSTRUMENT] as number);
  }
}

function hashOf(accountNumber: number, instrumentNumber: number): number {
  let hash = Math.imul(accountNumber, 0x9e3779b1) ^ Math.imul(instrumentNumber, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return hash ^ (hash >>> 13);
}
