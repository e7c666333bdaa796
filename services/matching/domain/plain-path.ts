// The path of nearly every command: a limit order without any of the options that rests, or ends,
// without meeting anybody; the cancel of a plain order; an amend of one that meets nobody. Each is
// found out in one look and done at once, with the same state and events as the general way, which
// takes whatever is not plain and knows every rule. Nothing is decided here that is not decided
// there, too: what this file leaves, nobody has touched. Of an order that meets somebody it is
// found out here that it is accepted; how it trades is trading.ts's.
import type { Book } from './book.ts';
import type { AmendOrder, CancelOrder, PlaceOrder } from './command.ts';
import { preventionBits } from './incoming.ts';
import * as levelFields from './level-store.ts';
import * as orderFields from './order-store.ts';
import { isOrderName, type PlacingContext } from './placing.ts';
import { isPlain } from './plain-rules.ts';
import type { RestingOrders } from './resting-orders.ts';
import type { EventSink, OrderName, PlainAmended } from './sink.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { LEVEL_PRICE, SIDE_NUMBER } = levelFields;
const { ACCOUNT, FEE_WHOLE, FLAGS, HAS_EXTRAS, LEVEL } = orderFields;
const { PLACEMENT, QUANTITY, RATES, REMAINING, SELLS, VERSION } = orderFields;
const SAFE = Number.MAX_SAFE_INTEGER;

/** What becomes of an order on the plain path. */
export type PlainPlacement =
  /** It rests or has ended. */
  | 'done'
  /** Nothing was done: it is a plain order, accepted, and will trade. */
  | 'meets'
  /** Nothing was done: it is not plain, or not accepted. */
  | 'other';

/** Does plain commands. */
export class PlainPath {
  readonly #context: PlacingContext;
  readonly #resting: RestingOrders;
  readonly #sink: EventSink;
  /** Reused for every amend: the sink keeps nothing of it. */
  readonly #amended: PlainAmended = {
    version: 0,
    quantityUnits: 0,
    remainingUnits: 0,
    priceUnits: 0,
    placeKept: false,
  };

  constructor(context: PlacingContext, sink: EventSink) {
    this.#context = context;
    this.#resting = context.life.resting;
    this.#sink = sink;
  }

  /** Enters a plain order that meets nobody, and says of one that does that it is accepted. */
  place(book: Book, command: PlaceOrder): PlainPlacement {
    const { terms, accountNumber, placement } = command;
    const { priceUnits, quantityUnits } = terms;
    if (book.state !== 'CONTINUOUS' || book.staticReferenceUnits !== 0) return 'other';
    if (book.openBrackets !== 0 || !isPlain(terms)) return 'other';
    const rules = book.plainRules;
    const prevention = preventionBits(terms.selfTradePrevention);
    if (prevention < 0 || !rules.allow(priceUnits, quantityUnits)) return 'other';
    if (!isOrderName(command)) return 'other';
    const { index, holders } = this.#resting;
    index.reserve();
    if (index.find(accountNumber, placement) !== 0) return 'other';
    const buys = terms.side === 'BUY';
    const meets = (buys ? book.asks : book.bids).isMetBy(priceUnits);
    if (terms.timeInForce !== 'GTC') {
      if (meets) return 'meets';
      this.#sink.plainAccepted(book, command, terms);
      this.#sink.plainRemainder(book, command, quantityUnits);
      return 'done';
    }
    const { instrumentNumber, maximumOpenOrders: most } = rules;
    const { life, limits } = this.#context;
    const { orderCount } = book;
    if (orderCount >= limits.ordersPerBook) return 'other';
    // Nobody has more open than the whole book has.
    const mayBeMost = orderCount + book.waiting.count >= most;
    if (mayBeMost && holders.openCount(accountNumber, instrumentNumber) >= most) return 'other';
    const side = buys ? book.bids : book.asks;
    if (side.quantityUnits + life.hidden.onSide(side) + quantityUnits > SAFE) return 'other';
    if (meets) return 'meets';
    const order = this.#makeRecord(command, prevention | (buys ? 0 : SELLS));
    this.#resting.restNew(book, side, order, priceUnits);
    this.#sink.plainAccepted(book, command, terms);
    return 'done';
  }

  #makeRecord({ accountNumber, placement, terms }: PlaceOrder, flags: number): number {
    const { orders } = this.#resting;
    const order = orders.allocate();
    const { words, floats } = orders;
    const at = order >>> 1;
    floats[at + PLACEMENT] = placement;
    floats[at + REMAINING] = terms.quantityUnits;
    floats[at + QUANTITY] = terms.quantityUnits;
    floats[at + FEE_WHOLE] = 0;
    words[order + ACCOUNT] = accountNumber;
    words[order + VERSION] = 1;
    orders.packRates(order, terms.makerRatePpm, terms.takerRatePpm, terms.auctionRatePpm);
    words[order + FLAGS] = flags;
    return order;
  }

  /** @returns false when nothing was done: there is no such order, or it is not plain */
  cancel(book: Book, command: CancelOrder): boolean {
    const order = this.#find(book, command);
    if (order === 0) return false;
    const resting = this.#resting;
    const { words, floats } = resting.orders;
    const side = ((words[order + FLAGS] as number) & SELLS) !== 0 ? book.asks : book.bids;
    const openUnits = floats[(order >>> 1) + REMAINING] as number;
    this.#sink.orderCanceled(book, order, 'OWNER', openUnits);
    resting.endFound(side, order);
    return true;
  }

  /** @returns false when nothing was done: the amend is not plain, or meets somebody */
  amend(book: Book, command: AmendOrder): boolean {
    if (book.state !== 'CONTINUOUS' || book.staticReferenceUnits !== 0) return false;
    if (command.stopPriceUnits !== undefined || command.displayUnits !== undefined) return false;
    if (command.expireTimeUs !== undefined || command.amendHoldId !== '') return false;
    const order = this.#find(book, command);
    if (order === 0) return false;
    const { orders, levels } = this.#resting;
    const { words, floats } = orders;
    const version = words[order + VERSION] as number;
    if (command.expectedVersion !== undefined && command.expectedVersion !== version) return false;
    const at = order >>> 1;
    const level = (words[order + LEVEL] as number) >>> 1;
    const priceBefore = levels.floats[level + LEVEL_PRICE] as number;
    const quantityBefore = floats[at + QUANTITY] as number;
    const openBefore = floats[at + REMAINING] as number;
    const { priceUnits = priceBefore, quantityUnits = quantityBefore } = command;
    const openUnits = quantityUnits - (quantityBefore - openBefore);
    if (!(openUnits > 0) || !book.plainRules.allow(priceUnits, quantityUnits)) return false;
    const sells = ((words[order + FLAGS] as number) & SELLS) !== 0;
    const placeKept = priceUnits === priceBefore && openUnits <= openBefore;
    if (!placeKept) {
      if ((sells ? book.bids : book.asks).isMetBy(priceUnits)) return false;
      // What may cost more than before must be within the amend's hold (HLD-5).
      const { baseFactor, notionalFactor } = book.plainRules;
      const more = sells
        ? (openUnits - openBefore) * baseFactor
        : (openUnits * priceUnits - openBefore * priceBefore) * notionalFactor;
      if (more > 0 && !(hasNoRates(words, order) && more <= command.amendHoldUnits)) return false;
    }
    const side = sells ? book.asks : book.bids;
    const total = side.quantityUnits + this.#context.life.hidden.onSide(side);
    if (total + openUnits - openBefore > SAFE) return false;
    const amended = this.#amended;
    amended.version = version + 1;
    amended.quantityUnits = quantityUnits;
    amended.remainingUnits = openUnits;
    amended.priceUnits = priceUnits;
    amended.placeKept = placeKept;
    this.#sink.plainAmended(book, command, amended);
    words[order + VERSION] = version + 1;
    if (placeKept) this.#resting.reduce(side, order, openBefore - openUnits);
    else this.#resting.lift(side, order);
    floats[at + QUANTITY] = quantityUnits;
    floats[at + REMAINING] = openUnits;
    if (placeKept) this.#resting.checksum.change(order);
    else this.#resting.rest(book, side, order, priceUnits);
    return true;
  }

  /** A plain order that rests in a book; 0 when there is none. */
  #find(book: Book, name: OrderName): number {
    if (!isOrderName(name)) return 0;
    const { orders, levels, index } = this.#resting;
    const order = index.find(name.accountNumber, name.placement);
    if (order === 0 || ((orders.words[order + FLAGS] as number) & HAS_EXTRAS) !== 0) return 0;
    const side = levels.words[(orders.words[order + LEVEL] as number) + SIDE_NUMBER] as number;
    // The sides of a book have its number, doubled, and the next one.
    return side >>> 1 === book.number ? order : 0;
  }
}

/** Whether no fee can be due, so that notionals alone say what an order may cost. */
function hasNoRates(words: Int32Array, order: number): boolean {
  return words[order + RATES] === 0 && words[order + RATES + 1] === 0;
}
