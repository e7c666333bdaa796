// The part of the world that the cluster's client touches (W-1).

import { createRealWorldWithoutLogs } from '../../shard/real-world.ts';
import type { World } from '../../shard/world.ts';

export type ClusterWorld = Pick<World, 'monotonicUs' | 'wallClockUs' | 'setTimer' | 'randomBytes'>;

/** The real one. */
export const realClusterWorld: ClusterWorld = createRealWorldWithoutLogs();

/** Resolves after a while; at once, and for good, when the signal is aborted. */
export function pause(
  world: Pick<ClusterWorld, 'setTimer'>,
  delayMs: number,
  signal: AbortSignal,
): Promise<void> {
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
