// Restoring slots from their pieces (SNAP-1, MOV-3): the same state, which does the same from there
// on. Whatever is wrong with the bytes is found before anybody gets the machine.
import { slotOf } from '../../lib/routing/slot.ts';
import { checkRules } from '../../lib/rules/check-rules.ts';
import { Book, type StateAfterAuction } from './book.ts';
import { mixNumber } from './checksum.ts';
import type { OrderGroup } from './order-extras.ts';
import { PLACEMENT } from './order-store.ts';
import { placeOrder, restoreOrder } from './restore-orders.ts';
import type { InstrumentRules, InstrumentState } from './rules.ts';
import type { Shard } from './shard.ts';
import { ORDER_ITEM, SLOT_PIECE } from './slot-pieces.ts';
import { readFields, SnapshotError, SnapshotReader } from './snapshot-bytes.ts';

/** Fills a slot that has done nothing yet, piece by piece. */
export class SlotRestorer {
  /** Orders whose place comes with a later piece. */
  readonly placeless = new Set<number>();
  readonly #shard: Shard;
  readonly #groups = new Map<string, OrderGroup>();

  constructor(shard: Shard) {
    this.#shard = shard;
  }

  /** Whether every order has its place. */
  get isComplete(): boolean {
    return this.placeless.size === 0;
  }

  /** Hash of what no checksum of the slot covers: orders that have no place yet. */
  hashOfAbsent(): number {
    const { floats } = this.#shard.life.resting.orders;
    let sum = 0;
    for (const order of this.placeless) {
      sum = (sum + mixNumber(0x45d9f3b3, floats[(order >>> 1) + PLACEMENT] as number)) | 0;
    }
    return sum;
  }

  /**
   * Takes the next piece.
   *
   * @throws SnapshotError when it is not one of a slot; the slot is of no use then
   */
  take(piece: Uint8Array): void {
    const reader = new SnapshotReader(piece);
    const kind = reader.word();
    switch (kind) {
      case SLOT_PIECE.forbids:
        while (!reader.done) this.#shard.forbids.remember(reader.text(), reader.number());
        break;
      case SLOT_PIECE.book:
        restoreBook(reader, this.#shard);
        reader.end();
        break;
      case SLOT_PIECE.orders:
        this.#takeOrders(reader);
        break;
      default:
        throw new SnapshotError(`the snapshot has a piece of kind ${kind} in a slot`);
    }
  }

  #takeOrders(reader: SnapshotReader): void {
    const { books, life } = this.#shard;
    const book = books.get(reader.word());
    if (book === undefined) throw new SnapshotError('the snapshot has orders of no book');
    while (!reader.done) {
      const kind = reader.word();
      if (kind === ORDER_ITEM.place) {
        const accountNumber = reader.word() >>> 0;
        const order = life.resting.index.find(accountNumber, reader.number());
        if (!this.placeless.delete(order)) {
          throw new SnapshotError('the snapshot has a place of no order');
        }
        placeOrder(life, book, order, life.extras.get(order).priceUnits);
        continue;
      }
      const { order, priceUnits, extras } = restoreOrder(reader, life, book, this.#groups);
      const isLater = kind === ORDER_ITEM.withoutPlace;
      if (isLater !== (extras !== undefined && extras.turn > 0)) {
        throw new SnapshotError('the snapshot has an order in a wrong place');
      }
      if (isLater) this.placeless.add(order);
      else placeOrder(life, book, order, priceUnits);
    }
  }
}

function restoreBook(reader: SnapshotReader, shard: Shard): void {
  const { life } = shard;
  const rules = readFields(reader) as unknown as InstrumentRules;
  const problem = checkRules(rules);
  if (problem !== undefined) throw new SnapshotError(`the snapshot has wrong ${problem.field}`);
  if (shard.books.has(rules.instrumentNumber)) throw new SnapshotError('a book comes twice');
  const state = reader.text() as InstrumentState;
  const place = { slot: slotOf(rules.instrumentId), bookNumber: shard.books.size };
  const book = new Book(rules, state, place, life.resting.stores);
  book.sequence = reader.number();
  book.arrivals = reader.number();
  book.lastPriceUnits = reader.number();
  book.checkedPriceUnits = reader.number();
  book.setStaticReference(reader.number());
  book.mayBeCrossed = reader.boolean();
  book.stateBefore = reader.text() as InstrumentState;
  book.auctionEndTimeUs = reader.number();
  book.stateAfterAuction = reader.text() as StateAfterAuction;
  shard.books.set(rules.instrumentNumber, book);
  life.books.push(book);
  shard.auctions.note(book);
}
