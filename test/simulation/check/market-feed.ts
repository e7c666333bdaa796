// What market data shows, of one process and of those before it: the books of the shards, rebuilt
// from their events (CON-2), and every trade once, in the tape and in the candles of each interval,
// although it goes on from its tables and what it has read is cut off (CON-1).

import { INTERVALS } from '../../../services/marketdata/adapter/tables/stored-codec.ts';
import type { InstrumentFeed } from '../../../services/marketdata/domain/instrument-feed.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import type { SimulatedMesh } from '../mesh/mesh.ts';
import type { Findings } from './findings.ts';
import type { Facts } from './order-facts.ts';
import type { Audits } from './shard-audit.ts';

/** More than a simulated book has on a side. */
const MOST_LEVELS = 1_000;
const ALL = { fromUs: 0, beforeUs: Number.POSITIVE_INFINITY, limit: Number.POSITIVE_INFINITY };

/** CON-2: market data has read everything, gap-free; undefined when it has. */
export function findBehindMarket(mesh: SimulatedMesh, audits: Audits): string | undefined {
  for (const { process } of mesh.nodes.values()) {
    if (!process.name.startsWith('marketdata')) continue;
    const { feeds } = process;
    if (feeds === undefined) return `${process.name} has not read its tables`;
    for (const machine of matchingMachines(audits)) {
      for (const { instrumentNumber } of machine.instruments()) {
        const book = machine.viewBook(instrumentNumber, MOST_LEVELS);
        const entry = feeds.visible().find((one) => one.instrumentNumber === instrumentNumber);
        const sequence = entry?.feed.sequence ?? 0;
        if (book === undefined || sequence === book.instrumentSequence) continue;
        return `${process.name} is at ${sequence} of instrument ${instrumentNumber}`;
      }
    }
  }
  return undefined;
}

export function checkMarket(
  mesh: SimulatedMesh,
  audits: Audits,
  facts: Facts,
  findings: Findings,
): void {
  for (const { process } of mesh.nodes.values()) {
    for (const { instrumentNumber, feed } of process.feeds?.visible() ?? []) {
      const of = `${process.name}, instrument ${instrumentNumber}`;
      for (const machine of matchingMachines(audits)) {
        const book = machine.viewBook(instrumentNumber, MOST_LEVELS);
        if (book === undefined) continue;
        const [bids, asks] = [feed.book.bids.top(MOST_LEVELS), feed.book.asks.top(MOST_LEVELS)];
        const shown = JSON.stringify([bids, asks].map(pricesOf));
        const held = JSON.stringify([book.bids, book.asks].map(pricesOf));
        if (shown !== held) findings.add('CON-2', `${of} shows ${shown}, not ${held}`);
      }
      const problem = findWrongTrades(feed, facts.tradedOf(instrumentNumber));
      if (problem !== undefined) findings.add('CON-1', `${of}: ${problem}`);
    }
  }
}

type Traded = { readonly trades: number; readonly quantityUnits: number };

/** Whether the tape, or the candles of an interval, have other trades than there were. */
function findWrongTrades(feed: InstrumentFeed, traded: Traded): string | undefined {
  const expected = describe(traded);
  const tape = feed.tape.from(0);
  const quantityUnits = tape.reduce((sum, trade) => sum + trade.quantityUnits, 0);
  const onTape = describe({ trades: feed.tape.count, quantityUnits });
  if (onTape !== expected) return `the tape has ${onTape}, not ${expected}`;
  for (const interval of INTERVALS) {
    const candles = feed.series(interval).list(ALL);
    const trades = candles.reduce((sum, { tradeCount }) => sum + tradeCount, 0);
    const volumeUnits = candles.reduce((sum, candle) => sum + candle.volumeUnits, 0n);
    const inCandles = describe({ trades, quantityUnits: Number(volumeUnits) });
    if (inCandles !== expected) return `candles of ${interval} have ${inCandles}, not ${expected}`;
  }
  return undefined;
}

function describe({ trades, quantityUnits }: Traded): string {
  return `${trades} trades of ${quantityUnits}`;
}

function matchingMachines(audits: Audits): MatchingMachine[] {
  return [...audits.values()].flatMap(({ replica }) => {
    const machine: unknown = replica.machine;
    return machine instanceof MatchingMachine ? [machine] : [];
  });
}

type Level = { readonly priceUnits: number; readonly quantityUnits: number };

function pricesOf(levels: readonly Level[]): (readonly [number, number])[] {
  return levels.map(({ priceUnits, quantityUnits }) => [priceUnits, quantityUnits] as const);
}
