// The commands of the recorded logs, made from seeds: for the books those of the model's random
// runs, for the accounts those of the naive ledger's.

import { slotOf } from '../../services/lib/routing/slot.ts';
import type { MatchingCommand } from '../../services/matching/domain/command.ts';
import type { Known } from '../model/matching/known.ts';
import { NaiveVenue } from '../model/matching/naive-venue.ts';
import { settingsOf } from '../model/matching/settings.ts';
import { stepOf } from '../model/matching/steps.ts';
import type { TimedCommand } from '../support/logs/build-log.ts';

/** A generator of its own, so that a seed means the same for ever (mulberry32). */
export function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Steps of one random run on one instrument. */
export function matchingCommands(seed: number, count: number): TimedCommand<MatchingCommand>[] {
  const random = makeRandom(seed);
  const { limits: _, ...settings } = settingsOf(random());
  const naive = new NaiveVenue({});
  naive.open(settings.rules, settings.state);
  const known: Known = {
    settings: { ...settings, limits: {} },
    book: naive.book,
    firstPlacement: 1,
    placed: [],
    coming: undefined,
  };
  const { rules, state: initialState } = settings;
  const slots = [slotOf(rules.instrumentId)];
  const commands: TimedCommand<MatchingCommand>[] = [
    { command: { kind: 'acquireSlots', slots, generation: 1 }, logTimeUs: known.book.nowUs },
    { command: { kind: 'setInstrument', rules, initialState }, logTimeUs: known.book.nowUs },
  ];
  for (let index = 0; index < count; index += 1) {
    const step = stepOf(random(), known);
    if (step.kind === 'time') {
      naive.advance(step.nowUs);
      commands.push({ command: undefined, logTimeUs: step.nowUs });
    } else {
      const { nowUs: logTimeUs } = known.book;
      naive.apply(step, logTimeUs);
      commands.push({ command: step, logTimeUs });
    }
  }
  return commands;
}
