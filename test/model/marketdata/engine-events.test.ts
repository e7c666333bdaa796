// Market data rebuilds from the engine's own events, in their wire form, exactly what the engine
// has: levels with what they show, the state, the indicative uncross, the last trade (MAT-6,
// STA-2, TYP-3, TYP-5). The commands are the random ones that the engine is proven with.

import { fromBinary } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import { EventSchema } from '../../../gen/bourse/matching/v1/event_pb.ts';
import { addMarketEvents } from '../../../services/marketdata/adapter/matching-events.ts';
import {
  InstrumentFeed,
  type SequencedMarketEvent,
} from '../../../services/marketdata/domain/instrument-feed.ts';
import type { Level } from '../../../services/marketdata/domain/side-levels.ts';
import { matchingCodec } from '../../../services/matching/adapter/codec/matching-codec.ts';
import { EngineVenue } from '../../support/matching/engine-venue.ts';
import type { Told } from '../../support/matching/venue.ts';
import type { Known } from '../matching/known.ts';
import { NaiveVenue } from '../matching/naive-venue.ts';
import { settingsOf } from '../matching/settings.ts';
import { stepOf } from '../matching/steps.ts';

const RUNS = 30;
const STEPS = 250;

/** The engine and market data, side by side. */
class Pair {
  readonly feed = new InstrumentFeed();
  readonly engine: EngineVenue;
  auctionTrades = 0;
  indications = 0;
  icebergs = 0;

  constructor(engine: EngineVenue) {
    this.engine = engine;
  }

  take(told: Told): void {
    const events: SequencedMarketEvent[] = [];
    for (const event of told) {
      if (typeof event === 'string' || event.instrumentNumber === 0) continue;
      addMarketEvents(events, fromBinary(EventSchema, matchingCodec.encodeEvent(event)));
    }
    if (events.length === 0) return;
    const change = this.feed.applyCommand(events, 1);
    this.auctionTrades += change.trades.filter((trade) => trade.aggressorSide === undefined).length;
    this.#compare();
  }

  #compare(): void {
    const view = this.engine.machine.viewBook(1, Number.MAX_SAFE_INTEGER);
    if (view === undefined) throw new Error('the engine has the book');
    const { feed } = this;
    const { bids, asks } = feed.book;
    expect(bids.top(10_000).map(plain)).toEqual(view.bids);
    expect(asks.top(10_000).map(plain)).toEqual(view.asks);
    expect(feed.sequence).toBe(view.instrumentSequence);
    expect(feed.tape.last?.priceUnits ?? 0).toBe(view.lastPriceUnits);
    const { indicative } = view;
    expect(feed.phase).toEqual({
      state: view.state,
      auctionEndTimeUs: view.auctionEndTimeUs,
      indicative:
        indicative === undefined
          ? undefined
          : { priceUnits: indicative.priceUnits, volumeUnits: indicative.volumeUnits },
    });
    if (indicative !== undefined) this.indications += 1;
    if (bids.top(9).some(hides) || asks.top(9).some(hides)) this.icebergs += 1;
    const open = this.engine.machine.openOrders(1).length;
    const waiting = this.engine.machine.waitingOrders(1).length;
    expect(feed.book.openOrderCount).toBe(open + waiting);
  }
}

function plain({ priceUnits, quantityUnits, orderCount }: Level) {
  return { priceUnits, quantityUnits, orderCount };
}

function hides({ quantityUnits, totalUnits }: Level): boolean {
  return totalUnits > quantityUnits;
}

test('MAT-6 STA-2 TYP-3 TYP-5 market data has the book that the engine has', () => {
  const met = { auctionTrades: 0, indications: 0, icebergs: 0 };
  for (let run = 1; run <= RUNS; run += 1) {
    const settings = settingsOf(run);
    // Whole commands, as market data publishes them.
    const { eventsPerStep: _, ...limits } = settings.limits;
    const naive = new NaiveVenue(settings.limits as never);
    const pair = new Pair(new EngineVenue(limits));
    naive.open(settings.rules, settings.state);
    pair.take(pair.engine.open(settings.rules, settings.state));
    const known: Known = {
      ...{ settings, book: naive.book, firstPlacement: 1 },
      ...{ placed: [], coming: undefined },
    };
    for (let index = 0; index < STEPS; index += 1) {
      const step = stepOf(run * 10_000 + index, known);
      const told = (venue: NaiveVenue | EngineVenue): Told =>
        step.kind === 'time' ? venue.advance(step.nowUs) : venue.apply(step, known.book.nowUs);
      told(naive);
      pair.take(told(pair.engine));
    }
    met.auctionTrades += pair.auctionTrades;
    met.indications += pair.indications;
    met.icebergs += pair.icebergs;
  }
  expect(Math.min(met.auctionTrades, met.indications, met.icebergs)).toBeGreaterThan(20);
}, 60_000);
