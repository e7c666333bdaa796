// A snapshot of a matching shard's whole state (SNAP-1): canonical, that is, equal for equal states
// whatever handles and history they have, with a version and a checksum over it.
import { assert } from '../../lib/base/assert.ts';
import { crc32OfBytes } from '../../lib/base/crc32.ts';
import type { Book } from './book.ts';
import type { BookSide } from './book-side.ts';
import { COUNTED_WORDS } from './extras-checksum.ts';
import { FIRST } from './level-store.ts';
import type { OrderExtras } from './order-extras.ts';
import type { OrderLife } from './order-life.ts';
import { ARRIVAL, FLAGS, NEXT, OWNED_BY_GROUP } from './order-store.ts';
import type { Shard } from './shard.ts';
import { SnapshotWriter, writeFields } from './snapshot-bytes.ts';

/** First word of every snapshot. */
export const SNAPSHOT_MARK = 0x424d5331;
/** Version of the format; another one is not read. */
export const SNAPSHOT_VERSION = 1;

/** Bytes of a state without unfinished work. */
export function takeSnapshot(shard: Shard): Uint8Array {
  assert(!shard.hasUnfinishedWork, 'a snapshot is taken between commands (LOG-17)');
  const writer = new SnapshotWriter();
  writer.word(SNAPSHOT_MARK);
  writer.word(SNAPSHOT_VERSION);
  writer.text(shard.checksum());
  writeSlots(writer, shard);
  writeForbids(writer, shard);
  writer.word(shard.books.size);
  for (const book of shard.books.values()) writeBook(writer, shard.life, book);
  writer.word(crc32OfBytes(writer.written()));
  return writer.written();
}

function writeSlots(writer: SnapshotWriter, { slots }: Shard): void {
  const owned = slots.owned();
  writer.word(owned.length);
  for (const slot of owned) {
    writer.word(slot);
    writer.number(slots.generationOf(slot));
  }
}

function writeForbids(writer: SnapshotWriter, { forbids }: Shard): void {
  const remembered = forbids.remembered();
  writer.word(remembered.length);
  for (const { key, untilUs } of remembered) {
    writer.text(key);
    writer.number(untilUs);
  }
}

function writeBook(writer: SnapshotWriter, life: OrderLife, book: Book): void {
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
  const orders = [...restingOn(life, book.bids), ...restingOn(life, book.asks)];
  for (const extras of book.waiting.byAge()) orders.push(extras.order);
  const { floats } = life.resting.orders;
  const ageOf = (order: number): number => floats[(order >>> 1) + ARRIVAL] as number;
  orders.sort((one, other) => ageOf(one) - ageOf(other));
  writer.word(orders.length);
  for (const order of orders) writeOrder(writer, life, order);
}

function restingOn({ resting }: OrderLife, side: BookSide): number[] {
  const found: number[] = [];
  for (let level = side.best; level !== 0; level = side.worseThan(level)) {
    let order = resting.levels.words[level + FIRST] as number;
    for (; order !== 0; order = resting.orders.words[order + NEXT] as number) found.push(order);
  }
  return found;
}

function writeOrder(writer: SnapshotWriter, life: OrderLife, order: number): void {
  const { words } = life.resting.orders;
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
