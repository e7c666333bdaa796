// The part of the world that the cluster's client touches (W-1).

import { randomBytes } from 'node:crypto';
import type { World } from '../../shard/world.ts';

export type ClusterWorld = Pick<World, 'monotonicUs' | 'wallClockUs' | 'setTimer' | 'randomBytes'>;

/** The real one; its timers do not keep a process alive that has finished otherwise. */
export const realClusterWorld: ClusterWorld = {
  monotonicUs: () => Math.floor(performance.now() * 1_000),
  wallClockUs: () => Date.now() * 1_000,
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  randomBytes: (count) => randomBytes(count),
};

/** Resolves after a while; at once, and for good, when the signal is aborted. */
export function pause(world: ClusterWorld, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = () => {
      timer.cancel();
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = world.setTimer(delayMs, wake);
    signal.addEventListener('abort', wake);
  });
}
