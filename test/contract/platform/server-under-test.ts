// A real server on a free port with a real client, for the contract of the platform itself. The
// handlers borrow methods of the public contracts and answer what a test needs.

import { PassThrough } from 'node:stream';
import { createRpcChannel, type RpcChannel } from '../../../services/lib/platform/rpc/channel.ts';
import type { AnyService } from '../../../services/lib/platform/rpc/definition.ts';
import { loadDescriptors } from '../../../services/lib/platform/rpc/descriptors.ts';
import {
  createRpcServer,
  type Handlers,
  type RpcServer,
} from '../../../services/lib/platform/rpc/server.ts';
import { createLogger } from '../../../services/lib/platform/telemetry/logger.ts';

export type ServerUnderTest = {
  readonly server: RpcServer;
  readonly address: string;
  readonly channel: RpcChannel;
  /** Lines of the server's log, parsed. */
  readonly logLines: Record<string, unknown>[];
  close(): Promise<void>;
};

/** Starts a server with some methods of a service; the others answer UNIMPLEMENTED. */
export async function startServer<S extends AnyService>(
  service?: S,
  handlers: Partial<Handlers<S>> = {},
): Promise<ServerUnderTest> {
  const logLines: Record<string, unknown>[] = [];
  const destination = new PassThrough();
  destination.on('data', (line: Buffer) => logLines.push(JSON.parse(line.toString())));
  const logger = createLogger({ service: 'test', node: 'test-1', level: 'debug', destination });
  const server = createRpcServer({ logger, descriptors: loadDescriptors() });
  if (service !== undefined) server.add(service, { ...missing(service), ...handlers } as never);
  const address = `127.0.0.1:${await server.listen(0)}`;
  const channel = createRpcChannel(address);
  return {
    server,
    address,
    channel,
    logLines,
    async close() {
      channel.close();
      await server.drain(200);
    },
  };
}

function missing(service: AnyService): Record<string, () => never> {
  const absent = () => {
    throw new Error('this test does not serve the method');
  };
  return Object.fromEntries(Object.keys(service.method).map((name) => [name, absent]));
}
