// A shard under seeded faults, many times.

import { describe, test } from '@jest/globals';
import { checkShardsUnderFaults } from '../../support/shard/fault-scenario.ts';

describe('a shard whose world is against it', () => {
  test('LOG-1, LOG-4, LOG-5, LOG-11, LOG-12, REP-7, SNAP-3: keeps what is acknowledged, once', async () => {
    await checkShardsUnderFaults(1_000);
  }, 900_000);
});
