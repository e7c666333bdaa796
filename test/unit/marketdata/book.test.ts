// Market data's book: rebuilt from events it equals a naive count of open orders, and a client
// that applies the updates of its depth has exactly the top of it after each (contracts.md).
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { DepthChange } from '../../../services/marketdata/domain/depth-view.ts';
import { InstrumentFeed } from '../../../services/marketdata/domain/instrument-feed.ts';
import type { MarketEvent, Side } from '../../../services/marketdata/domain/market-event.ts';

type Resting = { side: Side; priceUnits: number; remainingUnits: number };
type Step = { what: number; side: boolean; price: number; quantity: number; pick: number };

const step = fc.record({
  what: fc.integer({ min: 0, max: 9 }),
  side: fc.boolean(),
  price: fc.integer({ min: 1, max: 9 }),
  quantity: fc.integer({ min: 1, max: 5 }),
  pick: fc.nat(),
});

/** Keeps its own orders; makes events as a matching shard would, bids below 10, asks above. */
class NaiveOrders {
  readonly orders = new Map<number, Resting>();
  #placement = 0;

  events(input: Step): MarketEvent[] {
    const open = [...this.orders.keys()];
    const picked = open[input.pick % Math.max(open.length, 1)];
    if (input.what < 5 || picked === undefined) return [this.#enter(input)];
    const order = this.orders.get(picked) as Resting;
    if (input.what < 7) return this.#trade(picked, order, input.quantity);
    if (input.what === 7) {
      this.orders.delete(picked);
      return [{ kind: 'left', accountNumber: 1, placement: picked }];
    }
    order.priceUnits = this.#price(input, order.side === 'buy');
    order.remainingUnits = input.quantity;
    return [
      {
        kind: 'changed',
        accountNumber: 1,
        placement: picked,
        priceUnits: order.priceUnits,
        remainingUnits: order.remainingUnits,
      },
    ];
  }

  #price(input: Step, buy: boolean): number {
    return buy ? input.price : 10 + input.price;
  }

  #enter(input: Step): MarketEvent {
    this.#placement += 1;
    const side = input.side ? 'buy' : 'sell';
    const priceUnits = this.#price(input, input.side);
    this.orders.set(this.#placement, { side, priceUnits, remainingUnits: input.quantity });
    return {
      kind: 'entered',
      accountNumber: 1,
      placement: this.#placement,
      side,
      priceUnits,
      quantityUnits: input.quantity,
    };
  }

  /** An order that takes and does not rest: entered, traded, then canceled if something is left. */
  #trade(makerPlacement: number, maker: Resting, quantityUnits: number): MarketEvent[] {
    this.#placement += 1;
    const taker = { accountNumber: 2, placement: this.#placement };
    const traded = Math.min(maker.remainingUnits, quantityUnits);
    const aggressorSide: Side = maker.side === 'buy' ? 'sell' : 'buy';
    const { priceUnits } = maker;
    maker.remainingUnits -= traded;
    if (maker.remainingUnits === 0) this.orders.delete(makerPlacement);
    const events: MarketEvent[] = [
      { kind: 'entered', ...taker, side: aggressorSide, priceUnits, quantityUnits },
      {
        kind: 'traded',
        instrumentSequence: 0,
        priceUnits,
        quantityUnits: traded,
        aggressorSide,
        maker: { accountNumber: 1, placement: makerPlacement },
        taker,
      },
    ];
    if (traded < quantityUnits) events.push({ kind: 'left', ...taker });
    return events;
  }

  levels(side: Side, depth: number): number[][] {
    const byPrice = new Map<number, [number, number]>();
    for (const order of this.orders.values()) {
      if (order.side !== side) continue;
      const level = byPrice.get(order.priceUnits) ?? [0, 0];
      byPrice.set(order.priceUnits, [level[0] + order.remainingUnits, level[1] + 1]);
    }
    const sign = side === 'buy' ? -1 : 1;
    return [...byPrice]
      .sort((a, b) => (a[0] - b[0]) * sign)
      .slice(0, depth)
      .map(([price, [quantity, count]]) => [price, quantity, count]);
  }
}

class ClientBook {
  readonly bids = new Map<number, number[]>();
  readonly asks = new Map<number, number[]>();

  apply(change: DepthChange): void {
    for (const [mine, theirs] of [
      [this.bids, change.bids],
      [this.asks, change.asks],
    ] as const) {
      for (const level of theirs) {
        if (level.quantityUnits === 0) mine.delete(level.priceUnits);
        else mine.set(level.priceUnits, [level.quantityUnits, level.orderCount]);
      }
    }
  }

  levels(side: Side): number[][] {
    const sign = side === 'buy' ? -1 : 1;
    return [...(side === 'buy' ? this.bids : this.asks)]
      .sort((a, b) => (a[0] - b[0]) * sign)
      .map(([price, level]) => [price, ...level]);
  }
}

describe('the book of market data', () => {
  test('MAT-5 MAT-6 equals a naive count, and updates of every depth rebuild its top', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const feed = new InstrumentFeed();
        const naive = new NaiveOrders();
        const depths = [1, 2, 3, 99];
        const clients = depths.map(() => new ClientBook());
        depths.forEach((depth, i) => {
          clients[i]?.apply(feed.view(depth).snapshot());
        });
        let sequence = 0;
        for (const input of steps) {
          const events = naive.events(input).map((event) => {
            sequence += 1;
            return { instrumentSequence: sequence, event };
          });
          const change = feed.applyCommand(events, sequence * 1000);
          expect(change.previousSequence).toBe(sequence - events.length);
          depths.forEach((depth, i) => {
            const client = clients[i] as ClientBook;
            client.apply(feed.view(depth).advance(change.touched));
            for (const side of ['buy', 'sell'] as const) {
              expect(client.levels(side)).toEqual(naive.levels(side, depth));
            }
          });
          expect(feed.book.openOrderCount).toBe(naive.orders.size);
        }
      }),
    );
  });
});
