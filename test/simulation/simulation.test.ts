// The simulator in `npm test`: that it repeats itself to the byte, that it keeps everybody off this
// machine's clock, that the seeds which failed once pass, and a few seeds more.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { FAULT_KINDS, type FaultKind } from './faults.ts';
import { HA, LEAN, type RunResult, runSimulation } from './run.ts';

const SHORT_TICKS = 300;
const SEEDS = 6;
/** A bound for a loaded machine; alone, a seed takes a third of a second. */
const TIMEOUT_MS = 300_000;
const KEPT = new URL('./seeds/', import.meta.url);

/** A run that failed once, and why. */
type KeptSeed = {
  readonly seed: number;
  readonly ticks: number;
  readonly profile: 'lean' | 'ha';
  readonly faults?: readonly FaultKind[];
  readonly reason: string;
};

function failuresOf(results: readonly RunResult[]): readonly object[] {
  return results.flatMap(({ seed, findings }) => findings.map((found) => ({ seed, ...found })));
}

describe('the simulator', () => {
  test(
    'a seed is one run, to the byte (W-1)',
    async () => {
      const options = { seed: 4711, ticks: SHORT_TICKS, size: LEAN, keepsHistory: true };
      const first = await runSimulation(options);
      const second = await runSimulation(options);
      expect(second.history).toEqual(first.history);
      expect(second.hash).toBe(first.hash);
      const other = await runSimulation({ ...options, seed: 4712 });
      expect(other.hash).not.toBe(first.hash);
    },
    TIMEOUT_MS,
  );

  test(
    'whoever touches the clock of this machine is found (W-1)',
    async () => {
      const plant = ({ kernel }: { kernel: { after(us: number, run: () => void): unknown } }) => {
        kernel.after(1_000, () => {
          try {
            Date.now();
          } catch {
            // The guard remembers it.
          }
        });
        return () => {};
      };
      const { findings } = await runSimulation({ seed: 1, ticks: 1, size: LEAN, plant });
      expect(findings.map(({ rule }) => rule)).toContain('W-1');
      expect(Date.now()).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test(
    'without faults everything that was asked for is done',
    async () => {
      const options = { seed: 1, ticks: SHORT_TICKS, faults: [], size: LEAN };
      const { findings, counts } = await runSimulation(options);
      expect(findings).toEqual([]);
      expect(counts['trades']).toBeGreaterThan(0);
      expect(counts['answers']).toBeGreaterThan(20);
    },
    TIMEOUT_MS,
  );

  test(
    `${SEEDS} seeds: LOG, READ, REP, CON, HLD and LED rules hold under all faults`,
    async () => {
      const results: RunResult[] = [];
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const size = seed % 4 === 0 ? HA : LEAN;
        results.push(
          await runSimulation({ seed, ticks: SHORT_TICKS, size, passesOverOrphans: true }),
        );
      }
      expect(failuresOf(results)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  const names = readdirSync(KEPT).filter((name) => name.endsWith('.json'));
  for (const name of names) {
    const kept = JSON.parse(readFileSync(new URL(name, KEPT), 'utf8')) as KeptSeed;
    const { seed, ticks, profile, faults = FAULT_KINDS, reason } = kept;
    test(
      `seed ${seed}, which failed once, passes: ${reason}`,
      async () => {
        const size = profile === 'lean' ? LEAN : HA;
        expect(failuresOf([await runSimulation({ seed, ticks, faults, size })])).toEqual([]);
      },
      TIMEOUT_MS,
    );
  }
});
