// An order of the naive book, and what can be said of it alone: what kind it is, what it pays,
// when its condition holds. Bigints throughout, one formula a rule.

import type {
  GroupType,
  InstrumentRules,
  OrderTerms,
  OrderType,
  Side,
} from '../../../services/matching/domain/rules.ts';

export type OrderName = { readonly accountNumber: number; readonly placement: number };

export type NaiveOrder = {
  accountNumber: number;
  placement: number;
  terms: OrderTerms;
  priceUnits: number;
  stopPriceUnits: number;
  displayUnits: number;
  expireTimeUs: number;
  /** What has traded plus what is open. */
  quantityUnits: number;
  remainingUnits: number;
  /** Part of an iceberg's remainder that its level shows (TYP-5). */
  shownUnits: number;
  unspentUnits: bigint;
  version: number;
  /** Place in the queue of its level: the smaller, the earlier. */
  place: number;
  /** When it was accepted, or last lost its place: the smaller, the older. */
  age: number;
  /** Best last price since acceptance, of a trailing stop (TYP-4). */
  bestUnits: number;
  weightedSum: bigint;
  tradedUnits: number;
  /** Placement of its group, 0 for none; the exits of a bracket are an OCO. */
  groupPlacement: number;
  groupType: GroupType | undefined;
  /** Exits of a bracket's entry. */
  exits: readonly OrderTerms[];
};

const WAITING: readonly OrderType[] = [
  'STOP',
  'STOP_LIMIT',
  'TAKE_PROFIT',
  'TAKE_PROFIT_LIMIT',
  'TRAILING_STOP',
];

/** TYP-3: waits outside the book until it is triggered. */
export function isWaitingType(type: OrderType): boolean {
  return WAITING.includes(type);
}

/** Has a limit price; every other type has a worst price. */
export function isLimited(type: OrderType): boolean {
  return type === 'LIMIT' || type === 'STOP_LIMIT' || type === 'TAKE_PROFIT_LIMIT';
}

/** May stay in the book when it has arrived. */
export function rests(terms: OrderTerms): boolean {
  return isLimited(terms.type) && terms.timeInForce !== 'IOC' && terms.timeInForce !== 'FOK';
}

export function opposite(side: Side): Side {
  return side === 'BUY' ? 'SELL' : 'BUY';
}

/** STP-1: the self-trade group, else the account. */
export function ownerOf(order: NaiveOrder): string {
  const { selfTradeGroup } = order.terms;
  return selfTradeGroup > 0 ? `group ${selfTradeGroup}` : `account ${order.accountNumber}`;
}

/** Whether an order accepts this price: a buy its own or lower, a sell its own or higher. */
export function accepts(order: NaiveOrder, priceUnits: number): boolean {
  return order.terms.side === 'BUY'
    ? priceUnits <= order.priceUnits
    : priceUnits >= order.priceUnits;
}

/** TYP-3: buy stops and sell take-profits at last >= stop price, the others at last <=. */
export function conditionHolds(order: NaiveOrder, lastUnits: number): boolean {
  const { side, type } = order.terms;
  const isTakeProfit = type === 'TAKE_PROFIT' || type === 'TAKE_PROFIT_LIMIT';
  const isRising = (side === 'BUY') !== isTakeProfit;
  return isRising ? lastUnits >= order.stopPriceUnits : lastUnits <= order.stopPriceUnits;
}

/** TYP-4: stop price that a trailing stop has with this best price. */
export function trailingStopPrice(
  rules: InstrumentRules,
  terms: OrderTerms,
  bestUnits: number,
): number {
  const { trailingOffsetUnits, trailingOffsetBps } = terms;
  const exact = Math.floor((bestUnits * trailingOffsetBps) / 10_000);
  const inTicks = Math.max(exact - (exact % rules.tickUnits), rules.tickUnits);
  const distance = trailingOffsetUnits > 0 ? trailingOffsetUnits : inTicks;
  return terms.side === 'BUY' ? bestUnits + distance : Math.max(bestUnits - distance, 1);
}

/** TYP-2: a price moved by the collar to the worse side, at least 1 and at most the highest. */
export function worstPrice(rules: InstrumentRules, side: Side, fromUnits: number): number {
  const distance = Number((BigInt(fromUnits) * BigInt(rules.collarPpm)) / 1_000_000n);
  const moved = side === 'BUY' ? fromUnits + distance : fromUnits - distance;
  return Math.min(Math.max(moved, 1), rules.maximumPriceUnits);
}

/** A millionth more than a bound is beyond it: price > reference × (1 + band). */
export function isAbove(priceUnits: number, referenceUnits: number, bandPpm: number): boolean {
  return BigInt(priceUnits) * 1_000_000n > BigInt(referenceUnits) * BigInt(1_000_000 + bandPpm);
}

/** Price < reference × (1 - band). */
export function isBelow(priceUnits: number, referenceUnits: number, bandPpm: number): boolean {
  return BigInt(priceUnits) * 1_000_000n < BigInt(referenceUnits) * BigInt(1_000_000 - bandPpm);
}

/** Rounds up a quotient of whole numbers. */
function ceilDivide(numerator: bigint, denominator: bigint): bigint {
  const floor = numerator / denominator - (numerator % denominator < 0n ? 1n : 0n);
  return floor * denominator === numerator ? floor : floor + 1n;
}

/** SET-2: a charge up, a rebate toward zero. */
export function feeOf(weightedSum: bigint): bigint {
  return weightedSum >= 0n ? ceilDivide(weightedSum, 1_000_000n) : weightedSum / 1_000_000n;
}

/** REF-1: exact, in quote's smallest units. */
export function notionalOf(
  rules: InstrumentRules,
  priceUnits: number,
  quantityUnits: number,
): bigint {
  return BigInt(priceUnits) * BigInt(quantityUnits) * BigInt(rules.notionalFactor);
}

/** HLD-1: the most that an order may still cost. */
export function costOf(
  rules: InstrumentRules,
  order: NaiveOrder,
  priceUnits: number,
  quantityUnits: number,
): bigint {
  const { terms } = order;
  if (terms.side === 'SELL') return BigInt(quantityUnits) * BigInt(rules.baseFactor);
  const notional = notionalOf(rules, priceUnits, quantityUnits);
  const { makerRatePpm, takerRatePpm, auctionRatePpm } = terms;
  const rate = BigInt(Math.max(makerRatePpm, takerRatePpm, auctionRatePpm, 0));
  return notional + feeOf(order.weightedSum + notional * rate) - feeOf(order.weightedSum);
}

/** TYP-2: lots that the rest of a budget pays for at a price, one by one. */
export function affordableUnits(
  rules: InstrumentRules,
  order: NaiveOrder,
  priceUnits: number,
): number {
  const rate = BigInt(order.terms.side === 'BUY' ? Math.max(order.terms.takerRatePpm, 0) : 0);
  let lots = 0;
  for (;;) {
    const notional = notionalOf(rules, priceUnits, (lots + 1) * rules.lotUnits);
    const fee = feeOf(order.weightedSum + notional * rate) - feeOf(order.weightedSum);
    if (notional + fee > order.unspentUnits) return lots * rules.lotUnits;
    lots += 1;
  }
}
