// Proofs of leadership for reads: which proof counts for which read, and how many are sent.

import { describe, expect, test } from '@jest/globals';
import type { LogPoint } from '../../../services/lib/shard/log-entry.ts';
import { ReadGate } from '../../../services/lib/shard/read-gate.ts';
import type { LogEnd, LogStore } from '../../../services/lib/shard/world.ts';

const OURS: LogPoint = { entryIndex: 7, chainChecksum: 'ours' };

/** A log whose last row is asked for, and answered when the test says so. */
class AskedLog {
  readonly asked: PromiseWithResolvers<LogEnd>[] = [];
  readonly store = {
    fetchEnd: () => {
      const question = Promise.withResolvers<LogEnd>();
      this.asked.push(question);
      return question.promise;
    },
  } as Partial<LogStore> as LogStore;

  async answer(question: number, end: LogPoint = OURS): Promise<void> {
    this.asked[question]?.resolve({ ...end, epoch: 1, logTimeUs: 1 } as unknown as LogEnd);
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  }
}

function openGate(log: AskedLog) {
  const seen = { deposed: 0, released: [] as number[], failed: [] as string[] };
  const gate = new ReadGate(
    {
      log: log.store,
      isOurs: ({ chainChecksum }) => chainChecksum === OURS.chainChecksum,
      appendComes: () => false,
      onDeposed: () => {
        seen.deposed += 1;
      },
    },
    OURS.entryIndex,
  );
  const read = (number: number) =>
    gate.wait({
      entryIndex: OURS.entryIndex,
      release: () => seen.released.push(number),
      fail: (reason) => seen.failed.push(reason),
    });
  return { gate, seen, read };
}

describe('READ-1 reads that wait', () => {
  test('share one proof, which is asked for after all of them have come', async () => {
    const log = new AskedLog();
    const { seen, read } = openGate(log);
    read(0);
    for (let number = 1; number <= 50; number += 1) read(number);
    // The first proof was sent before the others came: it says nothing about them.
    expect(log.asked).toHaveLength(1);
    await log.answer(0);
    expect(seen.released).toEqual([0]);
    expect(log.asked).toHaveLength(2);
    await log.answer(1);
    expect(seen.released).toHaveLength(51);
    expect(log.asked).toHaveLength(2);
  });

  test('are not answered when the last row is another leader’s', async () => {
    const log = new AskedLog();
    const { seen, read } = openGate(log);
    read(0);
    await log.answer(0, { entryIndex: 8, chainChecksum: 'theirs' });
    expect(seen.released).toEqual([]);
    expect(seen.deposed).toBe(1);
  });
});
