// A ledger as one would write it on paper: a list of facts, and balances that are added up from
// all of them each time. Used to judge the account shard's state machine.

import type { OrderTerms } from '../../../services/lib/rules/terms.ts';

/** Orders that end one another, or an entry and its exits (TYP-7). */
export type NaiveGroup = {
  readonly type: 'OCO' | 'BRACKET';
  readonly account: string;
  /** Asset of the group's own hold. */
  readonly asset: 'USD' | 'BTC';
  /** Those for which the group holds: both of an OCO, the exits of a bracket. */
  readonly legs: NaiveOrder[];
  /** Bracket: held at placement for what the exits cost beyond the entry's proceeds. */
  readonly extra: bigint;
  /** Bracket: what the entry has brought so far. */
  brought: bigint;
  /** Bracket: its exits have not appeared. */
  isOpening: boolean;
};

export type NaiveOrder = {
  readonly group?: NaiveGroup;
  /** The entry of a bracket, which holds for itself. */
  readonly isEntry?: boolean;
  /** Waits for its trigger: trades nothing. */
  isWaiting?: boolean;
  readonly account: string;
  readonly side: 'BUY' | 'SELL';
  readonly makerPpm: number;
  readonly takerPpm: number;
  readonly auctionPpm: number;
  price: number;
  open: number;
  /** What was asked for, what has traded included. */
  total: number;
  isFinal: boolean;
  /** Holds of amends that are not answered. */
  readonly amendHolds: Map<string, bigint>;
  readonly fills: { notional: bigint; ppm: number }[];
};

/** A new order with the rates of its hold. */
export function naiveOrder(account: string, terms: OrderTerms): NaiveOrder {
  return {
    account,
    side: terms.side,
    makerPpm: terms.makerRatePpm,
    takerPpm: terms.takerRatePpm,
    auctionPpm: terms.auctionRatePpm,
    price: terms.priceUnits,
    open: terms.quantityUnits,
    total: terms.quantityUnits,
    isFinal: false,
    amendHolds: new Map(),
    fills: [],
  };
}

/** A trade that may be taken back. */
export type NaivePastTrade = {
  readonly buyer: NaiveOrder;
  readonly seller: NaiveOrder;
  readonly notional: bigint;
  readonly base: bigint;
  readonly buyerFee: bigint;
  readonly sellerFee: bigint;
};

type NaiveTrade = { price: number; quantity: number; as: 'maker' | 'taker' | 'auction' };

/** Rates of rebates are not counted. */
function highestPpm(order: NaiveOrder): number {
  return Math.max(order.makerPpm, order.takerPpm, order.auctionPpm, 0);
}

type Entry = { readonly account: string; readonly asset: string; readonly amount: bigint };

export const NOTIONAL_FACTOR = 3n;
export const BASE_FACTOR = 7n;

function ceilOfMillionths(sum: bigint): bigint {
  const whole = sum / 1_000_000n;
  return sum > 0n && sum % 1_000_000n !== 0n ? whole + 1n : whole;
}

/** Fee of an order so far: the exact sum, a charge rounded up, a rebate toward zero (SET-2). */
export function feeSoFar(order: NaiveOrder): bigint {
  let sum = 0n;
  for (const fill of order.fills) sum += fill.notional * BigInt(fill.ppm);
  return ceilOfMillionths(sum);
}

export class NaiveLedger {
  readonly entries: Entry[] = [];
  readonly orders = new Map<string, NaiveOrder>();
  readonly groups: NaiveGroup[] = [];

  post(account: string, asset: string, amount: bigint): void {
    this.entries.push({ account, asset, amount });
  }

  total(account: string, asset: string): bigint {
    let sum = 0n;
    for (const entry of this.entries) {
      if (entry.account === account && entry.asset === asset) sum += entry.amount;
    }
    return sum;
  }

  /** The most that an order can still cost, found by letting all of it trade at its limit. */
  worstCost(order: NaiveOrder): bigint {
    if (order.side === 'SELL') return BigInt(order.open) * BASE_FACTOR;
    const notional = BigInt(order.price) * BigInt(order.open) * NOTIONAL_FACTOR;
    const highest = highestPpm(order);
    const after = { ...order, fills: [...order.fills, { notional, ppm: highest }] };
    return notional + feeSoFar(after) - feeSoFar(order);
  }

  held(account: string, asset: string): bigint {
    let sum = 0n;
    for (const order of this.orders.values()) {
      if (order.account !== account || order.isFinal) continue;
      if (order.group !== undefined && !order.isEntry) continue;
      if ((order.side === 'BUY' ? 'USD' : 'BTC') !== asset) continue;
      sum += this.worstCost(order);
      for (const amount of order.amendHolds.values()) sum += amount;
    }
    for (const group of this.groups) {
      if (group.account === account && group.asset === asset) sum += this.heldByGroup(group);
    }
    return sum;
  }

  /** The dearest of its orders; before a bracket's exits appear, all that was put in. */
  heldByGroup(group: NaiveGroup): bigint {
    if (group.isOpening) return group.extra + group.brought;
    let dearest = 0n;
    let amends = 0n;
    for (const leg of group.legs) {
      if (leg.isFinal) continue;
      const cost = this.worstCost(leg);
      if (cost > dearest) dearest = cost;
      for (const amount of leg.amendHolds.values()) amends += amount;
    }
    return dearest + amends;
  }

  /** What a bracket that sells first holds on top, by selling and buying all of it at the worst. */
  extraOf(entry: NaiveOrder, exits: readonly NaiveOrder[]): bigint {
    const notional = BigInt(entry.price) * BigInt(entry.open) * NOTIONAL_FACTOR;
    const proceeds = notional - ceilOfMillionths(notional * BigInt(highestPpm(entry)));
    const costs = exits.map((exit) => this.worstCost({ ...exit, open: entry.open }));
    let missing = 0n;
    for (const cost of costs) if (cost - proceeds > missing) missing = cost - proceeds;
    return missing + 2n;
  }

  available(account: string, asset: string): bigint {
    return this.total(account, asset) - this.held(account, asset);
  }

  /** Gives a trade back; what a side does not have available any more the suspense gives. */
  bust({ buyer, seller, notional, base, buyerFee, sellerFee }: NaivePastTrade): void {
    const take = (account: string, asset: string, amount: bigint): void => {
      const available = this.available(account, asset);
      const taken = available < amount ? available : amount;
      this.post(account, asset, -taken);
      this.post('suspense', asset, taken - amount);
    };
    take(buyer.account, 'BTC', base);
    this.post(buyer.account, 'USD', notional + buyerFee);
    this.post(seller.account, 'BTC', base);
    take(seller.account, 'USD', notional - sellerFee);
    this.post('fees', 'USD', -buyerFee - sellerFee);
  }

  /** Posts one party's part of a trade and returns the fee of this fill. */
  fill(order: NaiveOrder, trade: NaiveTrade): bigint {
    const notional = BigInt(trade.price) * BigInt(trade.quantity) * NOTIONAL_FACTOR;
    const base = BigInt(trade.quantity) * BASE_FACTOR;
    const before = feeSoFar(order);
    const ppm = { maker: order.makerPpm, taker: order.takerPpm, auction: order.auctionPpm };
    order.fills.push({ notional, ppm: ppm[trade.as] });
    const fee = feeSoFar(order) - before;
    const sign = order.side === 'BUY' ? 1n : -1n;
    this.post(order.account, 'BTC', sign * base);
    this.post(order.account, 'USD', -sign * notional - fee);
    this.post('fees', 'USD', fee);
    if (order.group !== undefined && order.isEntry) {
      order.group.brought += order.side === 'BUY' ? base : notional - fee;
    }
    order.open -= trade.quantity;
    if (order.open === 0) order.isFinal = true;
    return fee;
  }
}
