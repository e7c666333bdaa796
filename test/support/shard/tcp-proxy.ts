// A TCP proxy between a host and its database that can lose answers or cut the line.

import { connect, createServer, type Socket } from 'node:net';

/** What happens to bytes: everything passes; answers get lost; nothing passes and none connects. */
export type ProxyMode = 'pass' | 'loseAnswers' | 'cut';

export type TcpProxy = {
  readonly port: number;
  /** Changes the mode; `cut` breaks what is connected. */
  setMode(mode: ProxyMode): void;
  /** Breaks what is connected, whatever the mode. */
  breakConnections(): void;
  /** Bytes that came from clients so far. */
  readonly receivedBytes: number;
  stop(): Promise<void>;
};

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let mode: ProxyMode = 'pass';
  let receivedBytes = 0;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    if (mode === 'cut') {
      client.destroy();
      return;
    }
    const target = connect(targetPort, '127.0.0.1');
    keep(target);
    client.on('data', (chunk) => {
      receivedBytes += chunk.length;
      target.write(chunk);
    });
    target.on('data', (chunk) => {
      if (mode === 'pass') client.write(chunk);
    });
    client.on('close', () => target.destroy());
    target.on('close', () => client.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const breakConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    get receivedBytes() {
      return receivedBytes;
    },
    setMode(next) {
      mode = next;
      if (next === 'cut') breakConnections();
    },
    breakConnections,
    async stop() {
      breakConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
