// Rolling day statistics of one instrument, in buckets of a minute over the last 24 hours.

import type { CandleTrade } from './candles.ts';

const BUCKET_US = 60_000_000;
const WINDOW_BUCKETS = 24 * 60;

/** What happened in one minute. */
export type Bucket = {
  readonly number: number;
  readonly openUnits: number;
  highUnits: number;
  lowUnits: number;
  volumeUnits: bigint;
  notionalUnits: bigint;
  tradeCount: number;
};

export type DayStatistics = {
  readonly openUnits: number;
  readonly highUnits: number;
  readonly lowUnits: number;
  readonly volumeUnits: bigint;
  readonly notionalUnits: bigint;
  readonly tradeCount: number;
};

export class RollingDay {
  #buckets: Bucket[] = [];

  addTrade(trade: CandleTrade): void {
    const number = Math.floor(trade.timeUs / BUCKET_US);
    this.#forgetBefore(number - WINDOW_BUCKETS + 1);
    let bucket = this.#buckets[this.#buckets.length - 1];
    // Never backwards: log times of two shards are not comparable, and instruments move.
    if (bucket === undefined || bucket.number < number) {
      bucket = {
        number,
        openUnits: trade.priceUnits,
        highUnits: trade.priceUnits,
        lowUnits: trade.priceUnits,
        volumeUnits: 0n,
        notionalUnits: 0n,
        tradeCount: 0,
      };
      this.#buckets.push(bucket);
    }
    bucket.highUnits = Math.max(bucket.highUnits, trade.priceUnits);
    bucket.lowUnits = Math.min(bucket.lowUnits, trade.priceUnits);
    bucket.volumeUnits += BigInt(trade.quantityUnits);
    bucket.notionalUnits += trade.notionalUnits;
    bucket.tradeCount += 1;
  }

  /** The minutes that are kept, oldest first. */
  get buckets(): readonly Bucket[] {
    return this.#buckets;
  }

  restore(buckets: readonly Bucket[]): void {
    this.#buckets = [...buckets];
  }

  /** @returns statistics of the 24 hours before `timeUs`; undefined when nothing traded in them. */
  statistics(timeUs: number): DayStatistics | undefined {
    this.#forgetBefore(Math.floor(timeUs / BUCKET_US) - WINDOW_BUCKETS + 1);
    const first = this.#buckets[0];
    if (first === undefined) return undefined;
    let { highUnits, lowUnits } = first;
    let volumeUnits = 0n;
    let notionalUnits = 0n;
    let tradeCount = 0;
    for (const bucket of this.#buckets) {
      highUnits = Math.max(highUnits, bucket.highUnits);
      lowUnits = Math.min(lowUnits, bucket.lowUnits);
      volumeUnits += bucket.volumeUnits;
      notionalUnits += bucket.notionalUnits;
      tradeCount += bucket.tradeCount;
    }
    const { openUnits } = first;
    return { openUnits, highUnits, lowUnits, volumeUnits, notionalUnits, tradeCount };
  }

  #forgetBefore(number: number): void {
    const oldest = this.#buckets[0];
    if (oldest === undefined || oldest.number >= number) return;
    this.#buckets = this.#buckets.filter((bucket) => bucket.number >= number);
  }
}
