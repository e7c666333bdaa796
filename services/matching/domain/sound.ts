// The check of every invariant that a shard has (MAT-5, MAT-6), which tests call after each
// command: counts, sums, order of levels and of queues, indexes complete, waiting orders where
// they belong, no group or time forgotten.
import { assert } from '../../lib/base/assert.ts';
import { isCallPhase } from '../../lib/rules/admission.ts';
import { isWaitingType } from '../../lib/rules/order-types.ts';
import type { Book } from './book.ts';
import type { BookSide } from './book-side.ts';
import { FIRST, LEVEL_PRICE, LEVEL_QUANTITY, ORDER_COUNT } from './level-store.ts';
import type { OrderExtras } from './order-extras.ts';
import type { OrderLife } from './order-life.ts';
import {
  ACCOUNT,
  ARRIVAL,
  FLAGS,
  HAS_EXTRAS,
  LEVEL,
  NEXT,
  PLACEMENT,
  QUANTITY,
  REMAINING,
} from './order-store.ts';
import type { Shard } from './shard.ts';
import { isTriggeredAt } from './waiting-orders.ts';

/** What is counted on the way, to be compared with what the shard counts. */
type Counted = {
  extras: number;
  due: number;
  /** Open orders by account; emptied for each book. */
  readonly ofAccounts: Map<number, number>;
};

/** Stops on a shard that breaks an invariant. */
export function assertShardSound(shard: Shard): void {
  const { life, books } = shard;
  const counted: Counted = { extras: 0, due: 0, ofAccounts: new Map() };
  let orders = 0;
  for (const book of books.values()) {
    for (const side of [book.bids, book.asks]) orders += assertSideSound(life, side, counted);
    orders += assertWaitingSound(life, book, counted);
    assertHoldersSound(shard, book, counted);
    assertBookSound(book, shard.hasUnfinishedWork);
  }
  if (shard.hasUnfinishedWork) return;
  assert(orders === life.resting.index.count, 'every order is found by its id, and no other');
  assert(counted.extras === life.extras.count, 'extras belong to open orders');
  assert(counted.due === life.due.count, 'every order with a time is due at it');
}

/** Orders that are triggered but have not arrived yet belong to their holders, too. */
function assertHoldersSound(shard: Shard, book: Book, { ofAccounts }: Counted): void {
  const { holders } = shard.life.resting;
  for (const [account, found] of ofAccounts) {
    const count = holders.openCount(account, book.rules.instrumentNumber);
    const isRight = shard.hasUnfinishedWork ? count >= found : count === found;
    assert(isRight, `account ${account} has ${found} open orders and counts ${count}`);
  }
  ofAccounts.clear();
}

function assertBookSound(book: Book, isUnderWay: boolean): void {
  const bid = book.bids.bestPriceUnits;
  const ask = book.asks.bestPriceUnits;
  const mayCross = book.mayBeCrossed || isUnderWay;
  assert(mayCross || bid === 0 || ask === 0 || bid < ask, `crossed: ${bid} and ${ask}`);
  if (isUnderWay) return;
  if (isCallPhase(book.state)) assert(book.mayBeCrossed, 'a call phase ends by an uncross');
  if (book.state === 'CONTINUOUS') assert(!book.mayBeCrossed, 'continuous is never crossed');
  assert(book.unsettled.isEmpty, 'a book is quiet between commands');
  if (book.state !== 'CONTINUOUS' || book.lastPriceUnits === 0) return;
  const late = book.waiting.triggeredAt(book.lastPriceUnits);
  assert(late.length === 0, 'no order waits whose condition holds');
}

function assertSideSound(life: OrderLife, side: BookSide, counted: Counted): number {
  const { words, floats } = life.resting.levels;
  let orderCount = 0;
  let quantityUnits = 0;
  let hiddenUnits = 0;
  let better = 0;
  for (let level = side.best; level !== 0; level = side.worseThan(level)) {
    const price = floats[(level >>> 1) + LEVEL_PRICE] as number;
    const isWorse = better === 0 || (side.side === 'BUY' ? price < better : price > better);
    assert(isWorse, `level ${price} is not worse than ${better}`);
    assert(side.findLevel(price) === level, `level ${price} is not found by its price`);
    if (better === 0) assert(side.bestPriceUnits === price, 'the best price is that of the best');
    quantityUnits += assertLevelSound(life, level, counted);
    orderCount += words[level + ORDER_COUNT] as number;
    hiddenUnits += life.hidden.atLevel(level);
    better = price;
  }
  assert(orderCount === side.orderCount, 'the side counts its orders');
  assert(quantityUnits === side.quantityUnits, 'the side sums its quantity');
  assert(hiddenUnits === life.hidden.onSide(side), 'the side sums what it hides');
  return orderCount;
}

function assertLevelSound(life: OrderLife, level: number, counted: Counted): number {
  const { resting } = life;
  const { words, floats } = resting.orders;
  let orderCount = 0;
  let quantityUnits = 0;
  let hiddenUnits = 0;
  let arrival = 0;
  let order = resting.levels.words[level + FIRST] as number;
  assert(order !== 0, 'an empty level does not exist');
  for (; order !== 0; order = words[order + NEXT] as number) {
    const remaining = floats[(order >>> 1) + REMAINING] as number;
    const extras = life.extras.find(order);
    const later = life.placeInQueue(order);
    assert(remaining > 0, 'a resting order has something open');
    assert(later > arrival, 'a queue is in order of arrival');
    assertRecordSound(life, order, counted);
    assert(resting.checksum.isCounted(order), 'the checksum counts the order as it is');
    if (extras !== undefined) {
      assertRestingExtras(life, extras, remaining, counted);
      hiddenUnits += extras.hiddenUnits;
    }
    orderCount += 1;
    quantityUnits += remaining;
    arrival = later;
  }
  assert(orderCount === resting.levels.words[level + ORDER_COUNT], 'a level counts its orders');
  const sum = resting.levels.floats[(level >>> 1) + LEVEL_QUANTITY];
  assert(quantityUnits === sum, 'a level sums its quantity');
  assert(hiddenUnits === life.hidden.atLevel(level), 'a level sums what it hides');
  return quantityUnits;
}

function arrivalOf(life: OrderLife, order: number): number {
  return life.resting.orders.floats[(order >>> 1) + ARRIVAL] as number;
}

/** The order is found by its id, and what it has filled is not negative (HLD-5). */
function assertRecordSound(life: OrderLife, order: number, { ofAccounts }: Counted): void {
  const { resting } = life;
  const { words, floats } = resting.orders;
  const account = (words[order + ACCOUNT] as number) >>> 0;
  const placement = floats[(order >>> 1) + PLACEMENT] as number;
  assert(resting.index.find(account, placement) === order, 'an order is found by its id');
  const total = floats[(order >>> 1) + QUANTITY] as number;
  assert(life.openUnits(order) <= total, 'no more is open than was asked for');
  ofAccounts.set(account, (ofAccounts.get(account) ?? 0) + 1);
}

function assertRestingExtras(
  life: OrderLife,
  extras: OrderExtras,
  shownUnits: number,
  counted: Counted,
): void {
  assert(extras.place === 'RESTING', 'extras say where the order is');
  assert(extras.priceUnits === life.resting.priceOf(extras.order), 'an order rests at its limit');
  const { displayUnits, hiddenUnits } = extras;
  const isWhole = hiddenUnits === 0 || (displayUnits > 0 && shownUnits <= displayUnits);
  assert(isWhole, 'an iceberg shows no more than its part');
  assertExtrasSound(life, extras, counted);
}

function assertExtrasSound(life: OrderLife, extras: OrderExtras, counted: Counted): void {
  counted.extras += 1;
  assert(life.checksum.isCounted(extras), 'the checksum counts the extras as they are');
  assert(extras.age === arrivalOf(life, extras.order), 'extras know the age of the order');
  const hasTime = extras.timeInForce === 'GTD';
  assert(hasTime === extras.dueAt >= 0, 'an order with a time is due at it');
  if (hasTime) counted.due += 1;
  const { group } = extras;
  if (group === undefined) return;
  const belongs = group.entry === extras || group.legs.includes(extras);
  assert(belongs, 'a group knows its open orders');
}

/** Waiting orders are in no level, known by their id, and within their bounds. */
function assertWaitingSound(life: OrderLife, book: Book, counted: Counted): number {
  const { words } = life.resting.orders;
  const waiting = book.waiting.byAge();
  assert(waiting.length === book.waiting.count, 'a book counts what waits');
  for (const extras of waiting) {
    assert(
      extras.place === 'WAITING' && extras.bookNumber === book.number,
      'what waits knows that it does',
    );
    assert(isWaitingType(extras.type), 'only types that wait do');
    assert(words[extras.order + LEVEL] === 0, 'what waits is in no level');
    assert(((words[extras.order + FLAGS] as number) & HAS_EXTRAS) !== 0, 'what waits has extras');
    assert(extras.stopPriceUnits > 0 && extras.priceUnits > 0, 'what waits has its prices');
    assertRecordSound(life, extras.order, counted);
    assertExtrasSound(life, extras, counted);
  }
  const { lastPriceUnits } = book;
  const held = waiting.filter((extras) => isTriggeredAt(extras, lastPriceUnits)).length;
  assert(held === book.waiting.triggeredAt(lastPriceUnits).length, 'every condition is found');
  return waiting.length;
}
