// Many random runs, by fast-check or one seed after the other, and the shortest scenario of the
// first that fails.

import fc from 'fast-check';
import { compareRun, type Met } from './comparison.ts';
import { minimize } from './minimize.ts';
import { Random } from './random.ts';

const STEPS_PER_RUN = 250;

function failureOf(settingsSeed: number, seeds: readonly number[]): unknown {
  try {
    compareRun(settingsSeed, seeds);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Runs the steps; a failure is thrown as the shortest run that still fails. */
function runOrExplain(settingsSeed: number, seeds: readonly number[], met?: Met): void {
  try {
    compareRun(settingsSeed, seeds, met);
  } catch (error) {
    const fails = (list: readonly number[]) => failureOf(settingsSeed, list) !== undefined;
    throw failureOf(settingsSeed, minimize(seeds, fails)) ?? error;
  }
}

const run = fc.record({
  settingsSeed: fc.noShrink(fc.integer()),
  seeds: fc.noShrink(
    fc.array(fc.integer(), { minLength: STEPS_PER_RUN, maxLength: STEPS_PER_RUN, size: 'max' }),
  ),
});

/** At least this many commands, in runs that fast-check chooses. */
export function compareMany(commands: number, seed?: number): void {
  const property = fc.property(run, ({ settingsSeed, seeds }) => runOrExplain(settingsSeed, seeds));
  const numRuns = Math.ceil(commands / STEPS_PER_RUN);
  fc.assert(property, { numRuns, endOnFailure: true, ...(seed === undefined ? {} : { seed }) });
}

/** Commands one run after the other from one seed; tells what they met. */
export function compareFromSeed(
  seed: number,
  commands: number,
  onRun: (done: number, met: Met) => void,
): void {
  const met: Met = new Map();
  for (let done = 0; done < commands; ) {
    const random = new Random(seed + done);
    const seeds = Array.from({ length: STEPS_PER_RUN }, () => random.below(2 ** 32) | 0);
    runOrExplain(random.below(2 ** 32) | 0, seeds, met);
    done += STEPS_PER_RUN;
    onRun(done, met);
  }
}
