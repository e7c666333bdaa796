// What a shard had to do in the last ten seconds.

import { expect, test } from '@jest/globals';
import { LoadMeter } from '../../../services/lib/platform/cluster/load-meter.ts';

test('a meter shows the last ten whole seconds, the busiest slots first, and forgets (MOV-10)', () => {
  let nowUs = 50_000_000;
  const meter = new LoadMeter({ monotonicUs: () => nowUs });
  meter.countEntry(700);
  for (const slot of [7, 9, 9, undefined]) meter.countCommand(slot);
  expect(meter.view()).toEqual({ commands: 0, logBytes: 0, slots: [] });
  nowUs += 1_000_000;
  const slots = [
    { slot: 9, commands: 2 },
    { slot: 7, commands: 1 },
  ];
  expect(meter.view()).toEqual({ commands: 4, logBytes: 700, slots });
  meter.countCommand(7);
  expect(meter.view()).toBe(meter.view());
  nowUs += 9_000_000;
  expect(meter.view()).toMatchObject({ commands: 5 });
  nowUs += 1_000_000;
  expect(meter.view()).toEqual({ commands: 1, logBytes: 0, slots: [{ slot: 7, commands: 1 }] });
  nowUs += 60_000_000;
  expect(meter.view()).toEqual({ commands: 0, logBytes: 0, slots: [] });
});
