// The order that is trading now: at most one in a shard. Its record is in the order store like
// any other; here is what it needs beside it while it is not in the book. Between the steps of a
// long sweep it is part of the state (LOG-17).
import { assertDefined } from '../../lib/base/assert.ts';
import type { Book } from './book.ts';
import { mixNumber, mixText, mixWord } from './checksum.ts';
import { hashOfExtras, hashOfRecord } from './extras-checksum.ts';
import type { OrderExtras } from './order-extras.ts';
import type { OrderStore } from './order-store.ts';
import * as orderFields from './order-store.ts';
import type { SelfTradePrevention, Side, TimeInForce } from './rules.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { ACCOUNT, FLAGS, PREVENTION_SHIFT, SELLS } = orderFields;

const PREVENTIONS: readonly SelfTradePrevention[] = [
  'NONE',
  'CANCEL_TAKER',
  'CANCEL_MAKER',
  'CANCEL_BOTH',
  'DECREMENT',
];

/** Bits of a self-trade prevention in an order's flags; below zero for a name that is none. */
export function preventionBits(mode: SelfTradePrevention): number {
  switch (mode) {
    case 'NONE':
      return 0;
    case 'CANCEL_TAKER':
      return 1 << PREVENTION_SHIFT;
    case 'CANCEL_MAKER':
      return 2 << PREVENTION_SHIFT;
    case 'CANCEL_BOTH':
      return 3 << PREVENTION_SHIFT;
    case 'DECREMENT':
      return 4 << PREVENTION_SHIFT;
    default:
      return -1;
  }
}

/** Self-trade prevention in an order's flags. */
export function preventionOf(bits: number): SelfTradePrevention {
  return assertDefined(PREVENTIONS[(bits >>> PREVENTION_SHIFT) & 7], 'a known prevention');
}

/** How an incoming order stands. */
export type IncomingState =
  /** It may still trade. */
  | 'TRADING'
  /** By budget: what is left buys no further lot (TYP-2). */
  | 'SPENT'
  /** Self-trade prevention has ended it; the event is out. */
  | 'PREVENTED'
  /** It would trade outside the dynamic band (BND-1). */
  | 'AT_EDGE';

/** An order while it trades. One object serves all of a shard, one after the other. */
export type Incoming = {
  book: Book;
  /** Its record. */
  order: number;
  /** Undefined for a plain order. */
  extras: OrderExtras | undefined;
  side: Side;
  /** It is between its arrival and its rest or end. */
  isActive: boolean;
  /** Limit price or worst price, in price units. */
  limitUnits: number;
  /** Prices at which it may trade without a volatility auction (BND-1). */
  lowestUnits: number;
  highestUnits: number;
  /** Last price when it arrived; 0 when there was none. */
  lastBeforeUnits: number;
  isMarket: boolean;
  /** What is left of it rests. */
  rests: boolean;
  timeInForce: TimeInForce;
  /** Smallest quantity of its arrival (TYP-8); 0 for none. */
  minimumUnits: number;
  prevention: SelfTradePrevention;
  takerRatePpm: number;
  state: IncomingState;
  hasTraded: boolean;
  byBudget: boolean;
  /** Left of the budget, in quote's smallest units. */
  unspentUnits: bigint;
  /** Quantity that the budget still buys at `allowancePriceUnits`; computed once a price. */
  allowanceUnits: number;
  /** 0 before the first price. */
  allowancePriceUnits: number;
};

/** What the incoming orders of a shard use one after the other. */
export function makeIncoming(book: Book): Incoming {
  return {
    book,
    order: 0,
    extras: undefined,
    side: 'BUY',
    isActive: false,
    limitUnits: 0,
    lowestUnits: 0,
    highestUnits: Number.MAX_SAFE_INTEGER,
    lastBeforeUnits: 0,
    isMarket: false,
    rests: true,
    timeInForce: 'GTC',
    minimumUnits: 0,
    prevention: 'NONE',
    takerRatePpm: 0,
    state: 'TRADING',
    hasTraded: false,
    byBudget: false,
    unspentUnits: 0n,
    allowanceUnits: 0,
    allowancePriceUnits: 0,
  };
}

/** Begins with a limit order whose remainder rests; the caller says what is otherwise. */
export function setIncoming(
  incoming: Incoming,
  orders: OrderStore,
  book: Book,
  order: number,
  limitUnits: number,
): void {
  const flags = orders.words[order + FLAGS] as number;
  incoming.book = book;
  incoming.order = order;
  incoming.extras = undefined;
  incoming.side = (flags & SELLS) !== 0 ? 'SELL' : 'BUY';
  incoming.isActive = true;
  incoming.limitUnits = limitUnits;
  incoming.isMarket = false;
  incoming.rests = true;
  incoming.timeInForce = 'GTC';
  incoming.minimumUnits = 0;
  incoming.prevention = preventionOf(flags);
  incoming.takerRatePpm = orders.takerRatePpm(order);
  incoming.state = 'TRADING';
  incoming.hasTraded = false;
  incoming.byBudget = false;
  incoming.unspentUnits = 0n;
  incoming.allowanceUnits = 0;
  incoming.allowancePriceUnits = 0;
}

/** Hash of an incoming order that waits for its next step. */
export function hashOfIncoming(incoming: Incoming, orders: OrderStore): number {
  let hash = mixText(0x1b873593, `${incoming.side} ${incoming.timeInForce} ${incoming.state}`);
  hash = mixText(hash, `${incoming.isMarket} ${incoming.hasTraded} ${incoming.byBudget}`);
  hash = mixText(hash, `${incoming.rests} ${incoming.prevention}`);
  hash = mixNumber(hash, incoming.book.rules.instrumentNumber);
  hash = mixNumber(hash, incoming.limitUnits);
  hash = mixNumber(hash, incoming.lowestUnits);
  hash = mixNumber(hash, incoming.highestUnits);
  hash = mixNumber(hash, incoming.lastBeforeUnits);
  hash = mixText(hash, incoming.unspentUnits.toString());
  hash = mixNumber(hash, incoming.allowanceUnits);
  hash = mixNumber(hash, incoming.allowancePriceUnits);
  hash = mixWord(hash, hashOfRecord(orders, incoming.order));
  if (incoming.extras !== undefined) hash = mixWord(hash, hashOfExtras(incoming.extras));
  return mixNumber(hash, (orders.words[incoming.order + ACCOUNT] as number) >>> 0);
}
