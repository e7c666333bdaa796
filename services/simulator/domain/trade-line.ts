// Reads recorded trades as CSV: id, price, qty, time, side. The side is the aggressor's; prices
// and quantities stay the decimals they are. A quote quantity column and a header are accepted.

import type { Parsed, RecordedSide } from './lobster-line.ts';

export type RecordedTrade = {
  readonly id: string;
  readonly price: string;
  readonly quantity: string;
  /** Milliseconds since the Unix epoch. */
  readonly timeMs: number;
  readonly aggressorSide: RecordedSide;
};

const DECIMAL = /^(0|[1-9]\d*)(\.\d+)?$/;

/** @returns true for a line that names the columns. */
export function isTradeHeader(text: string): boolean {
  return /^\s*(id|trade_id)\s*,/i.test(text);
}

/** Parses one line. @returns the trade, or why it is malformed; never throws. */
export function parseTradeLine(text: string): Parsed<RecordedTrade> {
  const cells = text
    .trim()
    .split(',')
    .map((cell) => cell.trim());
  if (cells.length !== 5) {
    return {
      kind: 'malformed',
      why: `expected 5 columns (id,price,qty,time,side), got ${cells.length}`,
    };
  }
  const [id = '', price = '', quantity = '', time = '', side = ''] = cells;
  if (id === '') return { kind: 'malformed', why: 'the id is empty' };
  for (const [name, value] of [
    ['price', price],
    ['qty', quantity],
  ]) {
    if (!DECIMAL.test(value as string) || Number(value) <= 0) {
      return { kind: 'malformed', why: `${name} must be a positive decimal, got "${value}"` };
    }
  }
  const timeMs = Number(time);
  if (time === '' || !Number.isFinite(timeMs) || timeMs < 0) {
    return { kind: 'malformed', why: `time must be milliseconds since 1970, got "${time}"` };
  }
  const aggressorSide = side.toLowerCase();
  if (aggressorSide !== 'buy' && aggressorSide !== 'sell') {
    return { kind: 'malformed', why: `side must be buy or sell, got "${side}"` };
  }
  return { kind: 'parsed', value: { id, price, quantity, timeMs, aggressorSide } };
}
