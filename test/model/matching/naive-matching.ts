// An order arrives: what it meets, at which price, and what becomes of its rest (MAT, TIF, STP,
// TYP-5, TYP-8 and the dynamic band of BND-1).

import type { TradeParty } from '../../../services/matching/domain/event.ts';
import type { CancelReason, Side } from '../../../services/matching/domain/rules.ts';
import type { NaiveBook } from './naive-book.ts';
import {
  accepts,
  affordableUnits,
  feeOf,
  isAbove,
  isBelow,
  isLimited,
  type NaiveOrder,
  notionalOf,
  rests,
} from './naive-order.ts';

/** An order arrives for the first time: fill-or-kill and minimum quantity are decided (TIF-3). */
export function enter(book: NaiveBook, order: NaiveOrder): void {
  const { timeInForce, minimumUnits } = order.terms;
  if (book.state === 'CONTINUOUS' && (timeInForce === 'FOK' || minimumUnits > 0)) {
    const wouldTrade = unitsTradedOnCopy(book, order);
    const isKilled = timeInForce === 'FOK' && wouldTrade < order.quantityUnits;
    if (isKilled || wouldTrade < minimumUnits) {
      book.cancel(order, isKilled ? 'FOK' : 'MINIMUM_QUANTITY');
      return;
    }
  }
  arrive(book, order);
}

function unitsTradedOnCopy(book: NaiveBook, order: NaiveOrder): number {
  const copy = book.copy();
  // Where prevention would take something off the order, only what lies before that counts.
  const { selfTradePrevention: mode } = order.terms;
  const selfTradePrevention = mode === 'DECREMENT' ? 'CANCEL_TAKER' : mode;
  const terms = { ...order.terms, selfTradePrevention };
  arrive(copy, { ...order, terms, groupType: undefined, exits: [] });
  const fills = copy.events.filter((event) => event.kind === 'traded');
  return fills.reduce((sum, fill) => sum + fill.quantityUnits, 0);
}

/** Trades what can be traded; the rest stays in the book or is canceled. */
export function arrive(book: NaiveBook, order: NaiveOrder): void {
  if (book.state !== 'CONTINUOUS') {
    rest(book, order);
    return;
  }
  const byBudget = order.terms.quoteBudgetUnits > 0n;
  const bandAround = book.lastPriceUnits;
  let hasTraded = false;
  let allowance = { priceUnits: 0, units: 0 };
  for (;;) {
    if (byBudget ? order.unspentUnits === 0n : order.remainingUnits === 0) break;
    const maker = book.firstAgainst(order.terms.side);
    const end = endOfRoad(book, order, maker, bandAround);
    if (maker === undefined || end !== undefined) {
      leave(book, order, end ?? 'NO_LIQUIDITY');
      if (end === 'PRICE_BAND') beginVolatilityAuction(book);
      return;
    }
    if (byBudget && allowance.priceUnits !== maker.priceUnits) {
      const units = affordableUnits(book.rules, order, maker.priceUnits);
      allowance = { priceUnits: maker.priceUnits, units };
    }
    if (byBudget && allowance.units === 0) {
      if (hasTraded) filled(book, order);
      else book.cancel(order, 'NO_LIQUIDITY');
      return;
    }
    const wanted = byBudget ? allowance.units : order.remainingUnits;
    const { selfTradePrevention: mode } = order.terms;
    if (book.isOneOwner(order, maker) && mode !== 'NONE') {
      const units = Math.min(wanted, maker.remainingUnits);
      if (mode === 'DECREMENT') allowance.units -= units;
      if (prevent(book, order, maker, units, byBudget && allowance.units === 0)) return;
    } else {
      const units = Math.min(wanted, maker.shownUnits);
      allowance.units -= units;
      hasTraded = true;
      trade(book, { maker, taker: order, units, priceUnits: maker.priceUnits });
    }
  }
  if (byBudget) filled(book, order);
  else book.finish(order);
}

/** Why an order can trade no further, if it cannot: its own limit comes before the band. */
function endOfRoad(
  book: NaiveBook,
  order: NaiveOrder,
  maker: NaiveOrder | undefined,
  bandAround: number,
): CancelReason | undefined {
  if (maker === undefined) return 'NO_LIQUIDITY';
  if (!accepts(order, maker.priceUnits)) return 'WORST_PRICE';
  return isBeyondEdge(book, bandAround, maker.priceUnits) ? 'PRICE_BAND' : undefined;
}

function filled(book: NaiveBook, order: NaiveOrder): void {
  const { accountNumber, placement, unspentUnits } = order;
  book.emit({ kind: 'orderFilled', accountNumber, placement, unspentUnits });
  book.finish(order);
}

function isBeyondEdge(book: NaiveBook, lastUnits: number, priceUnits: number): boolean {
  const { dynamicBandPpm: band } = book.rules;
  if (band === 0 || lastUnits === 0) return false;
  return isAbove(priceUnits, lastUnits, band) || isBelow(priceUnits, lastUnits, band);
}

/** BND-1: a call of fixed length, after which the book is continuous again. */
function beginVolatilityAuction(book: NaiveBook): void {
  const auctionEndTimeUs = book.nowUs + book.rules.volatilityAuctionUs;
  book.state = 'AUCTION';
  book.stateAfterAuction = 'CONTINUOUS';
  book.auctionEndTimeUs = auctionEndTimeUs;
  book.emit({ kind: 'instrumentStateChanged', state: 'AUCTION', comment: '', auctionEndTimeUs });
}

/** What does not trade on arrival rests, or is canceled because it must not. */
function leave(book: NaiveBook, order: NaiveOrder, why: CancelReason): void {
  const isRemainder = isLimited(order.terms.type) && why !== 'PRICE_BAND';
  if (rests(order.terms)) rest(book, order);
  else book.cancel(order, isRemainder ? 'IOC_REMAINDER' : why);
}

/** Takes its place behind everything at its price. */
export function rest(book: NaiveBook, order: NaiveOrder): void {
  book.arriving = book.arriving.filter((other) => other !== order);
  order.place = book.tick();
  order.age = order.place;
  order.shownUnits = nextPart(order);
  book.orders.push(order);
}

/** TYP-5: what an order shows when a new part of it joins its level. */
export function nextPart(order: NaiveOrder): number {
  const { displayUnits, remainingUnits } = order;
  return displayUnits === 0 ? remainingUnits : Math.min(displayUnits, remainingUnits);
}

type Fill = {
  readonly maker: NaiveOrder;
  readonly taker: NaiveOrder;
  readonly units: number;
  readonly priceUnits: number;
  readonly isUncross?: boolean;
};

/** Two orders trade. In an uncross the buyer stands as maker and nobody is the aggressor. */
export function trade(book: NaiveBook, fill: Fill): void {
  const { maker, taker, units: quantityUnits, priceUnits, isUncross = false } = fill;
  const notional = notionalOf(book.rules, priceUnits, quantityUnits);
  const { auctionRatePpm: auctionMaker, makerRatePpm } = maker.terms;
  const { auctionRatePpm: auctionTaker, takerRatePpm } = taker.terms;
  const makerFee = charge(maker, notional, isUncross ? auctionMaker : makerRatePpm);
  const takerFee = charge(taker, notional, isUncross ? auctionTaker : takerRatePpm);
  takeOff(maker, quantityUnits);
  if (taker.terms.quoteBudgetUnits > 0n) {
    const fee = taker.terms.side === 'BUY' && takerFee > 0n ? takerFee : 0n;
    taker.unspentUnits -= notional + fee;
    taker.tradedUnits += quantityUnits;
  } else takeOff(taker, quantityUnits);
  book.lastPriceUnits = priceUnits;
  book.prints.push(priceUnits);
  const aggressorSide: Side | undefined = isUncross ? undefined : taker.terms.side;
  book.emit({
    kind: 'traded',
    priceUnits,
    quantityUnits,
    aggressorSide,
    sameOwner: book.isOneOwner(maker, taker),
    maker: partyOf(maker, makerFee),
    taker: partyOf(taker, takerFee),
  });
  for (const order of isUncross ? [maker, taker] : [maker]) {
    if (order.remainingUnits === 0) book.finish(order);
    else if (order.shownUnits === 0) {
      order.place = book.tick();
      order.shownUnits = nextPart(order);
    }
  }
  book.endOther(maker);
  book.endOther(taker);
}

function takeOff(order: NaiveOrder, units: number): void {
  order.remainingUnits -= units;
  order.shownUnits -= units;
  order.tradedUnits += units;
}

function partyOf(order: NaiveOrder, feeUnits: bigint): TradeParty {
  const { accountNumber, placement, remainingUnits, unspentUnits } = order;
  return { accountNumber, placement, remainingUnits, unspentUnits, feeUnits };
}

/** SET-2: what is owed after this fill less what was owed before it. */
function charge(order: NaiveOrder, notional: bigint, ratePpm: number): bigint {
  const before = feeOf(order.weightedSum);
  order.weightedSum += notional * BigInt(ratePpm);
  return feeOf(order.weightedSum) - before;
}

/** STP-2: a trade of one owner with itself is prevented; true when the incoming order has ended. */
function prevent(
  book: NaiveBook,
  taker: NaiveOrder,
  maker: NaiveOrder,
  units: number,
  isSpent: boolean,
): boolean {
  const { selfTradePrevention: mode, quoteBudgetUnits } = taker.terms;
  const isDecrement = mode === 'DECREMENT';
  book.emit({
    kind: 'matchPrevented',
    makerAccountNumber: maker.accountNumber,
    makerPlacement: maker.placement,
    takerAccountNumber: taker.accountNumber,
    takerPlacement: taker.placement,
    mode,
    decrementedUnits: isDecrement ? units : 0,
  });
  if (isDecrement) {
    lessen(maker, units);
    if (quoteBudgetUnits > 0n) {
      taker.unspentUnits -= notionalOf(book.rules, maker.priceUnits, units);
    } else lessen(taker, units);
  }
  if (mode === 'CANCEL_MAKER' || mode === 'CANCEL_BOTH' || maker.remainingUnits === 0) {
    book.cancel(maker, 'SELF_TRADE');
  }
  const isUsedUp = isDecrement && (quoteBudgetUnits > 0n ? isSpent : taker.remainingUnits === 0);
  if (mode !== 'CANCEL_TAKER' && mode !== 'CANCEL_BOTH' && !isUsedUp) return false;
  book.cancel(taker, 'SELF_TRADE');
  return true;
}

/** Less quantity comes off the hidden part first (TYP-5). */
function lessen(order: NaiveOrder, units: number): void {
  order.quantityUnits -= units;
  order.remainingUnits -= units;
  order.shownUnits = Math.min(order.shownUnits, order.remainingUnits);
}
