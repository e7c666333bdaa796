// The demo's picture: book, tape and balances as lines of text. Colour only adds to it; every word
// is there without.

import type { Balance } from '../../../gen/bourse/account/v1/account_pb.ts';
import type { Trade } from '../../../gen/bourse/marketdata/v1/market_data_pb.ts';
import { Side } from '../../../gen/bourse/type/v1/order_pb.ts';
import type { DemoMarket } from './demo-market.ts';
import { DEPTH, type Level } from './market-view.ts';

const BOOK_WIDTH = 40;
const BAR_WIDTH = 10;

export type Picture = {
  readonly market: DemoMarket;
  readonly seed: number;
  readonly secondsLeft: number;
  readonly sent: number;
  readonly declined: number;
  readonly tradeCount: number;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  readonly tape: readonly Trade[];
  /** By account id. */
  readonly balances: ReadonlyMap<string, readonly Balance[]>;
};

type Paint = (text: string, color: keyof typeof COLORS) => string;

const COLORS = { green: 32, red: 31, bold: 1, dim: 2 } as const;
const ESCAPE = String.fromCharCode(27);

function painter(isColored: boolean): Paint {
  if (!isColored) return (text) => text;
  return (text, color) => `${ESCAPE}[${COLORS[color]}m${text}${ESCAPE}[0m`;
}

/** The whole picture, 80 columns wide. */
export function drawFrame(picture: Picture, isColored: boolean): string[] {
  const paint = painter(isColored);
  const { market, seed, secondsLeft, sent, declined, tradeCount } = picture;
  const book = drawBook(picture, paint);
  const tape = drawTape(picture, paint);
  return [
    paint(`Bourse demo  ${market.instrumentId}  seed ${seed}  ${secondsLeft} s left`, 'bold'),
    `${sent} orders sent, ${declined} declined by the venue, ${tradeCount} trades`,
    '',
    paint(`${'BOOK'.padEnd(BOOK_WIDTH)}TAPE`, 'bold'),
    ...book.map((line, i) => line + (tape[i] ?? '')),
    '',
    ...drawBalances(picture, paint),
  ];
}

/** One line about now, for what is no terminal. */
export function drawLine({ bids, asks, tape, tradeCount, secondsLeft }: Picture): string {
  const show = (level: Level | undefined): string =>
    level === undefined ? 'none' : `${level.quantity} @ ${level.price}`;
  const last = tape[0] === undefined ? 'none' : tape[0].price;
  return (
    `${String(secondsLeft).padStart(4)} s left  bid ${show(bids[0]).padEnd(18)} ` +
    `ask ${show(asks[0]).padEnd(18)} last ${last.padEnd(9)} ${tradeCount} trades`
  );
}

/** Asks from the worst shown to the best, the spread, bids from the best down. */
function drawBook({ bids, asks, market }: Picture, paint: Paint): string[] {
  const shown = [...bids.slice(0, DEPTH), ...asks.slice(0, DEPTH)];
  const largest = Math.max(...shown.map(({ quantity }) => Number(quantity)), 0);
  const line = (word: string, level: Level | undefined, color: 'green' | 'red'): string => {
    if (level === undefined) return ''.padEnd(BOOK_WIDTH);
    const price = fixed(level.price, market.tick.scale).padStart(10);
    const quantity = fixed(level.quantity, QUANTITY_PLACES).padStart(10);
    const bar = '#'.repeat(Math.ceil((Number(level.quantity) / largest) * BAR_WIDTH));
    return paint(`${word} ${price} ${quantity}  ${bar}`.padEnd(BOOK_WIDTH), color);
  };
  const places = Array.from({ length: DEPTH }, (_, i) => i);
  return [
    ...places.toReversed().map((i) => line('ask', asks[i], 'red')),
    paint(spreadOf(bids[0], asks[0], market.tick.scale).padEnd(BOOK_WIDTH), 'dim'),
    ...places.map((i) => line('bid', bids[i], 'green')),
  ];
}

/** Quantities of the demo are thousandths. */
const QUANTITY_PLACES = 3;

function spreadOf(bid: Level | undefined, ask: Level | undefined, scale: number): string {
  if (bid === undefined || ask === undefined) return '    no spread';
  return `    spread ${(Number(ask.price) - Number(bid.price)).toFixed(scale)}`;
}

function drawTape({ tape, market }: Picture, paint: Paint): string[] {
  return tape.map(({ tradeTime, aggressorSide, price, quantity }) => {
    const time = new Date(Number(tradeTime?.seconds ?? 0n) * 1000 + (tradeTime?.nanos ?? 0) / 1e6);
    const isBuy = aggressorSide === Side.BUY;
    const text =
      `${time.toISOString().slice(11, 22)}  ${isBuy ? 'BUY ' : 'SELL'} ` +
      `${fixed(quantity, QUANTITY_PLACES).padStart(8)} @ ${fixed(price, market.tick.scale)}`;
    return paint(text, isBuy ? 'green' : 'red');
  });
}

function drawBalances({ balances, market }: Picture, paint: Paint): string[] {
  const { baseAssetId, quoteAssetId } = market;
  const header = ['BALANCES', baseAssetId, 'held', quoteAssetId, 'held'];
  const rows = [...balances].map(([accountId, all]) => {
    const amounts = [baseAssetId, quoteAssetId].flatMap((assetId) => {
      const balance = all.find((one) => one.assetId === assetId);
      const places = assetId === baseAssetId ? QUANTITY_PLACES : 2;
      return [fixed(balance?.total ?? '0', places), fixed(balance?.held ?? '0', places)];
    });
    return drawRow([accountId, ...amounts]);
  });
  return [paint(drawRow(header), 'bold'), ...rows];
}

function drawRow([name = '', ...amounts]: readonly string[]): string {
  return name.padEnd(16) + amounts.map((amount) => amount.padStart(15)).join('');
}

/** A decimal with exactly so many places; what is beyond them is cut off: it is only shown. */
function fixed(text: string, places: number): string {
  const [whole = '0', fraction = ''] = text.split('.');
  return places === 0 ? whole : `${whole}.${fraction.slice(0, places).padEnd(places, '0')}`;
}
