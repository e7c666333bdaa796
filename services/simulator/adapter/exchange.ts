// The exchange that a command works on: the one that answers on the configured ports, else one
// that is started for it and stopped after it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Health } from '../../../gen/grpc/health/v1/health_pb.ts';
import {
  connectPublicServices,
  type PublicAddresses,
  type PublicServices,
  readAddresses,
} from '../../lib/client/public-services.ts';
import { StartError } from '../../lib/platform/config/start-error.ts';
import { createRpcChannel } from '../../lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../lib/platform/rpc/client.ts';

const LAUNCHER = fileURLToPath(new URL('../../launcher/main.ts', import.meta.url));
const SERVING = 1;
const HEALTH_TIMEOUT_MS = 1_000;
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 100;

/** The public services of a running exchange. */
export type Exchange = Omit<PublicServices, 'close'> & {
  /** True when this command has started it. */
  readonly isOwn: boolean;
  /** Closes the connections, and stops the exchange when it is the command's own. */
  close(): Promise<void>;
};

/**
 * Opens the exchange that answers, or starts one.
 *
 * @param args options of `npm start`, such as --port-offset
 * @param signal aborted when it is no longer wanted; what was being started is stopped
 * @throws StartError when none answers and none can be started, or when it is no longer wanted
 */
export async function openExchange(
  args: readonly string[],
  say: (text: string) => void,
  signal?: AbortSignal,
): Promise<Exchange> {
  const addresses = readAddresses(args);
  if (await isServing(addresses)) return connect(addresses);
  say('No exchange answers on these ports; starting one.');
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: process.env,
    detached: true, // Ctrl-C in the terminal is for this command, which stops the exchange itself
  });
  const ended = once(child, 'exit');
  // Serving is not enough: a new exchange is given its venue first.
  let isReady = false;
  child.stdout.on('data', (chunk: Buffer) => {
    isReady ||= chunk.toString().includes('Ready after');
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await ended;
  };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!isReady) {
    if (child.exitCode !== null) throw new StartError('The exchange could not be started.');
    if (signal?.aborted === true) {
      await stop();
      throw new StartError('Stopped before the exchange was ready.');
    }
    if (Date.now() > deadline) {
      await stop();
      throw new StartError('The exchange was not ready after two minutes.');
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return connect(addresses, stop);
}

async function isServing(addresses: PublicAddresses): Promise<boolean> {
  const { coordinators, ...others } = addresses;
  const [isCoordinated, ...areServing] = await Promise.all([
    areSomeServing(coordinators),
    ...Object.values(others).map((address) => areSomeServing([address])),
  ]);
  return isCoordinated && areServing.every((serving) => serving);
}

/** Of several coordinators only the active one serves. */
async function areSomeServing(addresses: readonly string[]): Promise<boolean> {
  const answers = await Promise.all(
    addresses.map(async (address) => {
      const channel = createRpcChannel(address);
      try {
        const options = { timeoutMs: HEALTH_TIMEOUT_MS };
        const { status } = await createRpcClient(Health, channel, options).check({});
        return status === SERVING;
      } catch {
        return false;
      } finally {
        channel.close();
      }
    }),
  );
  return answers.some((serving) => serving);
}

function connect(addresses: PublicAddresses, stop?: () => Promise<void>): Exchange {
  const services = connectPublicServices(addresses);
  return {
    ...services,
    isOwn: stop !== undefined,
    async close() {
      services.close();
      await stop?.();
    },
  };
}
