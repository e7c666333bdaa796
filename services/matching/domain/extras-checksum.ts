// The incremental checksum of what orders have beside their records (SNAP-3): every order that
// rests or waits with extras counts with a hash of them; one that waits with its record too,
// because no level counts it.
import { mixFields, mixNumber, mixText, mixWord } from './checksum.ts';
import type { OrderExtras, OrderGroup } from './order-extras.ts';
import {
  HASH,
  HOLDER_PREVIOUS,
  LEVEL,
  NEXT,
  type OrderStore,
  RECORD_WORDS,
} from './order-store.ts';
import type { OrderTerms } from './rules.ts';

/** Words of a record that only say where it lies. */
const isOfPlace = (word: number): boolean =>
  word === HASH || (word >= NEXT && word <= LEVEL) || (word > LEVEL && word <= HOLDER_PREVIOUS);

/** Words of a record that are part of the state. */
export const COUNTED_WORDS = Array.from({ length: RECORD_WORDS }, (_, word) => word).filter(
  (word) => !isOfPlace(word),
);

/** Hash of an order's record, wherever it lies. */
export function hashOfRecord(orders: OrderStore, order: number): number {
  let hash = 0x2c1b3c6d;
  for (const word of COUNTED_WORDS) hash = mixWord(hash, orders.words[order + word] as number);
  return mixWord(hash, orders.groupOf(order));
}

/** Hash of the terms of an order. */
export function hashOfTerms(terms: OrderTerms): number {
  return mixFields(0x297a2d39, terms);
}

/** Hash of everything that an order has beside its record. */
export function hashOfExtras(extras: OrderExtras): number {
  let hash = mixText(0x5bd1e995, `${extras.place} ${extras.side} ${extras.type}`);
  hash = mixText(hash, extras.timeInForce);
  hash = mixNumber(hash, extras.bookNumber);
  hash = mixNumber(hash, extras.accountNumber);
  hash = mixNumber(hash, extras.placement);
  hash = mixNumber(hash, extras.age);
  hash = mixNumber(hash, extras.turn);
  hash = mixNumber(hash, extras.priceUnits);
  hash = mixNumber(hash, extras.trailingOffsetUnits);
  hash = mixNumber(hash, extras.trailingOffsetBps);
  // What every print may move of a trailing stop, the book counts (waiting-orders.ts).
  const isMoved = extras.place === 'WAITING' && extras.type === 'TRAILING_STOP';
  hash = mixNumber(hash, isMoved ? 0 : extras.stopPriceUnits);
  hash = mixNumber(hash, isMoved ? 0 : extras.bestPriceUnits);
  hash = mixNumber(hash, extras.expireTimeUs);
  hash = mixNumber(hash, extras.displayUnits);
  hash = mixNumber(hash, extras.hiddenUnits);
  hash = mixNumber(hash, extras.minimumUnits);
  return extras.group === undefined ? hash : mixWord(hash, hashOfGroup(extras.group, extras));
}

/** A partner that has ended no longer matters. */
function hashOfGroup(group: OrderGroup, extras: OrderExtras): number {
  let hash = mixText(0x165667b1, group.groupType);
  hash = mixNumber(hash, group.placement);
  hash = mixNumber(hash, group.partnerOf(extras)?.placement ?? 0);
  for (const exit of group.exits) hash = mixWord(hash, hashOfTerms(exit));
  return hash;
}

/** Running checksum of the extras of a shard. */
export class ExtrasChecksum {
  readonly #orders: OrderStore;
  /** Sum of the hashes, and of other hashes of the same. */
  #sum = 0;
  #secondSum = 0;

  constructor(orders: OrderStore) {
    this.#orders = orders;
  }

  get sum(): number {
    return this.#sum;
  }

  get secondSum(): number {
    return this.#secondSum;
  }

  /** Counts extras as they are now, in place of what they counted before. */
  count(extras: OrderExtras): void {
    const hash = this.#hashOf(extras);
    this.#replace(extras, hash, Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) ^ (hash >>> 13));
  }

  /** Counts extras no more. */
  remove(extras: OrderExtras): void {
    this.#replace(extras, 0, 0);
  }

  /** Whether extras count with the hash that they have now. */
  isCounted(extras: OrderExtras): boolean {
    return extras.counted === this.#hashOf(extras);
  }

  #replace(extras: OrderExtras, hash: number, second: number): void {
    this.#sum = (this.#sum + hash - extras.counted) | 0;
    this.#secondSum = (this.#secondSum + second - extras.countedTwice) | 0;
    extras.counted = hash;
    extras.countedTwice = second;
  }

  #hashOf(extras: OrderExtras): number {
    const hash = hashOfExtras(extras);
    if (extras.place !== 'WAITING') return hash;
    return mixWord(hash, hashOfRecord(this.#orders, extras.order));
  }
}
