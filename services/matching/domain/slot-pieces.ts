// The state of one slot in canonical pieces: what snapshots consist of (SNAP-1) and what a slot's
// target takes over (MOV-3). Equal states have equal pieces, whatever handles and history they
// have. Each piece says in its first word what it holds.
import { MOST_PIECE_BYTES } from '../../lib/shard/state-machine.ts';
import type { Book } from './book.ts';
import type { BookSide } from './book-side.ts';
import { COUNTED_WORDS } from './extras-checksum.ts';
import { FIRST } from './level-store.ts';
import type { OrderExtras } from './order-extras.ts';
import type { OrderLife } from './order-life.ts';
import { ACCOUNT, ARRIVAL, FLAGS, NEXT, OWNED_BY_GROUP, PLACEMENT } from './order-store.ts';
import type { Shard } from './shard.ts';
import { SnapshotWriter, writeFields } from './snapshot-bytes.ts';

/** What a piece of a slot holds. */
export const SLOT_PIECE = { forbids: 11, book: 12, orders: 13 } as const;

/** What an item of a piece of orders says. */
export const ORDER_ITEM = {
  /** An order in its place: at the back of its level, or waiting. */
  inPlace: 1,
  /** An order whose place comes later: an iceberg's present part is younger than the order. */
  withoutPlace: 2,
  /** The place of such an order. */
  place: 3,
} as const;

/** A piece ends behind the item that brings it here: no item is longer than the rest. */
const FULL_PIECE_BYTES = MOST_PIECE_BYTES - (16 << 10);

/**
 * Pieces of a slot without unfinished work.
 *
 * @param placeless orders that a copy has not put into their places yet
 */
export function* piecesOfSlot(
  shard: Shard,
  placeless: ReadonlySet<number> = new Set(),
): Generator<Uint8Array, void, void> {
  yield* piecesOfForbids(shard);
  for (const book of shard.books.values()) {
    const writer = new SnapshotWriter();
    writer.word(SLOT_PIECE.book);
    writeBook(writer, book);
    yield writer.written();
    yield* piecesOfOrders(shard.life, book, placeless);
  }
}

function* piecesOfForbids({ forbids }: Shard): Generator<Uint8Array, void, void> {
  let writer = new SnapshotWriter();
  for (const { key, untilUs } of forbids.remembered()) {
    if (writer.length === 0) writer.word(SLOT_PIECE.forbids);
    writer.text(key);
    writer.number(untilUs);
    if (writer.length < FULL_PIECE_BYTES) continue;
    yield writer.written();
    writer = new SnapshotWriter();
  }
  if (writer.length > 0) yield writer.written();
}

function writeBook(writer: SnapshotWriter, book: Book): void {
  writeFields(writer, book.rules);
  writer.text(book.state);
  writer.number(book.sequence);
  writer.number(book.arrivals);
  writer.number(book.lastPriceUnits);
  writer.number(book.checkedPriceUnits);
  writer.number(book.staticReferenceUnits);
  writer.boolean(book.mayBeCrossed);
  writer.text(book.stateBefore);
  writer.number(book.auctionEndTimeUs);
  writer.text(book.stateAfterAuction);
}

/** An order, or the place of one, by the number that the book gave it. */
type Item = { readonly number: number; readonly kind: number; readonly order: number };

function* piecesOfOrders(
  life: OrderLife,
  book: Book,
  placeless: ReadonlySet<number>,
): Generator<Uint8Array, void, void> {
  let writer = new SnapshotWriter();
  for (const item of itemsOf(life, book, placeless)) {
    if (writer.length === 0) {
      writer.word(SLOT_PIECE.orders);
      writer.word(book.rules.instrumentNumber);
    }
    writeItem(writer, life, item);
    if (writer.length < FULL_PIECE_BYTES) continue;
    yield writer.written();
    writer = new SnapshotWriter();
  }
  if (writer.length > 0) yield writer.written();
}

/** Orders by age, and places by turn: both are numbers of one counter. */
function itemsOf(life: OrderLife, book: Book, placeless: ReadonlySet<number>): Item[] {
  const { floats } = life.resting.orders;
  const items: Item[] = [];
  const add = (order: number, isPlaced: boolean): void => {
    const turn = life.extras.find(order)?.turn ?? 0;
    const number = floats[(order >>> 1) + ARRIVAL] as number;
    const kind = turn === 0 ? ORDER_ITEM.inPlace : ORDER_ITEM.withoutPlace;
    items.push({ number, kind, order });
    if (turn > 0 && isPlaced) items.push({ number: turn, kind: ORDER_ITEM.place, order });
  };
  for (const side of [book.bids, book.asks]) {
    for (const order of restingOn(life, side)) add(order, true);
  }
  for (const { order } of book.waiting.byAge()) add(order, true);
  for (const order of placeless) {
    if (life.extras.get(order).bookNumber === book.number) add(order, false);
  }
  return items.sort((one, other) => one.number - other.number);
}

function restingOn({ resting }: OrderLife, side: BookSide): number[] {
  const found: number[] = [];
  for (let level = side.best; level !== 0; level = side.worseThan(level)) {
    let order = resting.levels.words[level + FIRST] as number;
    for (; order !== 0; order = resting.orders.words[order + NEXT] as number) found.push(order);
  }
  return found;
}

function writeItem(writer: SnapshotWriter, life: OrderLife, { kind, order }: Item): void {
  const { words, floats } = life.resting.orders;
  writer.word(kind);
  if (kind === ORDER_ITEM.place) {
    writer.word(words[order + ACCOUNT] as number);
    writer.number(floats[(order >>> 1) + PLACEMENT] as number);
    return;
  }
  for (const word of COUNTED_WORDS) writer.word(words[order + word] as number);
  if (((words[order + FLAGS] as number) & OWNED_BY_GROUP) !== 0) {
    writer.word(life.resting.orders.groupOf(order));
  }
  const extras = life.extras.find(order);
  if (extras === undefined) writer.number(life.resting.priceOf(order));
  else writeExtras(writer, extras);
}

function writeExtras(writer: SnapshotWriter, extras: OrderExtras): void {
  writer.number(extras.priceUnits);
  writer.text(extras.place);
  writer.text(extras.type);
  writer.text(extras.timeInForce);
  writer.number(extras.stopPriceUnits);
  writer.number(extras.trailingOffsetUnits);
  writer.number(extras.trailingOffsetBps);
  writer.number(extras.expireTimeUs);
  writer.number(extras.displayUnits);
  writer.number(extras.minimumUnits);
  writer.number(extras.turn);
  writer.number(extras.bestPriceUnits);
  writer.number(extras.hiddenUnits);
  const { group } = extras;
  writer.boolean(group !== undefined);
  if (group === undefined) return;
  writer.number(group.placement);
  writer.text(group.groupType);
  writer.boolean(group.entry === extras);
  writer.word(group.exits.length);
  for (const exit of group.exits) writeFields(writer, exit);
}
