// Two hundred seeds of the simulator, and the bugs that it must find.

import { describe, expect, test } from '@jest/globals';
import { FAULT_KINDS } from './faults.ts';
import { PLANTED_BUGS } from './planted/bugs.ts';
import { HA, LEAN, runSimulation } from './run.ts';

const SEEDS = 200;
const TICKS = 300;
const FIRST_SEED = 1_001;
/** A bound for a loaded machine; alone, a seed takes a third of a second. */
const TIMEOUT_MS = 600_000;

describe('the simulator', () => {
  test(
    `${SEEDS} seeds: LOG, READ, REP, CON, HLD and LED rules hold under all faults`,
    async () => {
      const failures: object[] = [];
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
        const size = seed % 10 === 0 ? HA : LEAN;
        const { findings } = await runSimulation({
          ...{ seed, ticks: TICKS, size },
          passesOverOrphans: seed % 20 !== 0,
        });
        failures.push(...findings.map((found) => ({ seed, ...found })));
      }
      expect(failures).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

describe('a planted bug is found within a few seeds', () => {
  const MOST_SEEDS = 25;

  test.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))(
    '%s',
    async (_name, { plant, rules, faults = FAULT_KINDS }) => {
      const found: string[] = [];
      for (let seed = 1; seed <= MOST_SEEDS && found.length === 0; seed += 1) {
        const { findings } = await runSimulation({
          seed,
          ticks: 1_500,
          faults,
          size: LEAN,
          plant,
          passesOverOrphans: true,
        });
        found.push(...findings.map(({ rule }) => rule));
      }
      expect(rules).toContain(found[0]);
    },
    TIMEOUT_MS,
  );

  test('and what runs without them is as it was', async () => {
    const { findings } = await runSimulation({ seed: 1, ticks: 1_500, size: LEAN });
    expect(findings).toEqual([]);
  }, 60_000);
});
