// A shard under seeded faults; a seed that fails is printed and fails again.

import { describe, test } from '@jest/globals';
import { checkShardsUnderFaults } from '../../support/shard/fault-scenario.ts';

describe('a shard whose world is against it', () => {
  test('LOG-1, LOG-4, LOG-5, LOG-11, LOG-12, REP-7, SNAP-3: keeps what is acknowledged, once', async () => {
    await checkShardsUnderFaults(30);
  }, 120_000);
});
