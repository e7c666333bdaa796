// A flood of bad requests is not a flood of log lines.

import { expect, test } from '@jest/globals';
import { LineLimit } from '../../../services/lib/platform/telemetry/line-limit.ts';

test('lines beyond the limit of a second are counted, and told by the next one', () => {
  const limit = new LineLimit(2);
  const asked = [0, 1, 2, 3, 999, 1_000, 1_001, 1_002].map((nowMs) => limit.take(nowMs));
  expect(asked).toEqual([0, 0, undefined, undefined, undefined, 3, 0, undefined]);
});
