// A shard under seeded faults, many times.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkShardUnderFaults } from '../../support/shard/fault-scenario.ts';

const SEEDS = 1_000;

describe('a shard whose world is against it', () => {
  test('LOG-1, LOG-4, LOG-5, LOG-11, LOG-12, REP-7, SNAP-3: keeps what is acknowledged, once', async () => {
    const seed = fc.integer({ min: 0, max: 1 << 30 });
    let followed = 0;
    let snapshots = 0;
    const check = async (one: number): Promise<void> => {
      const found = await checkShardUnderFaults(one);
      followed += found.followed;
      snapshots += found.snapshots;
    };
    await fc.assert(fc.asyncProperty(seed, check), { numRuns: SEEDS });
    expect(followed).toBeGreaterThan(SEEDS);
    expect(snapshots).toBeGreaterThan(SEEDS / 2);
  }, 900_000);
});
