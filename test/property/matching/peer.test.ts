// The engine against `nodejs-order-book`, a price-time book by somebody else, where its rules are
// the same: limit orders (GTC, IOC, FOK, post-only), cancels, and amends that lose their place.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { OrderBook } from 'nodejs-order-book';
import type { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import { openBook, PLAIN_TERMS, submit } from '../../support/matching/one-book.ts';

type Action =
  | {
      readonly kind: 'limit';
      readonly side: 'BUY' | 'SELL';
      readonly away: number;
      readonly size: number;
      readonly force: 'GTC' | 'IOC' | 'FOK';
      readonly postOnly: boolean;
    }
  | { readonly kind: 'cancel'; readonly pick: number }
  | {
      readonly kind: 'amend';
      readonly pick: number;
      readonly price: number;
      readonly size: number;
    };

const size = fc.integer({ min: 1, max: 20 });

const limit = fc.record({
  kind: fc.constant('limit'),
  side: fc.constantFrom('BUY', 'SELL'),
  away: fc.integer({ min: -3, max: 8 }),
  size,
  force: fc.constantFrom('GTC', 'GTC', 'GTC', 'IOC', 'FOK'),
  postOnly: fc.constantFrom(false, false, false, true),
});

const action = fc.oneof(
  { weight: 6, arbitrary: limit },
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

/** Both books, driven by the same actions. */
class Pair {
  readonly #machine: MatchingMachine = openBook();
  readonly #peer = new OrderBook();
  #placed = 0;
  readonly #postOnly = new Set<number>();

  act(step: Action): void {
    if (step.kind === 'limit') {
      this.#limit(step);
      return;
    }
    const open = this.#machine.openOrders(1);
    const order = open[step.pick % Math.max(open.length, 1)];
    if (order === undefined) return;
    const name = { instrumentNumber: 1, accountNumber: 1, placement: order.placement };
    const id = String(order.placement);
    if (step.kind === 'cancel') {
      submit(this.#machine, { kind: 'cancelOrder', ...name });
      this.#peer.cancel(id);
      return;
    }
    // Here the rules differ: the peer's order would lose its place, a post-only one be lost.
    const filled = order.quantityUnits - order.remainingUnits;
    if (step.price === order.priceUnits && step.size <= order.remainingUnits) return;
    if (this.#postOnly.has(order.placement)) return;
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
    const terms = { ...PLAIN_TERMS, side, timeInForce, postOnly, quantityUnits, priceUnits };
    submit(this.#machine, { kind: 'placeOrder', accountNumber: 1, placement: this.#placed, terms });
    this.#peer.limit({
      id: String(this.#placed),
      side: side.toLowerCase(),
      size: quantityUnits,
      price: priceUnits,
      timeInForce,
      postOnly,
    } as never);
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
  }
}

test('MAT-1 MAT-3 TIF-2 TIF-3 TYP-6 the book is the one that nodejs-order-book has', () => {
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
