// HLD-5 in random runs over every type, state and mode: what an order may still cost is never more
// than what its holds cover, no fill is beyond its price, every fee is that of its rates.

import { expect, test } from '@jest/globals';
import { AuthorizedAmounts } from '../../support/matching/authorized-amounts.ts';
import { EngineVenue } from '../../support/matching/engine-venue.ts';
import { doStep, RandomRun } from './random-run.ts';

const RUNS = 60;
const STEPS = 200;

function run(seed: number): number {
  const random = new RandomRun(seed);
  const { rules, state } = random.settings;
  const engine = new EngineVenue(random.limits);
  engine.open(rules, state);
  const amounts = new AuthorizedAmounts(rules);
  for (let done = 0; done < STEPS; done += 1) {
    const { step, nowUs } = random.next();
    for (const note of doStep(engine, step, nowUs)) {
      if (typeof note !== 'string') amounts.follow(note, step.kind === 'time' ? undefined : step);
    }
  }
  return amounts.fills;
}

test('HLD-5 SET-2 no order costs more than its holds cover, whatever happens to it', () => {
  let fills = 0;
  for (let seed = 1; seed <= RUNS; seed += 1) fills += run(seed);
  expect(fills).toBeGreaterThan(1_000);
});
