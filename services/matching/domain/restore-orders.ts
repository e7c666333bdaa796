// Restoring orders from the pieces of a slot (SNAP-1): their records, what they have beside them,
// their groups, and their places.
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

/** Restores an order without its place. */
export function restoreOrder(
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
  holders.add(order, book.rules.instrumentNumber);
  const priceUnits = reader.number();
  if ((flags & HAS_EXTRAS) === 0) return { order, priceUnits, extras: undefined };
  const side = (flags & SELLS) !== 0 ? 'SELL' : 'BUY';
  const place = reader.text() as OrderPlace;
  const terms = { side, priceUnits, ...readTerms(reader) } as const;
  const extras = new OrderExtras(order, book.number, { accountNumber, placement }, terms);
  extras.place = place;
  extras.age = floats[(order >>> 1) + ARRIVAL] as number;
  extras.turn = reader.number();
  extras.bestPriceUnits = reader.number();
  extras.hiddenUnits = reader.number();
  restoreGroup(reader, { life, book, extras }, groups);
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
  {
    life,
    book,
    extras,
  }: { readonly life: OrderLife; readonly book: Book; readonly extras: OrderExtras },
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
    // A partner that has its place already did not know of this one.
    const partner = group.partnerOf(extras);
    if (partner === undefined || partner.counted === 0) return;
    if (partner.place === 'RESTING') book.restingPartners += 1;
    life.checksum.count(partner);
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

/** Puts an order where it was: at the back of its level (MAT-1), or among those that wait. */
export function placeOrder(life: OrderLife, book: Book, order: number, priceUnits: number): void {
  const { orders, levels, checksum } = life.resting;
  const extras = life.extras.find(order);
  if (extras?.place !== 'WAITING') {
    const side = ((orders.words[order + FLAGS] as number) & SELLS) !== 0 ? book.asks : book.bids;
    const openUnits = orders.floats[(order >>> 1) + REMAINING] as number;
    levels.append(side.levelAt(priceUnits), order, openUnits);
    side.orderCount += 1;
    side.quantityUnits += openUnits;
    checksum.add(order);
  }
  if (extras !== undefined) life.restore(extras);
}
