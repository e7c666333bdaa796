// The checksum of a matching shard's whole state (SNAP-3): the running one of its orders, and the
// hashes of what is small. Two replicas with the same checksum will do the same from here on.
import type { Book } from './book.ts';
import { mixNumber, mixText, mixWord } from './checksum.ts';
import { type Cursor, hashOfCursor } from './cursor.ts';
import type { Forbids } from './forbids.ts';
import type { RestingOrders } from './resting-orders.ts';
import type { InstrumentRules } from './rules.ts';
import type { SlotOwnership } from './slot-ownership.ts';

/** All that a matching shard remembers. */
export type MatchingState = {
  readonly resting: RestingOrders;
  readonly books: Iterable<Book>;
  readonly slots: SlotOwnership;
  readonly forbids: Forbids;
  readonly cursor: Cursor | undefined;
};

/** Checksum of a state: 32 hexadecimal digits. */
export function checksumOf(state: MatchingState): string {
  const { resting, slots, forbids } = state;
  let books = 0;
  for (const book of state.books) books = mixWord(books, hashOfBook(book));
  const rest = mixWord(
    mixWord(slots.hash, forbids.hash),
    hashOfCursor(state.cursor, resting.orders),
  );
  const words = [resting.checksum.sum, resting.checksum.secondSum, books, rest];
  return words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

function hashOfBook(book: Book): number {
  let hash = hashOfRules(book.rules);
  hash = mixText(hash, book.state);
  hash = mixNumber(hash, book.sequence);
  hash = mixNumber(hash, book.arrivals);
  return mixNumber(hash, book.lastPriceUnits);
}

const hashes = new WeakMap<InstrumentRules, number>();

/** Rules never change in place, so their hash is computed once. */
function hashOfRules(rules: InstrumentRules): number {
  const known = hashes.get(rules);
  if (known !== undefined) return known;
  const keys = Object.keys(rules).sort((a, b) => (a < b ? -1 : 1));
  let hash = 0;
  for (const key of keys) {
    hash = mixText(hash, `${key}=${String(rules[key as keyof InstrumentRules])}`);
  }
  hashes.set(rules, hash);
  return hash;
}
