// What a day's trades mean for the account that rests and the one that takes, added up from the
// recording alone: no number of the exchange is in it but the two rates.
import type { RecordedFill, RecordedSide } from './lobster-line.ts';

/** Recorded prices count ten-thousandths; rates count millionths of the notional. */
const PRICE_SCALE = 4;
const RATE_SCALE = 1_000_000n;

/** What an account has more, or less, in smallest units; a fee is taken off the quote. */
export type AccountSums = { baseUnits: bigint; quoteUnits: bigint };

export type TapeRates = { readonly makerRatePpm: bigint; readonly takerRatePpm: bigint };

export class TapeSums {
  readonly maker: AccountSums = { baseUnits: 0n, quoteUnits: 0n };
  readonly taker: AccountSums = { baseUnits: 0n, quoteUnits: 0n };
  trades = 0;
  readonly #rates: TapeRates;
  /** Quote's smallest units for one recorded unit of price. */
  readonly #factor: bigint;
  readonly #baseFactor: bigint;
  /** Notional times rate of each resting order so far. */
  readonly #weightedByMaker = new Map<string, bigint>();

  /** @param scales decimal places of the assets, of quote at least 4 */
  constructor(rates: TapeRates, scales: { readonly base: number; readonly quote: number }) {
    this.#rates = rates;
    this.#factor = 10n ** BigInt(scales.quote - PRICE_SCALE);
    this.#baseFactor = 10n ** BigInt(scales.base);
  }

  /** Adds all trades of one taking order; its fee is that of its whole notional, rounded once. */
  addTake(side: RecordedSide, fills: readonly RecordedFill[]): void {
    const { makerRatePpm, takerRatePpm } = this.#rates;
    const sign = side === 'buy' ? 1n : -1n;
    let takerNotional = 0n;
    for (const { makerId, price, quantity } of fills) {
      const notional = BigInt(price) * BigInt(quantity) * this.#factor;
      const base = BigInt(quantity) * this.#baseFactor;
      takerNotional += notional;
      const before = this.#weightedByMaker.get(makerId) ?? 0n;
      const after = before + notional * makerRatePpm;
      this.#weightedByMaker.set(makerId, after);
      this.taker.baseUnits += sign * base;
      this.maker.baseUnits -= sign * base;
      this.maker.quoteUnits += sign * notional - (roundedUp(after) - roundedUp(before));
      this.trades += 1;
    }
    this.taker.quoteUnits -= sign * takerNotional + roundedUp(takerNotional * takerRatePpm);
  }
}

/** A charge is rounded up, a rebate towards zero: both are rounded up. */
function roundedUp(weighted: bigint): bigint {
  const whole = weighted / RATE_SCALE;
  return weighted > 0n && weighted % RATE_SCALE > 0n ? whole + 1n : whole;
}
