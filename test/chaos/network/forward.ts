// Hands connections on from one address to another, in a thread of its own: PostgreSQL listens on
// loopback only, and nodes in other namespaces reach it here.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { parentPort, Worker, workerData } from 'node:worker_threads';

type Forward = { readonly host: string; readonly port: number };

/** Listens at `host:port` from now on, for what listens at the same port of loopback. */
export async function forwardToLoopback(forward: Forward): Promise<() => Promise<unknown>> {
  const worker = new Worker(new URL(import.meta.url), { workerData: forward });
  await once(worker, 'message');
  return () => worker.terminate();
}

function serve({ host, port }: Forward): void {
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port, noDelay: true });
    join(near, far);
    join(far, near);
  });
  server.listen(port, host, () => parentPort?.postMessage('listening'));
}

/** What one says the other hears, up to its end. */
function join(one: Socket, other: Socket): void {
  one.pipe(other);
  one.on('error', () => {});
  one.on('close', () => other.destroy());
}

if (parentPort !== null && workerData !== null) serve(workerData as Forward);
