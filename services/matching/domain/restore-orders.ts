// Restoring the orders of a book from a snapshot (SNAP-1): their records, what they have beside
// them, their groups, and their places.
import type { Book } from './book.ts';
import { COUNTED_WORDS } from './extras-checksum.ts';
import { OrderExtras, OrderGroup, type OrderPlace } from './order-extras.ts';
import type { OrderLife } from './order-life.ts';
import {
  ACCOUNT,
  ARRIVAL,
  FLAGS,
  HAS_EXTRAS,
  HOLDER,
  LEVEL,
  OWNED_BY_GROUP,
  PLACEMENT,
  REMAINING,
  SELLS,
} from './order-store.ts';
import type { GroupType, OrderTerms, OrderType, TimeInForce } from './rules.ts';
import type { OrderName } from './sink.ts';
import { readFields, SnapshotError, type SnapshotReader } from './snapshot-bytes.ts';

/** An order with its price, before it is put where it belongs. */
type Restored = {
  readonly order: number;
  readonly priceUnits: number;
  readonly extras: OrderExtras | undefined;
};

/** Restores every order of a book; they stand by age in the snapshot. */
export function restoreOrders(reader: SnapshotReader, life: OrderLife, book: Book): void {
  const groups = new Map<string, OrderGroup>();
  const restored: Restored[] = [];
  for (let left = reader.count(COUNTED_WORDS.length * 4); left > 0; left -= 1) {
    restored.push(restoreOrder(reader, life, book, groups));
  }
  // A level is queued by turns, in which icebergs differ from their age.
  const turnOf = ({ order, extras }: Restored): number =>
    extras !== undefined && extras.turn > 0 ? extras.turn : ageOf(life, order);
  const queued = restored.filter(({ extras }) => extras?.place !== 'WAITING');
  queued.sort((one, other) => turnOf(one) - turnOf(other));
  for (const one of queued) putAtRest(life, book, one);
  for (const { extras } of restored) if (extras !== undefined) life.restore(extras);
}

function ageOf({ resting }: OrderLife, order: number): number {
  return resting.orders.floats[(order >>> 1) + ARRIVAL] as number;
}

function restoreOrder(
  reader: SnapshotReader,
  life: OrderLife,
  book: Book,
  groups: Map<string, OrderGroup>,
): Restored {
  const { orders, index, holders } = life.resting;
  const order = orders.allocate();
  const { words, floats } = orders;
  for (const word of COUNTED_WORDS) words[order + word] = reader.word();
  const flags = words[order + FLAGS] as number;
  if ((flags & OWNED_BY_GROUP) !== 0) orders.setGroup(order, reader.word());
  words[order + LEVEL] = 0;
  words[order + HOLDER] = 0;
  const accountNumber = (words[order + ACCOUNT] as number) >>> 0;
  const placement = floats[(order >>> 1) + PLACEMENT] as number;
  if (index.find(accountNumber, placement) !== 0) {
    throw new SnapshotError('the snapshot has an order twice');
  }
  index.add(order);
  holders.add(order, accountNumber, book.rules.instrumentNumber);
  const priceUnits = reader.number();
  if ((flags & HAS_EXTRAS) === 0) return { order, priceUnits, extras: undefined };
  const side = (flags & SELLS) !== 0 ? 'SELL' : 'BUY';
  const place = reader.text() as OrderPlace;
  const terms = { side, priceUnits, ...readTerms(reader) } as const;
  const extras = new OrderExtras(order, book.number, { accountNumber, placement }, terms);
  extras.place = place;
  extras.age = ageOf(life, order);
  extras.turn = reader.number();
  extras.bestPriceUnits = reader.number();
  extras.hiddenUnits = reader.number();
  restoreGroup(reader, { book, extras }, groups);
  life.extras.add(extras);
  return { order, priceUnits, extras };
}

function readTerms(reader: SnapshotReader) {
  return {
    type: reader.text() as OrderType,
    timeInForce: reader.text() as TimeInForce,
    stopPriceUnits: reader.number(),
    trailingOffsetUnits: reader.number(),
    trailingOffsetBps: reader.number(),
    expireTimeUs: reader.number(),
    displayUnits: reader.number(),
    minimumUnits: reader.number(),
  };
}

/** Legs of which one is left have no partner any more. */
function restoreGroup(
  reader: SnapshotReader,
  { book, extras }: { readonly book: Book; readonly extras: OrderExtras },
  groups: Map<string, OrderGroup>,
): void {
  if (!reader.boolean()) return;
  const placement = reader.number();
  const groupType = reader.text() as GroupType;
  const isEntry = reader.boolean();
  const exits: OrderTerms[] = [];
  for (let left = reader.count(8); left > 0; left -= 1) {
    exits.push(readFields(reader) as unknown as OrderTerms);
  }
  const group = groupOf(groups, extras, placement, groupType);
  extras.group = group;
  if (!isEntry) {
    const legs = [...group.legs, extras];
    group.legs = legs.sort((one, other) => one.placement - other.placement);
    return;
  }
  group.entry = extras;
  group.exits = exits;
  book.openBrackets += 1;
  book.promisedWaiting += exits.length;
  for (const exit of exits) if (exit.type === 'TRAILING_STOP') book.promisedTrailing += 1;
}

function groupOf(
  groups: Map<string, OrderGroup>,
  { accountNumber }: OrderName,
  placement: number,
  groupType: GroupType,
): OrderGroup {
  const key = `${accountNumber}-${placement}`;
  const known = groups.get(key);
  if (known !== undefined) return known;
  const group = new OrderGroup(accountNumber, placement, groupType);
  groups.set(key, group);
  return group;
}

/** As an order comes to rest, but in the place that it had. */
function putAtRest(life: OrderLife, book: Book, { order, priceUnits }: Restored): void {
  const { orders, levels, checksum } = life.resting;
  const side = ((orders.words[order + FLAGS] as number) & SELLS) !== 0 ? book.asks : book.bids;
  levels.append(side.levelAt(priceUnits), order);
  side.orderCount += 1;
  side.quantityUnits += orders.floats[(order >>> 1) + REMAINING] as number;
  checksum.add(order);
}
