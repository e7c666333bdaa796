// Two hundred seeds of the simulator, and the bugs that it must find.

import { describe, expect, test } from '@jest/globals';
import { PLANTED_BUGS } from './planted/bugs.ts';
import { runSeeds } from './run-seeds.ts';

const SEEDS = 200;
const TICKS = 300;
const FIRST_SEED = 1_001;
/** Long enough that logs are cut. */
const LONGER_SEEDS = 20;
const LONGER_TICKS = 2_500;
/** A bound for a loaded machine; alone, a seed takes a sixth of a second. */
const TIMEOUT_MS = 600_000;

describe('the simulator', () => {
  test(
    `${SEEDS} seeds: LOG, READ, REP, CON, HLD and LED rules hold under all faults`,
    async () => {
      const seeds = ['--seed', `${FIRST_SEED}`, '--seeds', `${SEEDS}`, '--ticks', `${TICKS}`];
      const { results, findings } = await runSeeds(
        ...seeds,
        ...['--ha-every', '10', '--orphans-every', '20'],
      );
      expect(findings).toEqual([]);
      expect(results).toHaveLength(SEEDS);
    },
    TIMEOUT_MS,
  );

  test(
    `${LONGER_SEEDS} longer seeds: SNAP-4 what is cut off is needed by nobody, CON-1 LED-5 SET-5`,
    async () => {
      const seeds = ['--seed', `${FIRST_SEED}`, '--seeds', `${LONGER_SEEDS}`, '--lean'];
      const ticks = ['--ticks', `${LONGER_TICKS}`, '--orphans-every', '0'];
      const { results, findings } = await runSeeds(...seeds, ...ticks);
      expect(findings).toEqual([]);
      const sumOf = (name: string): number =>
        results.reduce((sum, { counts }) => sum + (counts[name] ?? 0), 0);
      expect(sumOf('cuts')).toBeGreaterThan(100);
      expect(sumOf('bustedSides')).toBeGreaterThan(10);
    },
    TIMEOUT_MS,
  );
});

describe('a planted bug is found within a few seeds', () => {
  const MOST_SEEDS = 25;

  test.each(PLANTED_BUGS.map(({ name, rules }) => [name, rules] as const))(
    '%s',
    async (name, rules) => {
      const { findings } = await runSeeds(
        ...['--plant', name, '--seeds', `${MOST_SEEDS}`, '--ticks', '1500', '--lean', '--first'],
        ...['--orphans-every', '0'],
      );
      expect(rules).toContain(findings[0]?.rule);
    },
    TIMEOUT_MS,
  );

  test('and what runs without them is as it was', async () => {
    const { results, findings } = await runSeeds('--ticks', '1500', '--lean');
    expect(findings).toEqual([]);
    expect(results).toHaveLength(1);
  }, 60_000);
});
