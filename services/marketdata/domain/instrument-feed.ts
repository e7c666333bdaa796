// All that market data knows of one instrument, fed command by command with the shard's events
// and read by the adapter. Publication is by whole commands: nobody sees the middle of one.

import type { InstrumentState } from '../../lib/rules/terms.ts';
import {
  CANDLE_INTERVALS_US,
  type Candle,
  type CandleInterval,
  CandleSeries,
  type CandleTrade,
} from './candles.ts';
import { DepthView } from './depth-view.ts';
import { findIndicative, type Indicative } from './indicative.ts';
import { MarketBook, type TouchedPrices } from './market-book.ts';
import type { MarketEvent, OrdersTraded, RulesSet, StateChanged } from './market-event.ts';
import { Tape, type TapeTrade } from './tape.ts';
import { type Bucket, type DayStatistics, RollingDay } from './ticker.ts';

export type SequencedMarketEvent = {
  readonly instrumentSequence: number;
  readonly event: MarketEvent;
};

/** What one command changed. */
export type CommandChange = {
  readonly sequence: number;
  readonly previousSequence: number;
  readonly touched: TouchedPrices;
  readonly trades: readonly TapeTrade[];
  /** Candles that the command's trades closed, then those that they changed. */
  readonly candles: readonly Candle[];
  /** The state, an auction's end, or what an uncross would come to is another than before. */
  readonly phaseChanged: boolean;
};

/** What stands in every message beside the book: the state, and in a call what an uncross would do. */
export type Phase = {
  readonly state: InstrumentState;
  /** AUCTION: when it ends, in microseconds since the Unix epoch; 0 otherwise. */
  readonly auctionEndTimeUs: number;
  /** Undefined outside of call phases and while nothing is executable. */
  readonly indicative: Indicative | undefined;
};

export type Ticker = {
  readonly sequence: number;
  readonly timeUs: number;
  readonly phase: Phase;
  readonly lastTrade: TapeTrade | undefined;
  readonly bid: { readonly priceUnits: number; readonly quantityUnits: number } | undefined;
  readonly ask: { readonly priceUnits: number; readonly quantityUnits: number } | undefined;
  readonly day: DayStatistics | undefined;
};

/** A feed's own part of what is kept over a restart; book, tape and candles are kept beside it. */
export type StoredFeed = {
  readonly sequence: number;
  readonly timeUs: number;
  readonly state: InstrumentState;
  readonly auctionEndTimeUs: number;
  readonly rules: Omit<RulesSet, 'kind' | 'state'>;
  readonly day: readonly Bucket[];
};

export class InstrumentFeed {
  readonly book = new MarketBook();
  readonly tape = new Tape();
  readonly #day = new RollingDay();
  readonly #series: Readonly<Record<CandleInterval, CandleSeries>>;
  readonly #allSeries: readonly CandleSeries[];
  readonly #views = new Map<number, DepthView>();
  #rules: Omit<RulesSet, 'kind' | 'state'> = {
    ...{ tickUnits: 1, referencePriceUnits: 0, notionalFactor: 1n },
  };
  #phase: Phase = { state: 'CONTINUOUS', auctionEndTimeUs: 0, indicative: undefined };
  /** The phase when the last command was through. */
  #published = this.#phase;
  #sequence = 0;
  #timeUs = 0;

  constructor() {
    const series = {} as Record<CandleInterval, CandleSeries>;
    for (const interval of Object.keys(CANDLE_INTERVALS_US) as CandleInterval[]) {
      series[interval] = new CandleSeries(interval);
    }
    this.#series = series;
    this.#allSeries = Object.values(series);
  }

  /** Sequence of the instrument's last event. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Log time of the last event, microseconds since the Unix epoch. */
  get timeUs(): number {
    return this.#timeUs;
  }

  /** State, auction's end and indicative uncross after the last whole command. */
  get phase(): Phase {
    return this.#phase;
  }

  series(interval: CandleInterval): CandleSeries {
    return this.#series[interval];
  }

  toStored(): StoredFeed {
    const { state, auctionEndTimeUs } = this.#phase;
    return {
      ...{ sequence: this.#sequence, timeUs: this.#timeUs, state, auctionEndTimeUs },
      rules: this.#rules,
      day: this.#day.buckets,
    };
  }

  /** Goes on from what was stored; book, tape and series have been restored before. */
  restore({ sequence, timeUs, state, auctionEndTimeUs, rules, day }: StoredFeed): void {
    this.#sequence = sequence;
    this.#timeUs = timeUs;
    this.#rules = rules;
    this.#day.restore(day);
    this.#phase = { state, auctionEndTimeUs, indicative: undefined };
    this.#phase = { ...this.#phase, indicative: this.#findIndicative() };
    this.#published = this.#phase;
  }

  /** @returns the view of a depth, made when first asked for and kept while the feed lives. */
  view(depth: number): DepthView {
    let view = this.#views.get(depth);
    if (view === undefined) {
      view = new DepthView(this.book, depth);
      this.#views.set(depth, view);
    }
    return view;
  }

  /** Drops a view that nobody looks at any more. */
  dropView(depth: number): void {
    this.#views.delete(depth);
  }

  /**
   * Applies all events of one command, in order.
   *
   * @param isWatched false when nobody wants to know which prices and candles that changed
   */
  applyCommand(
    events: readonly SequencedMarketEvent[],
    timeUs: number,
    isWatched = true,
  ): CommandChange {
    this.book.notesTouched = isWatched;
    const previousSequence = this.#sequence;
    const trades: TapeTrade[] = [];
    const closed: Candle[] = [];
    this.#timeUs = Math.max(this.#timeUs, timeUs);
    for (const { instrumentSequence, event } of events) {
      this.book.apply(event);
      this.#sequence = instrumentSequence;
      if (event.kind === 'traded') trades.push(this.#addTrade(event, timeUs, closed));
      else if (event.kind === 'state') this.#setState(event);
      else if (event.kind === 'rules') this.#setRules(event);
    }
    const phaseBefore = this.#published;
    const indicative = this.#findIndicative();
    if (indicative !== this.#phase.indicative) this.#phase = { ...this.#phase, indicative };
    this.#published = this.#phase;
    return {
      sequence: this.#sequence,
      previousSequence,
      touched: this.book.takeTouched(),
      trades,
      candles: trades.length === 0 || !isWatched ? closed : [...closed, ...this.#openCandles()],
      phaseChanged: !isSamePhase(this.#phase, phaseBefore),
    };
  }

  #setState({ state, auctionEndTimeUs }: StateChanged): void {
    this.#phase = { ...this.#phase, state, auctionEndTimeUs };
  }

  #setRules({ kind: _, state, ...rules }: RulesSet): void {
    this.#rules = rules;
    this.#phase = { ...this.#phase, state };
  }

  #findIndicative(): Indicative | undefined {
    const { tickUnits, referencePriceUnits } = this.#rules;
    const referenceUnits = this.tape.last?.priceUnits ?? referencePriceUnits;
    return findIndicative(this.#phase.state, this.book, { tickUnits, referenceUnits });
  }

  /** Closes candles whose interval is over at a log time. @returns them. */
  closeCandles(timeUs: number): Candle[] {
    const closed: Candle[] = [];
    for (const series of this.#allSeries) {
      const candle = series.closeBefore(timeUs);
      if (candle !== undefined) closed.push(candle);
    }
    return closed;
  }

  ticker(timeUs: number): Ticker {
    return {
      sequence: this.#sequence,
      timeUs: this.#timeUs,
      phase: this.#phase,
      lastTrade: this.tape.last,
      bid: this.book.bids.best,
      ask: this.book.asks.best,
      day: this.#day.statistics(Math.max(timeUs, this.#timeUs)),
    };
  }

  #addTrade(traded: OrdersTraded, timeUs: number, closed: Candle[]): TapeTrade {
    const { priceUnits, quantityUnits, instrumentSequence, aggressorSide, sameOwner } = traded;
    const notionalUnits = BigInt(priceUnits) * BigInt(quantityUnits) * this.#rules.notionalFactor;
    const trade: CandleTrade = {
      timeUs,
      priceUnits,
      quantityUnits,
      notionalUnits,
      instrumentSequence,
    };
    for (const series of this.#allSeries) {
      const candle = series.addTrade(trade);
      if (candle !== undefined) closed.push(candle);
    }
    this.#day.addTrade(trade);
    return this.tape.add({ ...trade, aggressorSide, sameOwner });
  }

  #openCandles(): Candle[] {
    return this.#allSeries.flatMap((series) => series.open ?? []);
  }
}

function isSamePhase(one: Phase, other: Phase): boolean {
  return (
    one.state === other.state &&
    one.auctionEndTimeUs === other.auctionEndTimeUs &&
    one.indicative?.priceUnits === other.indicative?.priceUnits &&
    one.indicative?.volumeUnits === other.indicative?.volumeUnits
  );
}
