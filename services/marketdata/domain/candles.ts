// Candles of one instrument: per interval the open one and a bounded run of closed ones. A candle
// exists for an interval in which something traded; intervals are aligned to the Unix epoch.

export const CANDLE_INTERVALS_US = {
  '1s': 1_000_000,
  '1m': 60_000_000,
  '5m': 300_000_000,
  '1h': 3_600_000_000,
  '1d': 86_400_000_000,
} as const;

export type CandleInterval = keyof typeof CANDLE_INTERVALS_US;

/** Closed candles kept per instrument and interval; older ones are dropped. */
export const CLOSED_CANDLES_KEPT = 5_000;

export type Candle = {
  readonly interval: CandleInterval;
  /** Start of the interval, microseconds since the Unix epoch. */
  readonly openTimeUs: number;
  readonly openUnits: number;
  highUnits: number;
  lowUnits: number;
  closeUnits: number;
  /** Quantity units. */
  volumeUnits: bigint;
  /** Quote asset's smallest units. */
  notionalUnits: bigint;
  tradeCount: number;
  /** Instrument sequence of the last trade in it. */
  instrumentSequence: number;
  closed: boolean;
};

export type CandleTrade = {
  readonly timeUs: number;
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly notionalUnits: bigint;
  readonly instrumentSequence: number;
};

export class CandleSeries {
  readonly interval: CandleInterval;
  readonly #lengthUs: number;
  readonly #closed: Candle[] = [];
  #open: Candle | undefined;
  #droppedThrough = 0;

  constructor(interval: CandleInterval) {
    this.interval = interval;
    this.#lengthUs = CANDLE_INTERVALS_US[interval];
  }

  /** Counts a trade. @returns the candle that this trade's time closed, if any. */
  addTrade(trade: CandleTrade): Candle | undefined {
    const openTimeUs = this.#intervalOf(trade.timeUs);
    const closed = this.closeBefore(openTimeUs);
    this.#reopen(openTimeUs);
    const { priceUnits } = trade;
    this.#open ??= {
      interval: this.interval,
      openTimeUs,
      openUnits: priceUnits,
      highUnits: priceUnits,
      lowUnits: priceUnits,
      closeUnits: priceUnits,
      volumeUnits: 0n,
      notionalUnits: 0n,
      tradeCount: 0,
      instrumentSequence: trade.instrumentSequence,
      closed: false,
    };
    const candle = this.#open;
    candle.highUnits = Math.max(candle.highUnits, priceUnits);
    candle.lowUnits = Math.min(candle.lowUnits, priceUnits);
    candle.closeUnits = priceUnits;
    candle.volumeUnits += BigInt(trade.quantityUnits);
    candle.notionalUnits += trade.notionalUnits;
    candle.tradeCount += 1;
    candle.instrumentSequence = trade.instrumentSequence;
    return closed;
  }

  /**
   * The interval of a trade: never before the last candle's, because the log times of two shards
   * are not comparable, and an instrument may have moved from one to the other.
   */
  #intervalOf(timeUs: number): number {
    const last = this.#open ?? this.#closed.at(-1);
    const openTimeUs = Math.floor(timeUs / this.#lengthUs) * this.#lengthUs;
    return Math.max(openTimeUs, last?.openTimeUs ?? openTimeUs);
  }

  /** A trade that comes late for its candle, which time had closed, opens it once more. */
  #reopen(openTimeUs: number): void {
    const last = this.#closed.at(-1);
    if (this.#open !== undefined || last?.openTimeUs !== openTimeUs) return;
    this.#closed.pop();
    last.closed = false;
    this.#open = last;
  }

  /** Closes the open candle when its interval ended at or before `timeUs`. @returns it. */
  closeBefore(timeUs: number): Candle | undefined {
    const candle = this.#open;
    if (candle === undefined || candle.openTimeUs + this.#lengthUs > timeUs) return undefined;
    candle.closed = true;
    this.#open = undefined;
    this.#closed.push(candle);
    if (this.#closed.length > CLOSED_CANDLES_KEPT * 2) {
      const dropped = this.#closed.splice(0, this.#closed.length - CLOSED_CANDLES_KEPT);
      this.#droppedThrough = dropped.at(-1)?.instrumentSequence ?? 0;
    }
    return candle;
  }

  /** Closed candles that begin at a time or later, oldest first. */
  closedSince(openTimeUs: number): readonly Candle[] {
    let first = this.#closed.length;
    while (first > 0 && (this.#closed[first - 1] as Candle).openTimeUs >= openTimeUs) first -= 1;
    return this.#closed.slice(first);
  }

  /** Begins with closed candles, oldest first, and the open one. */
  restore(stored: {
    readonly closed: readonly Candle[];
    readonly open: Candle | undefined;
    readonly droppedThrough: number;
  }): void {
    this.#closed.push(...stored.closed);
    this.#open = stored.open;
    this.#droppedThrough = stored.droppedThrough;
  }

  get open(): Candle | undefined {
    return this.#open;
  }

  /** Sequence of the last trade in a candle that is no longer kept; 0 while all are. */
  get droppedThrough(): number {
    return this.#droppedThrough;
  }

  /** @returns up to `limit` candles that begin before `beforeUs`, newest first, at `fromUs` or later. */
  list(range: {
    readonly fromUs: number;
    readonly beforeUs: number;
    readonly limit: number;
  }): Candle[] {
    const found: Candle[] = [];
    const consider = (candle: Candle): void => {
      const inside = candle.openTimeUs >= range.fromUs && candle.openTimeUs < range.beforeUs;
      if (inside && found.length < range.limit) found.push(candle);
    };
    if (this.#open !== undefined) consider(this.#open);
    for (let i = this.#closed.length - 1; i >= 0 && found.length < range.limit; i -= 1) {
      const candle = this.#closed[i] as Candle;
      if (candle.openTimeUs < range.fromUs) break;
      consider(candle);
    }
    return found;
  }
}
