// Two instruments in one shard, each with its own naive book: what happens in one leaves the
// other alone, although they share accounts, time, tables and due work.

import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { EngineVenue } from '../../support/matching/engine-venue.ts';
import { STEP_ENDS, type Told } from '../../support/matching/venue.ts';
import type { Known } from './known.ts';
import { NaiveVenue } from './naive-venue.ts';
import { isSame } from './same.ts';
import { scenarioOf } from './scenario-writer.ts';
import { type Settings, settingsOf } from './settings.ts';
import { type Step, stepOf } from './steps.ts';

type Side = {
  readonly settings: Settings;
  readonly naive: NaiveVenue;
  readonly known: Known;
  readonly steps: Step[];
};

/** Orders of the second instrument are named from here on. */
const SECOND_PLACEMENT = 1_000_000;

function openSide(engine: EngineVenue, seed: number, instrumentNumber: number): Side {
  const chosen = settingsOf(seed);
  const instrumentId = `X${instrumentNumber}`;
  const rules = { ...chosen.rules, instrumentNumber, instrumentId };
  const settings = { ...chosen, rules, limits: {} };
  const naive = new NaiveVenue();
  naive.open(rules, settings.state);
  const slots = [slotOf(instrumentId)];
  engine.apply({ kind: 'acquireSlots', slots, generation: instrumentNumber }, 0);
  engine.apply({ kind: 'setInstrument', rules, initialState: settings.state }, 0);
  const firstPlacement = instrumentNumber === 1 ? 1 : SECOND_PLACEMENT;
  const known = { settings, book: naive.book, firstPlacement, placed: [], coming: undefined };
  return { settings, naive, known, steps: [] };
}

/** Runs steps in both, in turn as their seeds say. */
export function compareTwoBooks(seeds: readonly [number, number], steps: readonly number[]): void {
  const engine = new EngineVenue({ eventsPerStep: seeds[0] % 2 === 0 ? 3 : 4_000 });
  const sides = [openSide(engine, seeds[0], 1), openSide(engine, seeds[1], 2)] as const;
  for (const seed of steps) {
    const side = sides[Math.abs(seed) % 2] as Side;
    const step = stepOf(seed, side.known);
    if (step.kind === 'time') passTime(engine, sides, step.nowUs);
    else {
      side.steps.push(step);
      const { nowUs } = side.known.book;
      compare(side, side.naive.apply(step, nowUs), engine.apply(step, nowUs), engine);
    }
  }
}

function passTime(engine: EngineVenue, sides: readonly Side[], nowUs: number): void {
  const told = engine.advance(nowUs);
  for (const side of sides) {
    side.steps.push({ kind: 'time', nowUs });
    const { instrumentNumber } = side.settings.rules;
    const own = told.filter(
      (event) => typeof event === 'string' || event.instrumentNumber === instrumentNumber,
    );
    compare(side, side.naive.advance(nowUs), own, engine);
  }
}

function compare(side: Side, wanted: Told, told: Told, engine: EngineVenue): void {
  const seen: (MatchingEvent | string)[] = told
    .filter((note) => note !== STEP_ENDS)
    .map((note) => (typeof note === 'string' ? 'refused' : note));
  const { instrumentNumber } = side.settings.rules;
  const isBookSame = isSame(side.naive.show(), engine.show(instrumentNumber));
  if (isSame(wanted, seen) && isBookSame) return;
  const scenario = scenarioOf(side.settings, side.steps).join('\n');
  const text = JSON.stringify([wanted, seen], (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  throw new Error(`instrument ${instrumentNumber} of two, its own part:\n${scenario}\n${text}`);
}
