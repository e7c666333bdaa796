// A book that moves between two shards while commands come does what one does that stays: the same
// events in the same numbering, the same book, the same checksum.

import { expect, test } from '@jest/globals';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import { EngineVenue } from '../../support/matching/engine-venue.ts';
import { type Moved, MovingVenue } from '../../support/matching/moving-venue.ts';
import type { Venue } from '../../support/matching/venue.ts';
import type { Known } from './known.ts';
import { NaiveVenue } from './naive-venue.ts';
import { Random } from './random.ts';
import { settingsOf } from './settings.ts';
import { type Step, stepOf } from './steps.ts';

const RUNS = 40;
const STEPS = 200;

function doStep(venue: Venue, step: Step, nowUs: number) {
  return step.kind === 'time' ? venue.advance(step.nowUs) : venue.apply(step, nowUs);
}

function runBoth(seed: number): Moved {
  const random = new Random(seed);
  const settings = settingsOf(random.below(2 ** 32) | 0);
  const { eventsPerStep: _, ...limits } = settings.limits;
  const naive = new NaiveVenue(limits);
  const staying = new EngineVenue(settings.limits);
  const moving = new MovingVenue(settings.limits, random);
  for (const venue of [naive, staying, moving]) venue.open(settings.rules, settings.state);
  const book = naive.book;
  const known: Known = { settings, book, firstPlacement: 1, placed: [], coming: undefined };
  const slot = slotOf(settings.rules.instrumentId);
  for (let count = 0; count < STEPS; count += 1) {
    const step = stepOf(random.below(2 ** 32) | 0, known);
    const { nowUs } = known.book;
    doStep(naive, step, nowUs);
    const wanted = doStep(staying, step, nowUs);
    // A frozen slot takes no time: the venue goes on when the move is over.
    expect(doStep(moving, step, nowUs)).toEqual(wanted);
    expect(moving.checksum()).toBe(staying.machine.slots.checksumOf(slot));
    if (count % 20 === 0) expect(moving.show()).toEqual(staying.show());
  }
  return moving.moved;
}

test('MOV-3, MOV-4, MOV-5, SNAP-1: a book that moves, or nearly, while anybody crashes, tells what one tells that stays', () => {
  const met: Moved = { imported: 0, rolledBack: 0, crashed: 0, copiedAnew: 0 };
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const moved = runBoth(seed);
    for (const what of Object.keys(met) as (keyof Moved)[]) met[what] += moved[what];
  }
  for (const count of Object.values(met)) expect(count).toBeGreaterThan(RUNS);
}, 120_000);
