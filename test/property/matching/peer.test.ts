// The engine against `nodejs-order-book`, a price-time book by somebody else, where its rules are
// the same: limit orders (GTC, IOC, FOK, post-only), market orders by quantity, self-trade
// prevention, cancels, amends that lose their place; every resting order
// and the last price after every command.
//
// Where the rules are not the same, theirs first:
// - less quantity loses the place; here it keeps it (AMD-1);
// - an amend of a post-only order that would trade loses the order; here it stays (TYP-6);
// - an amend states what is open; here the total (AMD-2), so that a fill meanwhile is not undone;
// - an amended order forgets its account, so that nothing is prevented any more;
// - a market order has no worst price (TYP-2), none by budget exists;
// - fill-or-kill counts own orders, too, when they are to be prevented; here not (TIF-3);
// - a stop that would trigger at once is refused; here it triggers (TYP-3). What a trade triggers
//   arrives by age; here what is nearest to the last price comes first;
// - an OCO is a limit and a stop-limit on either side of the last price; here any two (TYP-7);
// - there are no DAY, GTD, iceberg, minimum quantity, take-profit, trailing stop, bracket, states,
//   auctions, bands, decrement or groups of owners.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { OrderBook } from 'nodejs-order-book';
import type { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import { openBook, PLAIN_TERMS, submit, WIDE_RULES } from '../../support/matching/one-book.ts';

type Action =
  | {
      readonly kind: 'limit';
      readonly side: 'BUY' | 'SELL';
      readonly away: number;
      readonly size: number;
      readonly force: 'GTC' | 'IOC' | 'FOK';
      readonly postOnly: boolean;
      readonly account: number;
      readonly mode: (typeof MODES)[number];
    }
  | {
      readonly kind: 'market';
      readonly side: 'BUY' | 'SELL';
      readonly size: number;
      readonly account: number;
    }
  | { readonly kind: 'cancel'; readonly pick: number }
  | {
      readonly kind: 'amend';
      readonly pick: number;
      readonly price: number;
      readonly size: number;
    };

/** Theirs have other names. */
const PEER_MODES = {
  NONE: 'NONE',
  CANCEL_MAKER: 'EXPIRE_MAKER',
  CANCEL_TAKER: 'EXPIRE_TAKER',
  CANCEL_BOTH: 'EXPIRE_BOTH',
} as const;

const MODES = ['NONE', 'CANCEL_MAKER', 'CANCEL_TAKER', 'CANCEL_BOTH'] as const;

const size = fc.integer({ min: 1, max: 20 });

const limit = fc.record({
  kind: fc.constant('limit'),
  side: fc.constantFrom('BUY', 'SELL'),
  away: fc.integer({ min: -3, max: 8 }),
  size,
  force: fc.constantFrom('GTC', 'GTC', 'GTC', 'IOC', 'FOK'),
  postOnly: fc.constantFrom(false, false, false, true),
  account: fc.integer({ min: 1, max: 3 }),
  mode: fc.constantFrom(...MODES),
});

const market = fc.record({
  kind: fc.constant('market'),
  side: fc.constantFrom('BUY', 'SELL'),
  size,
  account: fc.integer({ min: 1, max: 3 }),
});

const action = fc.oneof(
  { weight: 6, arbitrary: limit },
  { weight: 1, arbitrary: market },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel'), pick: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('amend'),
      pick: fc.nat(),
      price: fc.integer({ min: 94, max: 106 }),
      size,
    }),
  },
) as fc.Arbitrary<Action>;

/** The account that amends, and whose orders are not prevented: theirs forget it when amended. */
const AMENDS = 3;

/** Both books, driven by the same actions. */
class Pair {
  readonly #machine: MatchingMachine = openBook();
  readonly #peer = new OrderBook();
  #placed = 0;
  readonly #postOnly = new Set<number>();

  act(step: Action): void {
    if (step.kind === 'limit') this.#limit(step);
    else if (step.kind === 'market') this.#market(step);
    else this.#change(step);
  }

  #change(step: Extract<Action, { pick: number }>): void {
    const open = this.#machine.openOrders(1);
    const order = open[step.pick % Math.max(open.length, 1)];
    if (order === undefined) return;
    const name = {
      instrumentNumber: 1,
      accountNumber: order.accountNumber,
      placement: order.placement,
    };
    const id = String(order.placement);
    if (step.kind === 'cancel') {
      submit(this.#machine, { kind: 'cancelOrder', ...name });
      this.#peer.cancel(id);
      return;
    }
    // Here the rules differ: the peer's order would lose its place, a post-only one be lost.
    const filled = order.quantityUnits - order.remainingUnits;
    if (step.price === order.priceUnits && step.size <= order.remainingUnits) return;
    if (this.#postOnly.has(order.placement) || order.accountNumber !== AMENDS) return;
    submit(this.#machine, {
      kind: 'amendOrder',
      ...name,
      quantityUnits: filled + step.size,
      priceUnits: step.price,
      stopPriceUnits: undefined,
      displayUnits: undefined,
      expireTimeUs: undefined,
      expectedVersion: undefined,
      instrumentVersion: 1,
      amendHoldUnits: 2n ** 61n,
      amendHoldId: 'h',
    });
    const side = order.side.toLowerCase();
    this.#peer.modify(id, { side, size: step.size, price: step.price } as never);
  }

  #limit(step: Extract<Action, { kind: 'limit' }>): void {
    this.#placed += 1;
    const priceUnits = 100 + (step.side === 'BUY' ? -step.away : step.away);
    const postOnly = step.postOnly && step.force === 'GTC';
    if (postOnly) this.#postOnly.add(this.#placed);
    const { side, force: timeInForce, size: quantityUnits } = step;
    const isPlain = step.account !== AMENDS && step.force !== 'FOK' && !postOnly;
    const selfTradePrevention = isPlain ? step.mode : 'NONE';
    const asked = { side, timeInForce, postOnly, quantityUnits, priceUnits, selfTradePrevention };
    const terms = { ...PLAIN_TERMS, ...asked } as const;
    const order = { accountNumber: step.account, placement: this.#placed };
    submit(this.#machine, { kind: 'placeOrder', ...order, terms });
    this.#peer.limit({
      id: String(this.#placed),
      side: side.toLowerCase(),
      size: quantityUnits,
      price: priceUnits,
      timeInForce,
      postOnly,
      accountId: String(step.account),
      stpMode: PEER_MODES[selfTradePrevention],
    } as never);
  }

  #market(step: Extract<Action, { kind: 'market' }>): void {
    this.#placed += 1;
    const { side, size: quantityUnits, account: accountNumber } = step;
    const priceUnits = side === 'BUY' ? WIDE_RULES.maximumPriceUnits : 1;
    const timeInForce = 'IOC';
    const terms = {
      ...PLAIN_TERMS,
      type: 'MARKET',
      side,
      timeInForce,
      quantityUnits,
      priceUnits,
    } as const;
    submit(this.#machine, { kind: 'placeOrder', accountNumber, placement: this.#placed, terms });
    this.#peer.market({ side: side.toLowerCase(), size: quantityUnits } as never);
  }

  /** Every resting order of both books: bids best first, then asks. */
  compare(): void {
    const { bids, asks } = this.#peer.snapshot();
    const best = [...bids].sort((a, b) => b.price - a.price);
    const offered = [...asks].sort((a, b) => a.price - b.price);
    const theirs = [...best, ...offered].flatMap((level) =>
      level.orders.map((order) => [order.id, level.price, order.size]),
    );
    const ours = this.#machine
      .openOrders(1)
      .map((order) => [String(order.placement), order.priceUnits, order.remainingUnits]);
    expect(ours).toEqual(theirs);
    expect(this.#machine.viewBook(1, 1)?.lastPriceUnits).toBe(this.#peer.marketPrice);
  }
}

test('MAT-1 MAT-3 TYP-2 TIF-2 TIF-3 TYP-6 STP-1 the book is the one that nodejs-order-book has', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 150, size: 'max' }), (steps) => {
      const pair = new Pair();
      for (const step of steps) {
        pair.act(step);
        pair.compare();
      }
    }),
    { numRuns: 60 },
  );
});
