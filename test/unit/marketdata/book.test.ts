// Market data's book: rebuilt from events it equals a naive count of open orders, and a client
// that applies the updates of its depth has exactly the top of it after each (contracts.md).
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { DepthChange } from '../../../services/marketdata/domain/depth-view.ts';
import { InstrumentFeed } from '../../../services/marketdata/domain/instrument-feed.ts';
import type { MarketEvent, Side } from '../../../services/marketdata/domain/market-event.ts';

type Resting = { side: Side; priceUnits: number; remainingUnits: number };
type Step = { what: number; side: boolean; price: number; quantity: number; pick: number };

/** No iceberg, and no stop. */
const PLAIN = { displayUnits: 0, waits: false } as const;

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
        displayUnits: 0,
        placeKept: false,
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
      ...PLAIN,
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
      { kind: 'entered', ...taker, side: aggressorSide, priceUnits, quantityUnits, ...PLAIN },
      {
        kind: 'traded',
        instrumentSequence: 0,
        priceUnits,
        quantityUnits: traded,
        aggressorSide,
        sameOwner: false,
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

const order = (placement: number, side: Side, price: number, quantity: number, more = {}) => ({
  kind: 'entered' as const,
  ...{ accountNumber: 1, placement, side, priceUnits: price, quantityUnits: quantity },
  ...PLAIN,
  ...more,
});

const trade = (maker: number, taker: number, quantityUnits: number, more = {}): MarketEvent => ({
  ...{ kind: 'traded', instrumentSequence: 0, priceUnits: 10, quantityUnits, sameOwner: false },
  aggressorSide: 'sell',
  maker: { accountNumber: 1, placement: maker },
  taker: { accountNumber: 1, placement: taker },
  ...more,
});

/** A feed to which every call is a command; `bids` as price, shown, count. */
function fed(...commands: readonly (readonly MarketEvent[])[]) {
  const feed = new InstrumentFeed();
  let sequence = 0;
  const changes = commands.map((events) =>
    feed.applyCommand(
      events.map((event) => {
        sequence += 1;
        return { instrumentSequence: sequence, event };
      }),
      sequence,
    ),
  );
  const shown = (side: 'bids' | 'asks') =>
    feed.book[side].top(9).map((level) => [level.priceUnits, level.quantityUnits]);
  return { feed, changes, bids: shown('bids'), asks: shown('asks') };
}

describe('what a book shows', () => {
  test('TYP-5 an iceberg shows its part, and the next one when that has traded', () => {
    const iceberg = order(1, 'buy', 10, 100, { displayUnits: 30 });
    expect(fed([iceberg]).bids).toEqual([[10, 30]]);
    const sell = (placement: number, quantity: number): MarketEvent[] => [
      order(placement, 'sell', 10, quantity),
      trade(1, placement, quantity),
    ];
    expect(fed([iceberg], sell(2, 10)).bids).toEqual([[10, 20]]);
    expect(fed([iceberg], sell(2, 10), sell(3, 20)).bids).toEqual([[10, 30]]);
    const last = [sell(2, 30), sell(3, 30), sell(4, 30)];
    expect(fed([iceberg], ...last).bids).toEqual([[10, 10]]);
    expect(fed([iceberg], ...last, sell(5, 10)).bids).toEqual([]);
  });

  test('TYP-5 an iceberg that takes shows its part of what is left', () => {
    const resting = order(1, 'sell', 10, 50);
    const taking = [order(2, 'buy', 10, 100, { displayUnits: 30 }), trade(1, 2, 50)];
    expect(fed([resting], taking)).toMatchObject({ bids: [[10, 30]], asks: [] });
  });

  test('TYP-5 less quantity and a decrement come off the hidden part', () => {
    const iceberg = order(1, 'buy', 10, 100, { displayUnits: 30 });
    const key = { accountNumber: 1, placement: 1 };
    const amended = (remainingUnits: number, displayUnits: number, placeKept: boolean) =>
      ({
        kind: 'changed',
        ...key,
        priceUnits: 10,
        remainingUnits,
        displayUnits,
        placeKept,
      }) as const;
    const sold: MarketEvent[] = [order(2, 'sell', 10, 10), trade(1, 2, 10)];
    expect(fed([iceberg], sold, [amended(50, 30, true)]).bids).toEqual([[10, 20]]);
    expect(fed([iceberg], sold, [amended(15, 30, true)]).bids).toEqual([[10, 15]]);
    expect(fed([iceberg], sold, [amended(90, 5, true)]).bids).toEqual([[10, 5]]);
    expect(fed([iceberg], sold, [amended(90, 40, false)]).bids).toEqual([[10, 40]]);
    const reduced = { kind: 'reduced', ...key, byUnits: 70 } as const;
    expect(fed([iceberg], sold, [reduced]).bids).toEqual([[10, 20]]);
  });

  test('TYP-3 a waiting order is not in the book before it is triggered', () => {
    const stop = order(1, 'buy', 12, 5, { waits: true });
    const key = { accountNumber: 1, placement: 1 };
    expect(fed([stop]).bids).toEqual([]);
    expect(fed([stop], [{ kind: 'left', ...key }]).feed.book.openOrderCount).toBe(0);
    const amended: MarketEvent = {
      ...{ kind: 'changed', ...key, priceUnits: 13, remainingUnits: 4 },
      ...{ displayUnits: 0, placeKept: true },
    };
    expect(fed([stop], [amended]).bids).toEqual([]);
    const triggered: MarketEvent = { kind: 'triggered', ...key, priceUnits: 13 };
    expect(fed([stop], [amended], [triggered]).bids).toEqual([[13, 4]]);
  });

  test('STA-2 a crossed book in a call has an indicative price and volume, hidden parts too', () => {
    const call: MarketEvent = { kind: 'state', state: 'AUCTION', auctionEndTimeUs: 99 };
    const bid = order(1, 'buy', 12, 100, { displayUnits: 10 });
    const ask = order(2, 'sell', 9, 40);
    const { feed, changes, bids, asks } = fed([call], [bid], [ask]);
    expect([bids, asks]).toEqual([[[12, 10]], [[9, 40]]]);
    expect(feed.phase).toEqual({
      ...{ state: 'AUCTION', auctionEndTimeUs: 99 },
      indicative: { priceUnits: 12, volumeUnits: 40 },
    });
    expect(changes.map(({ phaseChanged }) => phaseChanged)).toEqual([true, false, true]);
    const ended: MarketEvent[] = [
      trade(1, 2, 10, { aggressorSide: undefined }),
      trade(1, 2, 10, { aggressorSide: undefined }),
      trade(1, 2, 20, { aggressorSide: undefined, sameOwner: true }),
      { kind: 'state', state: 'CONTINUOUS', auctionEndTimeUs: 0 },
    ];
    const after = fed([call], [bid], [ask], ended);
    expect(after.feed.phase).toEqual({
      ...{ state: 'CONTINUOUS', auctionEndTimeUs: 0, indicative: undefined },
    });
    expect(after.asks).toEqual([]);
    expect(after.feed.tape.last).toMatchObject({ aggressorSide: undefined, sameOwner: true });
  });

  test('STA-2 without an earlier trade the operator’s reference price decides between equals', () => {
    const rules = (referencePriceUnits: number): MarketEvent => ({
      ...{ kind: 'rules', state: 'PRE_OPEN', tickUnits: 1, referencePriceUnits },
      notionalFactor: 1n,
    });
    const crossed = [order(1, 'buy', 20, 5), order(2, 'sell', 10, 5)];
    expect(fed([rules(13)], crossed).feed.phase.indicative?.priceUnits).toBe(13);
    expect(fed([rules(0)], crossed).feed.phase.indicative?.priceUnits).toBe(20);
    const halted: MarketEvent = { kind: 'state', state: 'HALTED', auctionEndTimeUs: 0 };
    expect(fed([rules(13)], crossed, [halted]).feed.phase.indicative).toBeUndefined();
  });
});

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
