// A ledger as one would write it on paper: a list of facts, and balances that are added up from
// all of them each time. Used to judge the account shard's state machine.

export type NaiveOrder = {
  readonly account: string;
  readonly side: 'BUY' | 'SELL';
  readonly makerPpm: number;
  readonly takerPpm: number;
  price: number;
  open: number;
  isFinal: boolean;
  /** Holds of amends that are not answered. */
  readonly amendHolds: Map<string, bigint>;
  readonly fills: { notional: bigint; ppm: number }[];
};

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
    const highest = Math.max(order.makerPpm, order.takerPpm, 0);
    const after = { ...order, fills: [...order.fills, { notional, ppm: highest }] };
    return notional + feeSoFar(after) - feeSoFar(order);
  }

  held(account: string, asset: string): bigint {
    let sum = 0n;
    for (const order of this.orders.values()) {
      if (order.account !== account || order.isFinal) continue;
      if ((order.side === 'BUY' ? 'USD' : 'BTC') !== asset) continue;
      sum += this.worstCost(order);
      for (const amount of order.amendHolds.values()) sum += amount;
    }
    return sum;
  }

  available(account: string, asset: string): bigint {
    return this.total(account, asset) - this.held(account, asset);
  }

  /** Posts one party's part of a trade and returns the fee of this fill. */
  fill(order: NaiveOrder, trade: { price: number; quantity: number; isMaker: boolean }): bigint {
    const notional = BigInt(trade.price) * BigInt(trade.quantity) * NOTIONAL_FACTOR;
    const base = BigInt(trade.quantity) * BASE_FACTOR;
    const before = feeSoFar(order);
    order.fills.push({ notional, ppm: trade.isMaker ? order.makerPpm : order.takerPpm });
    const fee = feeSoFar(order) - before;
    const sign = order.side === 'BUY' ? 1n : -1n;
    this.post(order.account, 'BTC', sign * base);
    this.post(order.account, 'USD', -sign * notional - fee);
    this.post('fees', 'USD', fee);
    order.open -= trade.quantity;
    if (order.open === 0) order.isFinal = true;
    return fee;
  }
}
