// The exchange that a command works on: the one that answers on the configured ports, else one
// that is started for it and stopped after it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { AccountAdminService } from '../../../gen/bourse/account/v1/admin_service_pb.ts';
import { AccountService } from '../../../gen/bourse/account/v1/service_pb.ts';
import { MarketDataService } from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { ReferenceAdminService } from '../../../gen/bourse/reference/v1/admin_service_pb.ts';
import { ReferenceService } from '../../../gen/bourse/reference/v1/service_pb.ts';
import { Health } from '../../../gen/grpc/health/v1/health_pb.ts';
import { loadConfig } from '../../lib/platform/config/load-config.ts';
import { StartError } from '../../lib/platform/config/start-error.ts';
import { createRpcChannel, type RpcChannel } from '../../lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../lib/platform/rpc/client.ts';
import type { AnyService, RpcClient } from '../../lib/platform/rpc/definition.ts';

const LAUNCHER = fileURLToPath(new URL('../../launcher/main.ts', import.meta.url));
const SERVING = 1;
const HEALTH_TIMEOUT_MS = 1_000;
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 100;
/** Preparing may wait for shards; orders have deadlines of their own. */
const CALL_TIMEOUT_MS = 10_000;

/** The public services of a running exchange. */
export type Exchange = {
  readonly orders: RpcClient<typeof OrderService>;
  readonly accounts: RpcClient<typeof AccountService>;
  readonly accountAdmin: RpcClient<typeof AccountAdminService>;
  readonly marketData: RpcClient<typeof MarketDataService>;
  readonly reference: RpcClient<typeof ReferenceService>;
  readonly referenceAdmin: RpcClient<typeof ReferenceAdminService>;
  /** True when this command has started it. */
  readonly isOwn: boolean;
  /** Closes the connections, and stops the exchange when it is the command's own. */
  close(): Promise<void>;
};

type Addresses = {
  readonly order: string;
  readonly account: string;
  readonly marketdata: string;
  readonly coordinator: string;
};

/**
 * Opens the exchange that answers, or starts one.
 *
 * @param args options of `npm start`, such as --port-offset
 * @throws StartError when none answers and none can be started
 */
export async function openExchange(
  args: readonly string[],
  say: (text: string) => void,
): Promise<Exchange> {
  const addresses = addressesOf(args);
  if (await isServing(addresses)) return connect(addresses);
  say('No exchange answers on these ports; starting one.');
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: process.env,
    detached: true, // Ctrl-C in the terminal is for this command, which stops the exchange itself
  });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await ended;
  };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await isServing(addresses))) {
    if (child.exitCode !== null) throw new StartError('The exchange could not be started.');
    if (Date.now() > deadline) {
      await stop();
      throw new StartError('The exchange was not ready after two minutes.');
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return connect(addresses, stop);
}

function addressesOf(args: readonly string[]): Addresses {
  const loaded = loadConfig([...args], process.env);
  const { settings } = loaded;
  const at = (port: number): string => `${settings.host}:${port + settings.portOffset}`;
  return {
    order: at(settings.orderPort),
    account: at(settings.accountPort),
    marketdata: at(settings.marketdataPort),
    coordinator: at(settings.coordinatorPort),
  };
}

async function isServing(addresses: Addresses): Promise<boolean> {
  const answers = await Promise.all(
    Object.values(addresses).map(async (address) => {
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
  return answers.every((serving) => serving);
}

function connect(addresses: Addresses, stop?: () => Promise<void>): Exchange {
  const channels: RpcChannel[] = [];
  const client = <S extends AnyService>(service: S, address: string): RpcClient<S> => {
    const channel = createRpcChannel(address);
    channels.push(channel);
    return createRpcClient(service, channel, { timeoutMs: CALL_TIMEOUT_MS }) as RpcClient<S>;
  };
  return {
    orders: client(OrderService, addresses.order),
    accounts: client(AccountService, addresses.account),
    accountAdmin: client(AccountAdminService, addresses.account),
    marketData: client(MarketDataService, addresses.marketdata),
    reference: client(ReferenceService, addresses.coordinator),
    referenceAdmin: client(ReferenceAdminService, addresses.coordinator),
    isOwn: stop !== undefined,
    async close() {
      for (const channel of channels) channel.close();
      await stop?.();
    },
  };
}
