// HLD-5 in random runs over every type, state and mode: what an order may still cost is never more
// than what its holds cover, no fill is beyond its price, every fee is that of its rates.

import { expect, test } from '@jest/globals';
import { NaiveVenue } from '../../model/matching/naive-venue.ts';
import { Random } from '../../model/matching/random.ts';
import { settingsOf } from '../../model/matching/settings.ts';
import { stepOf } from '../../model/matching/steps.ts';
import { AuthorizedAmounts } from '../../support/matching/authorized-amounts.ts';
import { EngineVenue } from '../../support/matching/engine-venue.ts';

const RUNS = 60;
const STEPS = 200;

function run(seed: number): number {
  const random = new Random(seed);
  const settings = settingsOf(random.below(2 ** 31));
  const naive = new NaiveVenue(settings.limits as never);
  const engine = new EngineVenue(settings.limits);
  for (const venue of [naive, engine]) venue.open(settings.rules, settings.state);
  const known = { settings, book: naive.book, placed: [], coming: undefined };
  const amounts = new AuthorizedAmounts(settings.rules);
  for (let done = 0; done < STEPS; done += 1) {
    const step = stepOf(random.below(2 ** 32) | 0, known as never);
    const { nowUs } = naive.book;
    const isTime = step.kind === 'time';
    if (isTime) naive.advance(step.nowUs);
    else naive.apply(step, nowUs);
    const told = isTime ? engine.advance(step.nowUs) : engine.apply(step, nowUs);
    for (const note of told) {
      if (typeof note !== 'string') amounts.follow(note, isTime ? undefined : step);
    }
  }
  return amounts.fills;
}

test('HLD-5 SET-2 no order costs more than its holds cover, whatever happens to it', () => {
  let fills = 0;
  for (let seed = 1; seed <= RUNS; seed += 1) fills += run(seed);
  expect(fills).toBeGreaterThan(1_000);
});
