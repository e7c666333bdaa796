// The checksum of the state of one slot of a matching shard (SNAP-3, MOV-3): the running ones of
// its orders, and the hashes of what is small. Two replicas with the same checksum will do the same
// from here on.
import type { Book } from './book.ts';
import { mixFields, mixNumber, mixText, mixWord } from './checksum.ts';
import { type Cursor, hashOfCursor, hashOfUnsettled } from './cursor.ts';
import type { Forbids } from './forbids.ts';
import type { Incoming } from './incoming.ts';
import type { OrderLife } from './order-life.ts';
import type { OrderStore } from './order-store.ts';
import type { InstrumentRules } from './rules.ts';

/** All that a matching shard remembers of a slot. */
export type MatchingState = {
  readonly life: OrderLife;
  readonly books: Iterable<Book>;
  readonly forbids: Forbids;
  readonly cursor: Cursor | undefined;
  readonly incoming: Incoming | undefined;
  /** Books in which an expiry has caused something that is not done yet. */
  readonly caused: readonly Book[];
};

/** Checksum of a state: 32 hexadecimal digits. */
export function checksumOf(state: MatchingState): string {
  const { life, forbids } = state;
  const { orders, checksum } = life.resting;
  let books = 0;
  for (const book of state.books) books = mixWord(books, hashOfBook(book, orders));
  let rest = mixWord(forbids.hash, hashOfCursor(state.cursor, state.incoming, orders));
  for (const book of state.caused) rest = mixNumber(rest, book.rules.instrumentNumber);
  const sum = mixWord(checksum.sum, life.checksum.sum);
  const secondSum = mixWord(checksum.secondSum, life.checksum.secondSum);
  const words = [sum, secondSum, books, rest];
  return words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

/** What follows from the rest (sums, counts, bands) is not counted. */
function hashOfBook(book: Book, orders: OrderStore): number {
  let hash = hashOfRules(book.rules);
  hash = mixText(hash, book.state);
  hash = mixNumber(hash, book.sequence);
  hash = mixNumber(hash, book.arrivals);
  hash = mixNumber(hash, book.lastPriceUnits);
  hash = mixNumber(hash, book.checkedPriceUnits);
  hash = mixNumber(hash, book.staticReferenceUnits);
  hash = mixNumber(hash, book.auctionEndTimeUs);
  hash = mixText(hash, book.stateAfterAuction);
  hash = mixText(hash, book.stateBefore);
  hash = mixWord(hash, book.mayBeCrossed ? 1 : 0);
  hash = mixWord(hash, book.waiting.hashOfTrailing());
  return mixWord(hash, hashOfUnsettled(book, orders));
}

const hashes = new WeakMap<InstrumentRules, number>();

/** Rules never change in place, so their hash is computed once. */
function hashOfRules(rules: InstrumentRules): number {
  const known = hashes.get(rules);
  if (known !== undefined) return known;
  const hash = mixFields(0, rules);
  hashes.set(rules, hash);
  return hash;
}
