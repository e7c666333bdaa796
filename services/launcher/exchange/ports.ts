// Are the ports free? Asked before anything starts, so that the answer names the port.

import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { StartError } from '../../lib/platform/config/start-error.ts';

const POLL_MS = 100;

export type PortUse = readonly [name: string, port: number];

/**
 * Tries every port once; with `patienceMs`, waits for ports that are about to be given back.
 *
 * @throws StartError naming the first port in use, and what it was for.
 */
export async function checkPorts(
  host: string,
  uses: readonly PortUse[],
  patienceMs: number,
): Promise<void> {
  const deadlineMs = Date.now() + patienceMs;
  for (const [name, port] of uses) {
    for (;;) {
      const fault = await tryPort(host, port);
      if (fault === undefined) break;
      if (fault !== 'EADDRINUSE') {
        throw new StartError(`Port ${port}, for ${name}, cannot be used on ${host}: ${fault}.`);
      }
      if (Date.now() > deadlineMs) {
        throw new StartError(
          `Port ${port}, for ${name}, is in use: stop what uses it, or start with --port-offset 10.`,
        );
      }
      await delay(POLL_MS);
    }
  }
}

function tryPort(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
