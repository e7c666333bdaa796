// How long a leader may be without its log, as its coordinator counts it (REP-6), and how long
// changes of leaders may take and have to lie apart (REP-3, REP-4).

import { beforeEach, describe, expect, test } from '@jest/globals';
import { LeaderClock } from '../../../services/coordinator/adapter/leader-clock.ts';

let nowUs = 0;
let clock: LeaderClock;
const SHARD = 'matching-1';

/** Time in which the coordinator is answered by the database every 200 ms, and soon. */
function passReachable(ms: number): void {
  for (let left = ms; left > 0; left -= 100) {
    nowUs += 100_000;
    if (left % 200 === 0) clock.heardDatabase({ askedUs: nowUs - 2_000, isAnswered: true });
  }
}

beforeEach(() => {
  nowUs = 5_000_000;
  clock = new LeaderClock({ monotonicUs: () => nowUs });
});

describe('a leader without its log', () => {
  test('REP-6: is cut off when it says so for 700 ms while the coordinator reaches the database', () => {
    passReachable(2_000);
    clock.heard(SHARD, true);
    passReachable(600);
    expect(clock.isCutOff(SHARD)).toBe(false);
    passReachable(200);
    expect(clock.isCutOff(SHARD)).toBe(true);
    clock.heard(SHARD, false);
    expect(clock.isCutOff(SHARD)).toBe(false);
  });

  test('REP-6: is not cut off from a database that answers nobody, nor until it has had time to find it again', () => {
    passReachable(2_000);
    clock.heard(SHARD, true);
    nowUs += 100_000;
    clock.heardDatabase({ askedUs: nowUs, isAnswered: false });
    nowUs += 3_000_000;
    expect(clock.isCutOff(SHARD)).toBe(false);
    clock.heardDatabase({ askedUs: nowUs - 1_000, isAnswered: false });
    passReachable(600);
    expect(clock.isCutOff(SHARD)).toBe(false);
    passReachable(200);
    expect(clock.isCutOff(SHARD)).toBe(true);
  });

  test('REP-6: is not cut off while the coordinator waits for an answer itself', () => {
    passReachable(2_000);
    clock.heard(SHARD, true);
    const askedUs = nowUs;
    nowUs += 3_000_000;
    expect(clock.isCutOff(SHARD)).toBe(false);
    clock.heardDatabase({ askedUs, isAnswered: true });
    expect(clock.isCutOff(SHARD)).toBe(false);
  });
});

describe('a change of leader', () => {
  const NEW = { shardId: SHARD, servingEpoch: 0 };
  const SERVED = { shardId: SHARD, servingEpoch: 1 };

  /** The first time from now on, in steps of 10 ms, at which something holds. */
  const msUntil = (holds: () => boolean): number => {
    const beginUs = nowUs;
    while (!holds()) nowUs += 10_000;
    return (nowUs - beginUs) / 1_000;
  };
  const isOverdue = (): boolean => clock.isOverdue(SHARD);

  test('REP-3: keeps the next one off for 2 s, and the first waits for none', () => {
    expect(clock.isSettled(SHARD)).toBe(true);
    clock.served(SHARD);
    expect(msUntil(() => clock.isSettled(SHARD))).toBe(2_000);
  });

  test('REP-4: is overdue after 300 ms, and after twice as long with each candidate more', () => {
    expect(isOverdue()).toBe(false);
    clock.told(SERVED);
    expect(msUntil(isOverdue)).toBe(300);
    clock.told(SERVED);
    expect(msUntil(isOverdue)).toBe(600);
    for (let candidate = 0; candidate < 5; candidate += 1) clock.told(SERVED);
    expect(msUntil(isOverdue)).toBe(5_000);
    clock.served(SHARD);
    expect(isOverdue()).toBe(false);
    clock.told(SERVED);
    expect(msUntil(isOverdue)).toBe(300);
  });

  test('REP-4: has longer for a shard that never served', () => {
    clock.told(NEW);
    expect(msUntil(isOverdue)).toBe(3_000);
  });

  test('REP-3: is not overdue for time in which the coordinator itself was late', () => {
    clock.told(SERVED);
    nowUs += 250_000;
    clock.forgive(250_000);
    expect(msUntil(isOverdue)).toBe(300);
  });
});
