// Callers that come to a node a moment before it leads (REP-5).

import { describe, expect, test } from '@jest/globals';
import { LeadWaiters } from '../../../services/lib/platform/cluster/lead-waiters.ts';
import type { HostState } from '../../../services/lib/shard/host-state.ts';

const FOLLOWER: HostState = { kind: 'follower', reason: undefined };
const CANDIDATE: HostState = { kind: 'candidate', epoch: 2 };
const LEADING: HostState = { kind: 'leading', epoch: 2, logTrouble: undefined };

class Waiting {
  readonly abort = new AbortController();
  readonly waiters: LeadWaiters;
  timer: (() => void) | undefined;
  isOver = false;

  constructor(state: HostState, isWarm: boolean) {
    this.waiters = new LeadWaiters({
      setTimer: (_delayMs, callback) => {
        this.timer = callback;
        return {
          cancel: () => {
            this.timer = undefined;
          },
        };
      },
    });
    const host = { state, standby: { isWarm } };
    void this.waiters.wait(host, this.abort.signal).then(() => {
      this.isOver = true;
    });
  }

  /** Whether the caller waits no longer. */
  async over(): Promise<boolean> {
    await Promise.resolve();
    return this.isOver;
  }
}

describe('REP-5 a caller that the leader before has sent', () => {
  test.each([
    ['a warm standby', FOLLOWER, true],
    ['a candidate', CANDIDATE, false],
  ])('waits at %s until it leads', async (_name, state, isWarm) => {
    const waiting = new Waiting(state, isWarm);
    waiting.waiters.changed(CANDIDATE);
    expect(await waiting.over()).toBe(false);
    waiting.waiters.changed(LEADING);
    expect(await waiting.over()).toBe(true);
    expect(waiting.timer).toBeUndefined();
  });

  test('is sent away when nobody is told to lead for a while', async () => {
    const waiting = new Waiting(FOLLOWER, true);
    waiting.timer?.();
    expect(await waiting.over()).toBe(true);
  });

  test('waits no longer when it goes, or when the host stops', async () => {
    const gone = new Waiting(FOLLOWER, true);
    gone.abort.abort();
    expect(await gone.over()).toBe(true);
    const stopped = new Waiting(FOLLOWER, true);
    stopped.waiters.changed({ kind: 'stopped', reason: { kind: 'ended' } });
    expect(await stopped.over()).toBe(true);
  });

  test.each([
    ['leads', LEADING, true],
    ['hands over itself', { kind: 'draining', epoch: 1 } as const, false],
    ['has nothing in memory', FOLLOWER, false],
  ])('does not wait at a host that %s', async (_name, state, isWarm) => {
    expect(await new Waiting(state, isWarm).over()).toBe(true);
  });
});
