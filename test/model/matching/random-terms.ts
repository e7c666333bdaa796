// What random orders ask for: every type, time in force and option, mostly in combinations that
// the book takes, now and then in ones that it refuses.

import type { OrderTerms, Side } from '../../../services/matching/domain/rules.ts';
import type { Known } from './known.ts';
import type { Random } from './random.ts';

const SECOND_US = 1_000_000;
const MODES = ['CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT', 'NONE'] as const;
const SIDES = ['BUY', 'SELL'] as const;
const RATES = [0, 0, 0, 777, 50_000, -333] as const;

type Choice = { readonly terms: OrderTerms; readonly tick: number };

/** Terms of any type. */
export function anyTerms(
  random: Random,
  known: Known,
  accountNumber: number,
  side?: Side,
): OrderTerms {
  const kind = random.below(20);
  if (kind < 12) return limitTerms(random, known, accountNumber, side);
  if (kind < 15) return marketTerms(random, known, accountNumber, side);
  return waitingTerms(random, known, accountNumber, side);
}

function plainTerms(
  random: Random,
  known: Known,
  accountNumber: number,
  wantedSide?: Side,
): Choice {
  const { book, settings } = known;
  const { lotUnits, version, tickUnits } = book.rules;
  const isOdd = random.onceIn(40);
  const quantity = random.onceIn(15) ? random.between(0, 300) : random.between(1, 12);
  const side = wantedSide ?? random.pick(SIDES);
  const terms: OrderTerms = {
    instrumentNumber: book.rules.instrumentNumber,
    side: random.onceIn(60) ? random.pick(SIDES) : side,
    type: 'LIMIT',
    timeInForce: 'GTC',
    postOnly: false,
    quantityUnits: isOdd ? quantity : quantity * lotUnits,
    quoteBudgetUnits: 0n,
    priceUnits: 0,
    stopPriceUnits: 0,
    trailingOffsetUnits: 0,
    trailingOffsetBps: 0,
    expireTimeUs: 0,
    displayUnits: 0,
    minimumUnits: 0,
    selfTradePrevention: random.pick(MODES),
    selfTradeGroup: settings.selfTradeGroups[accountNumber - 1] ?? 0,
    makerRatePpm: random.pick(RATES),
    takerRatePpm: random.pick(RATES),
    auctionRatePpm: random.pick(RATES),
    instrumentVersion: random.onceIn(30) ? version + 1 : version,
  };
  return { terms, tick: isOdd ? 1 : tickUnits };
}

/** A price near 100; passive by `away` ticks when that is above zero. */
function priceNear(side: Side, away: number, tick: number): number {
  return Math.max(100 + (side === 'BUY' ? -away : away) * tick, 0);
}

function awayFrom(random: Random): number {
  return random.onceIn(14) ? random.between(-12, 40) : random.between(-3, 4);
}

export function limitTerms(
  random: Random,
  known: Known,
  accountNumber: number,
  side?: Side,
): OrderTerms {
  const { terms, tick } = plainTerms(random, known, accountNumber, side);
  const priced = { ...terms, priceUnits: priceNear(terms.side, awayFrom(random), tick) };
  return withOptions(random, known, withTime(random, known, priced, true));
}

/** A time in force, with the time of its end where it has one. */
function withTime(random: Random, known: Known, terms: OrderTerms, atOnce: boolean): OrderTerms {
  const timeInForce = !random.onceIn(3)
    ? 'GTC'
    : random.pick(
        atOnce ? (['IOC', 'FOK', 'GTD', 'DAY', 'GTC'] as const) : (['GTD', 'DAY', 'GTC'] as const),
      );
  if (timeInForce !== 'GTD') return { ...terms, timeInForce };
  const seconds = Math.floor(known.book.nowUs / SECOND_US) + random.between(0, 6);
  return { ...terms, timeInForce, expireTimeUs: Math.max(seconds, 1) * SECOND_US };
}

/** Post-only, iceberg, minimum quantity: mostly one at a time. */
function withOptions(random: Random, known: Known, terms: OrderTerms): OrderTerms {
  const { lotUnits } = known.book.rules;
  const mayRest = terms.timeInForce !== 'IOC' && terms.timeInForce !== 'FOK';
  const part = () => random.between(1, 4) * lotUnits;
  const isClash = random.onceIn(60);
  let asked = terms;
  if (random.onceIn(mayRest ? 6 : 40)) asked = { ...asked, postOnly: true };
  if ((!asked.postOnly || isClash) && random.onceIn(12)) asked = { ...asked, minimumUnits: part() };
  if (random.onceIn(mayRest ? 5 : 40)) asked = { ...asked, displayUnits: part() };
  return asked;
}

function marketTerms(random: Random, known: Known, accountNumber: number, side?: Side): OrderTerms {
  const { terms } = plainTerms(random, known, accountNumber, side);
  const byBudget = random.onceIn(3);
  const market: OrderTerms = {
    ...terms,
    type: 'MARKET',
    timeInForce: byBudget ? 'IOC' : random.pick(['IOC', 'IOC', 'FOK', 'IOC'] as const),
    priceUnits: random.onceIn(2) ? 0 : priceNear(terms.side, -random.between(0, 8), 1),
    minimumUnits: !byBudget && random.onceIn(8) ? random.between(1, 6) : 0,
  };
  if (!byBudget) return market;
  const lots = BigInt(random.between(1, random.onceIn(3) ? 900 : 6_000));
  const factor = BigInt(known.book.rules.notionalFactor);
  const quoteBudgetUnits = factor > 3n ? (lots * factor) / 3n : lots;
  return { ...market, quantityUnits: 0, quoteBudgetUnits };
}

const WAITING = [
  'STOP',
  'STOP_LIMIT',
  'TAKE_PROFIT',
  'TAKE_PROFIT_LIMIT',
  'TRAILING_STOP',
] as const;

/** Orders that wait; mostly their conditions do not hold yet. */
export function waitingTerms(
  random: Random,
  known: Known,
  accountNumber: number,
  side?: Side,
): OrderTerms {
  const { terms, tick } = plainTerms(random, known, accountNumber, side);
  return withCondition(random, known, { ...terms, type: random.pick(WAITING) }, tick);
}

function withCondition(
  random: Random,
  known: Known,
  terms: OrderTerms,
  tick: number,
  isExit = false,
): OrderTerms {
  const { type, side } = terms;
  if (type === 'TRAILING_STOP') {
    const offset = random.onceIn(2)
      ? { trailingOffsetUnits: random.between(1, 4) * tick }
      : { trailingOffsetBps: random.pick([50, 150, 300]) };
    const priceUnits = random.onceIn(4) ? priceNear(side, -5, 1) : 0;
    return withTime(random, known, { ...terms, ...offset, priceUnits }, false);
  }
  const isTakeProfit = type === 'TAKE_PROFIT' || type === 'TAKE_PROFIT_LIMIT';
  const last = known.book.lastPriceUnits || 100;
  const isUp = (side === 'BUY') !== isTakeProfit;
  const base = last - (last % tick);
  const distance = random.between(-1, 4) * tick;
  const stopPriceUnits = Math.max(isUp ? base + distance : base - distance, tick);
  const isLimit = type === 'STOP_LIMIT' || type === 'TAKE_PROFIT_LIMIT';
  if (!isLimit) {
    const priceUnits = random.onceIn(4) ? priceNear(side, -random.between(2, 8), 1) : 0;
    return withTime(random, known, { ...terms, stopPriceUnits, priceUnits }, random.onceIn(60));
  }
  const slip = random.between(-2, 3) * tick;
  const priceUnits = Math.max(stopPriceUnits + (side === 'BUY' ? slip : -slip), tick);
  const priced = withTime(random, known, { ...terms, stopPriceUnits, priceUnits }, true);
  return isExit ? priced : withOptions(random, known, priced);
}

/** A bracket's exit: its quantity is what the entry fills. */
export function exitTerms(
  random: Random,
  known: Known,
  accountNumber: number,
  side: Side,
  isTakeProfit: boolean,
): OrderTerms {
  const { terms, tick } = plainTerms(random, known, accountNumber, side);
  const type = isTakeProfit
    ? random.pick(['TAKE_PROFIT', 'TAKE_PROFIT_LIMIT'] as const)
    : random.pick(['STOP', 'STOP_LIMIT', 'TRAILING_STOP'] as const);
  const exit = { ...terms, type, quantityUnits: random.onceIn(60) ? 1 : 0, side };
  return withCondition(random, known, exit, tick, true);
}
