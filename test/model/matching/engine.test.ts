// The engine and the naive book do the same, whatever happens (comparison.ts says how).

import { expect, test } from '@jest/globals';
import { interpret } from '../../golden/matching/language.ts';
import { compareRun, type Met } from './comparison.ts';
import type { Known } from './known.ts';
import { compareMany } from './many-runs.ts';
import { minimize } from './minimize.ts';
import { NaiveVenue } from './naive-venue.ts';
import { scenarioOf } from './scenario-writer.ts';
import { settingsOf } from './settings.ts';
import { stepOf } from './steps.ts';

test('MAT TYP TIF STP AMD CXL STA BND LOG-17 the engine does what a naive book does', () => {
  compareMany(300_000);
}, 120_000);

/** What only a long run meets, or the book never gives. */
const RARE: readonly string[] = [];

test('random runs meet every kind of event and every reason that the book can give', () => {
  const met: Met = new Map();
  for (let run = 1; run <= 120; run += 1) {
    const seeds = Array.from({ length: 250 }, (_, index) => run * 1_000 + index);
    compareRun(run, seeds, met);
  }
  const kinds = ['traded', 'auction trade', 'uncrossed', 'matchPrevented', 'orderFilled'];
  const ends = ['orderExpired', 'orderTriggered', 'orderAmended', 'orderGroupAccepted'];
  const missing = [...kinds, ...ends, ...REASONS_MET].filter((kind) => !met.has(kind));
  expect(missing.filter((kind) => !RARE.includes(kind))).toEqual([]);
});

const REASONS_MET: readonly string[] = [
  ...['OWNER', 'MASS', 'IOC_REMAINDER', 'FOK', 'SELF_TRADE', 'NO_LIQUIDITY', 'WORST_PRICE', 'OCO'],
  ...['GROUP', 'DEAD_MAN_SWITCH', 'OPERATOR', 'PRICE_BAND', 'MINIMUM_QUANTITY', 'BOOK_FULL'],
  ...['POST_ONLY_WOULD_TAKE', 'INSTRUMENT_STATE', 'INSTRUMENT_RETIRED'],
].map((reason) => `orderCanceled ${reason}`);

test('a run is written as a scenario that does the same', () => {
  for (let run = 0; run < 20; run += 1) {
    const settings = settingsOf(run);
    const naive = new NaiveVenue(settings.limits as never);
    let events = naive.open(settings.rules, settings.state).length;
    const known: Known = { settings, book: naive.book, placed: [], coming: undefined };
    const steps = Array.from({ length: 200 }, (_, index) => {
      const step = stepOf(run * 10_000 + index, known);
      const told =
        step.kind === 'time' ? naive.advance(step.nowUs) : naive.apply(step, naive.book.nowUs);
      events += told.filter((event) => typeof event !== 'string').length;
      return step;
    });
    const lines = interpret(scenarioOf(settings, steps), (limits) => new NaiveVenue(limits));
    expect(1 + lines.filter((line) => line.startsWith('  #')).length).toBe(events);
  }
});

test('a failing run is made as short as it can be', () => {
  const list = Array.from({ length: 100 }, (_, index) => index);
  const fails = (one: readonly number[]) => one.includes(17) && one.includes(63);
  expect(minimize(list, fails)).toEqual([17, 63]);
});
