// How orders come to rest, change and leave: the only place that changes queues, levels, the
// index, holders and checksum, so that they always agree (MAT-5, MAT-6).
import type { Book } from './book.ts';
import type { BookSide, LevelStores } from './book-side.ts';
import { OrderChecksum } from './checksum.ts';
import { HolderStore } from './holder-store.ts';
import * as levelFields from './level-store.ts';
import { LevelStore } from './level-store.ts';
import { OrderIndex } from './order-index.ts';
import * as orderFields from './order-store.ts';
import { OrderStore } from './order-store.ts';
import { PricePages } from './price-pages.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { LEVEL_PRICE, LEVEL_QUANTITY, SIDE_NUMBER } = levelFields;
const { ARRIVAL, FLAGS, HOLDER, LEVEL, QUANTITY, REMAINING, SELLS } = orderFields;

/** All resting orders of a shard. */
export class RestingOrders {
  readonly orders = new OrderStore();
  readonly index = new OrderIndex(this.orders);
  readonly holders = new HolderStore(this.orders);
  readonly levels = new LevelStore(this.orders);
  readonly checksum = new OrderChecksum(this.orders, this.levels);
  readonly stores: LevelStores = {
    levels: this.levels,
    pages: new PricePages(),
  };

  /** Bytes of the tables that grow with the number of orders and levels. */
  get byteLength(): number {
    return (
      this.orders.byteLength +
      this.index.byteLength +
      this.holders.byteLength +
      this.levels.byteLength +
      this.stores.pages.byteLength
    );
  }

  /** Price at which an order rests, in price units. */
  priceOf(order: number): number {
    const level = this.orders.words[order + LEVEL] as number;
    return this.levels.floats[(level >>> 1) + LEVEL_PRICE] as number;
  }

  /** Side of the book on which an order rests. */
  sideOf(book: Book, order: number): BookSide {
    const sells = ((this.orders.words[order + FLAGS] as number) & SELLS) !== 0;
    return sells ? book.asks : book.bids;
  }

  /** Whether an order rests in this book. */
  isOf(book: Book, order: number): boolean {
    const level = this.orders.words[order + LEVEL] as number;
    const side = this.sideOf(book, order);
    return this.levels.words[level + SIDE_NUMBER] === side.number;
  }

  /** Puts an order with something open at the back of the level of a price (MAT-1, MAT-3). */
  rest(book: Book, side: BookSide, order: number, priceUnits: number): void {
    const { words, floats } = this.orders;
    const openUnits = floats[(order >>> 1) + REMAINING] as number;
    floats[(order >>> 1) + ARRIVAL] = book.nextArrival();
    this.levels.append(side.levelAt(priceUnits), order, openUnits);
    side.orderCount += 1;
    side.quantityUnits += openUnits;
    if (words[order + HOLDER] === 0) {
      this.index.add(order);
      this.holders.addLater(order, book.rules.instrumentNumber);
    } else {
      this.holders.moveToYoungest(order);
    }
    this.checksum.add(order);
  }

  /**
   * As `rest`, for an order that never rested and whose id was looked for last (OrderIndex).
   */
  restNew(book: Book, side: BookSide, order: number, priceUnits: number): void {
    const { floats } = this.orders;
    const openUnits = floats[(order >>> 1) + REMAINING] as number;
    floats[(order >>> 1) + ARRIVAL] = book.nextArrival();
    this.levels.append(side.levelAt(priceUnits), order, openUnits);
    side.orderCount += 1;
    side.quantityUnits += openUnits;
    this.index.addNew(order);
    this.holders.addLater(order, book.plainRules.instrumentNumber);
    this.checksum.add(order);
  }

  /** Takes what a trade filled off a resting order, which keeps its place with the rest. */
  fill(side: BookSide, order: number, filledUnits: number): void {
    const { floats, words } = this.orders;
    const at = (order >>> 1) + REMAINING;
    const level = ((words[order + LEVEL] as number) >>> 1) + LEVEL_QUANTITY;
    floats[at] = (floats[at] as number) - filledUnits;
    this.levels.floats[level] = (this.levels.floats[level] as number) - filledUnits;
    side.quantityUnits -= filledUnits;
  }

  /** Takes quantity off a resting order that keeps its place (AMD-1, STP-2). */
  reduce(side: BookSide, order: number, reducedUnits: number): void {
    const { floats } = this.orders;
    const at = (order >>> 1) + QUANTITY;
    floats[at] = (floats[at] as number) - reducedUnits;
    this.fill(side, order, reducedUnits);
  }

  /** Takes an order out of its queue but keeps it known: it is about to lose its place (AMD-1). */
  lift(side: BookSide, order: number): void {
    const { words, floats } = this.orders;
    const level = words[order + LEVEL] as number;
    const openUnits = floats[(order >>> 1) + REMAINING] as number;
    this.checksum.remove(order);
    side.orderCount -= 1;
    side.quantityUnits -= openUnits;
    if (this.levels.unlink(order, openUnits) === 0) side.removeLevel(level);
  }

  /** Ends a resting order: it is gone from everywhere and its record is free (MAT-4). */
  end(side: BookSide, order: number): void {
    this.lift(side, order);
    this.forget(order);
  }

  /** As `end`, for the order that was found by its id last. */
  endFound(side: BookSide, order: number): void {
    this.lift(side, order);
    this.index.removeFound();
    this.holders.remove(order);
    this.orders.release(order);
  }

  /** Frees the record of an order that is in no queue. */
  forget(order: number): void {
    if (this.orders.words[order + HOLDER] !== 0) {
      this.index.remove(order);
      this.holders.remove(order);
    }
    this.orders.release(order);
  }
}
