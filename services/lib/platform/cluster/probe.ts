// Asks whether anybody still listens at an address: the quickest proof that a process has ended
// (REP-3).

import { connect } from 'node:net';
import { type ClusterWorld, realClusterWorld } from './cluster-world.ts';

const PROBE_TIMEOUT_MS = 200;

/** A world that can look whether a process is there. */
export type ProbingWorld = ClusterWorld & {
  /** True when the connection was refused: nobody listens at `host:port` any more. */
  isRefused(address: string): Promise<boolean>;
};

/** The real one. */
export const realProbingWorld: ProbingWorld = {
  monotonicUs: () => realClusterWorld.monotonicUs(),
  wallClockUs: () => realClusterWorld.wallClockUs(),
  setTimer: (delayMs, callback) => realClusterWorld.setTimer(delayMs, callback),
  randomBytes: (count) => realClusterWorld.randomBytes(count),
  isRefused,
};

function isRefused(address: string): Promise<boolean> {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(address.slice(at + 1)) });
    const end = (refused: boolean) => {
      socket.destroy();
      resolve(refused);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => end(false));
    socket.on('connect', () => end(false));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => end(code === 'ECONNREFUSED'));
  });
}
