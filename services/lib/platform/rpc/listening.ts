// The servers of HTTP/2 that gRPC's library opens: it does not hand them out, but Node tells who
// begins to listen.

import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Http2Server } from 'node:http2';

const CHANNEL = 'tracing:net.server.listen:asyncStart';

/** Tells whose server it is: several may begin at the same time. */
const listening = new AsyncLocalStorage<object>();

/** Runs what opens servers; each is shown before anybody can connect to it. */
export async function whileListening<T>(
  listen: () => Promise<T>,
  onServer: (server: Http2Server) => void,
): Promise<T> {
  const own = {};
  const note = (message: unknown): void => {
    const { server } = message as { readonly server: Http2Server };
    if (listening.getStore() === own) onServer(server);
  };
  subscribe(CHANNEL, note);
  try {
    return await listening.run(own, listen);
  } finally {
    unsubscribe(CHANNEL, note);
  }
}
