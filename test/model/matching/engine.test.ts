// The engine and the naive book do the same, whatever happens (comparison.ts says how).

import { expect, test } from '@jest/globals';
import { CancelReason } from '../../../gen/bourse/type/v1/order_pb.ts';
import type {
  InstrumentState,
  OrderType,
  SelfTradePrevention,
  TimeInForce,
} from '../../../services/matching/domain/rules.ts';
import { interpret } from '../../golden/matching/language.ts';
import type { Known } from './known.ts';
import { minimize } from './minimize.ts';
import { NaiveVenue } from './naive-venue.ts';
import { runModel } from './run-model.ts';
import { scenarioOf } from './scenario-writer.ts';
import { settingsOf } from './settings.ts';
import { stepOf } from './steps.ts';

test('MAT TYP TIF STP AMD CXL STA BND LOG-17 the engine does what a naive book does', async () => {
  expect(await runModel('--commands', '50000')).toBe('50000 commands, all the same\n');
}, 240_000);

const KINDS: readonly string[] = [
  ...['traded', 'auction trade', 'uncrossed', 'orderFilled', 'orderExpired'],
  ...['orderTriggered', 'orderAmended', 'orderGroupAccepted', 'instrumentSet', 'orderForbidden'],
];

const TYPES: Record<OrderType, true> = {
  ...{ LIMIT: true, MARKET: true, STOP: true, STOP_LIMIT: true },
  ...{ TAKE_PROFIT: true, TAKE_PROFIT_LIMIT: true, TRAILING_STOP: true },
};
const TIMES: Record<TimeInForce, true> = { GTC: true, IOC: true, FOK: true, GTD: true, DAY: true };
const STATES: Record<InstrumentState, true> = {
  ...{ PRE_OPEN: true, AUCTION: true, CONTINUOUS: true, POST_ONLY: true },
  ...{ CANCEL_ONLY: true, HALTED: true, CLOSED: true, RETIRED: true },
};
const MODES: Record<Exclude<SelfTradePrevention, 'NONE'>, true> = {
  ...{ CANCEL_TAKER: true, CANCEL_MAKER: true, CANCEL_BOTH: true, DECREMENT: true },
};

test('random runs meet every kind of event, type, state, mode and reason to cancel', async () => {
  const told = await runModel('--seed', '1', '--commands', '40000');
  const met = told.split('\n').map((line) => line.replace(/^\d+ /, ''));
  expect(met).toEqual(expect.arrayContaining([...KINDS]));
  const accepted = Object.keys({ ...TYPES, ...TIMES }).map((name) => `accepted ${name}`);
  expect(met).toEqual(expect.arrayContaining(accepted));
  const states = Object.keys(STATES).map((name) => `state ${name}`);
  expect(met).toEqual(expect.arrayContaining(states));
  const modes = Object.keys(MODES).map((name) => `matchPrevented ${name}`);
  expect(met).toEqual(expect.arrayContaining(modes));
  const reasons = Object.keys(CancelReason).filter((name) => /^[A-Z_]+$/.test(name));
  const wanted = reasons.filter((name) => name !== 'UNSPECIFIED');
  expect(met).toEqual(expect.arrayContaining(wanted.map((name) => `orderCanceled ${name}`)));
}, 60_000);

test('a run is written as a scenario that does the same', () => {
  for (let run = 0; run < 20; run += 1) {
    const settings = settingsOf(run);
    const naive = new NaiveVenue(settings.limits as never);
    let events = naive.open(settings.rules, settings.state).length;
    const known: Known = {
      settings,
      book: naive.book,
      firstPlacement: 1,
      placed: [],
      coming: undefined,
    };
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
