// Tape, candles and rolling day: what a trade leaves behind.
import { describe, expect, test } from '@jest/globals';
import { CandleSeries } from '../../../services/marketdata/domain/candles.ts';
import { Tape, TRADES_KEPT } from '../../../services/marketdata/domain/tape.ts';
import { RollingDay } from '../../../services/marketdata/domain/ticker.ts';

const MINUTE_US = 60_000_000;

function trade(timeUs: number, priceUnits: number, instrumentSequence: number) {
  return {
    timeUs,
    priceUnits,
    quantityUnits: 2,
    notionalUnits: 2n * BigInt(priceUnits),
    instrumentSequence,
  };
}

describe('candles', () => {
  test('exist only for intervals with a trade and close when the interval is over', () => {
    const series = new CandleSeries('1m');
    expect(series.addTrade(trade(5, 100, 1))).toBeUndefined();
    series.addTrade(trade(9, 90, 2));
    series.addTrade(trade(10, 95, 3));
    expect(series.closeBefore(MINUTE_US - 1)).toBeUndefined();
    const closed = series.addTrade(trade(3 * MINUTE_US + 1, 120, 4));
    expect(closed).toMatchObject({
      openTimeUs: 0,
      openUnits: 100,
      highUnits: 100,
      lowUnits: 90,
      closeUnits: 95,
      volumeUnits: 6n,
      tradeCount: 3,
      closed: true,
    });
    const listed = series.list({ fromUs: 0, beforeUs: 10 * MINUTE_US, limit: 10 });
    expect(listed.map((candle) => candle.openTimeUs)).toEqual([3 * MINUTE_US, 0]);
    expect(series.list({ fromUs: 0, beforeUs: 3 * MINUTE_US, limit: 10 })).toHaveLength(1);
  });
});

describe('the tape', () => {
  test('goes on from a sequence, lists newest first, and says when what was asked for is gone', () => {
    const tape = new Tape();
    for (let i = 1; i <= 5; i += 1)
      tape.add({ ...trade(i, 100 + i, i * 2), aggressorSide: 'buy', sameOwner: false });
    expect(tape.after(6)?.map((t) => t.instrumentSequence)).toEqual([8, 10]);
    expect(tape.after(0)).toHaveLength(5);
    expect(tape.before(8, 2).map((t) => t.instrumentSequence)).toEqual([6, 4]);
    expect(tape.last?.previousTradeSequence).toBe(8);
    for (let i = 6; i <= TRADES_KEPT * 2 + 1; i += 1) {
      tape.add({ ...trade(i, 100, i * 2), aggressorSide: 'sell', sameOwner: false });
    }
    expect(tape.after(2)).toBeUndefined();
    expect(tape.after(tape.droppedThrough)).toHaveLength(TRADES_KEPT);
  });
});

describe('the rolling day', () => {
  test('forgets what is older than 24 hours', () => {
    const day = new RollingDay();
    day.addTrade(trade(0, 500, 1));
    day.addTrade(trade(MINUTE_US, 100, 2));
    expect(day.statistics(MINUTE_US)).toMatchObject({
      openUnits: 500,
      highUnits: 500,
      tradeCount: 2,
    });
    expect(day.statistics(24 * 60 * MINUTE_US)).toMatchObject({ openUnits: 100, highUnits: 100 });
    expect(day.statistics(25 * 60 * MINUTE_US)).toBeUndefined();
  });
});
