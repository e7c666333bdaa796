// The order that is trading now: at most one in a shard. Its record is in the order store like
// any other; here is what it needs beside it while it is not in the book. Between the steps of a
// long sweep it is part of the state (LOG-17).
import { assertDefined } from '../../lib/base/assert.ts';
import type { Book } from './book.ts';
import { mixNumber, mixText, mixWord } from './checksum.ts';
import { FEE_PART, FLAGS, type OrderStore, PREVENTION_SHIFT } from './order-store.ts';
import type { SelfTradePrevention, Side, TimeInForce } from './rules.ts';

const PREVENTIONS: readonly SelfTradePrevention[] = [
  'NONE',
  'CANCEL_TAKER',
  'CANCEL_MAKER',
  'CANCEL_BOTH',
  'DECREMENT',
];

/** Bits of a self-trade prevention in an order's flags. */
export function preventionBits(mode: SelfTradePrevention): number {
  return PREVENTIONS.indexOf(mode) << PREVENTION_SHIFT;
}

/** Self-trade prevention in an order's flags. */
export function preventionOf(bits: number): SelfTradePrevention {
  return assertDefined(PREVENTIONS[bits >>> PREVENTION_SHIFT], 'a known prevention');
}

/** How an incoming order stands. */
export type IncomingState =
  /** It may still trade. */
  | 'TRADING'
  /** By budget: what is left buys no further lot (TYP-2). */
  | 'SPENT'
  /** Self-trade prevention has ended it; the event is out. */
  | 'PREVENTED';

/** An order while it trades. One object serves all of a shard, one after the other. */
export type Incoming = {
  book: Book;
  /** Its record. */
  order: number;
  side: Side;
  accountNumber: number;
  /** Limit price or worst price, in price units. */
  limitUnits: number;
  isMarket: boolean;
  timeInForce: TimeInForce;
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
    side: 'BUY',
    accountNumber: 0,
    limitUnits: 0,
    isMarket: false,
    timeInForce: 'GTC',
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

/** Hash of an incoming order that waits for its next step. */
export function hashOfIncoming(incoming: Incoming, orders: OrderStore): number {
  let hash = mixText(0x1b873593, `${incoming.side} ${incoming.timeInForce} ${incoming.state}`);
  hash = mixText(hash, `${incoming.isMarket} ${incoming.hasTraded} ${incoming.byBudget}`);
  hash = mixNumber(hash, incoming.book.rules.instrumentNumber);
  hash = mixNumber(hash, incoming.limitUnits);
  hash = mixText(hash, incoming.unspentUnits.toString());
  hash = mixNumber(hash, incoming.allowanceUnits);
  hash = mixNumber(hash, incoming.allowancePriceUnits);
  for (let word = 0; word <= FEE_PART; word += 1) {
    hash = mixWord(hash, orders.words[incoming.order + word] as number);
  }
  hash = mixWord(hash, orders.words[incoming.order + FLAGS] as number);
  return mixNumber(hash, incoming.accountNumber);
}
