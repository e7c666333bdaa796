// Clients of all public services of a running exchange, at the configured addresses: for commands
// that use the exchange as anybody could.

import { AccountAdminService } from '../../../gen/bourse/account/v1/admin_service_pb.ts';
import { AccountService } from '../../../gen/bourse/account/v1/service_pb.ts';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { MarketDataService } from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { ReferenceAdminService } from '../../../gen/bourse/reference/v1/admin_service_pb.ts';
import { ReferenceService } from '../../../gen/bourse/reference/v1/service_pb.ts';
import { loadConfig } from '../platform/config/load-config.ts';
import { coordinatorAddressesOf } from '../platform/config/node-config.ts';
import { createRpcChannel, type RpcChannel } from '../platform/rpc/channel.ts';
import { createRpcClient, type RpcCallOptions } from '../platform/rpc/client.ts';
import type { AnyService, RpcClient } from '../platform/rpc/definition.ts';
import { activeCoordinatorClient } from './active-coordinator.ts';

/** A person waits for the answer; a shard may just be starting. */
const CALL_TIMEOUT_MS = 10_000;

/** `host:port` of each process that serves the public. */
export type PublicAddresses = {
  readonly order: string;
  readonly account: string;
  readonly marketdata: string;
  /** Of every coordinator that there may be. */
  readonly coordinators: readonly string[];
};

export type PublicServices = {
  readonly orders: RpcClient<typeof OrderService, RpcCallOptions>;
  readonly accounts: RpcClient<typeof AccountService, RpcCallOptions>;
  readonly accountAdmin: RpcClient<typeof AccountAdminService, RpcCallOptions>;
  readonly marketData: RpcClient<typeof MarketDataService, RpcCallOptions>;
  readonly reference: RpcClient<typeof ReferenceService, RpcCallOptions>;
  readonly referenceAdmin: RpcClient<typeof ReferenceAdminService, RpcCallOptions>;
  readonly cluster: RpcClient<typeof ClusterAdminService, RpcCallOptions>;
  close(): void;
};

/**
 * Where the exchange is, by options such as --port-offset and the environment.
 *
 * @throws StartError when the configuration has faults.
 */
export function readAddresses(args: readonly string[]): PublicAddresses {
  const { settings } = loadConfig([...args], process.env);
  const at = (port: number): string => `${settings.host}:${port + settings.portOffset}`;
  return {
    order: at(settings.orderPort),
    account: at(settings.accountPort),
    marketdata: at(settings.marketdataPort),
    // Whoever does not know whether the exchange runs with --ha finds its second one, too.
    coordinators: coordinatorAddressesOf({
      ...settings,
      coordinatorNodes: Math.max(2, settings.coordinatorNodes),
    }),
  };
}

/** Opens the clients; connections are made with the first calls. */
export function connectPublicServices(addresses: PublicAddresses): PublicServices {
  const channels = new Map<string, RpcChannel>();
  const client = <S extends AnyService>(
    service: S,
    address: string,
  ): RpcClient<S, RpcCallOptions> => {
    let channel = channels.get(address);
    if (channel === undefined) {
      channel = createRpcChannel(address);
      channels.set(address, channel);
    }
    return createRpcClient(service, channel, { timeoutMs: CALL_TIMEOUT_MS });
  };
  const ofCoordinator = <S extends AnyService>(service: S) => {
    const open = (address: string) => client(service, address);
    return activeCoordinatorClient(service, addresses.coordinators, open);
  };
  return {
    orders: client(OrderService, addresses.order),
    accounts: client(AccountService, addresses.account),
    accountAdmin: client(AccountAdminService, addresses.account),
    marketData: client(MarketDataService, addresses.marketdata),
    reference: ofCoordinator(ReferenceService),
    referenceAdmin: ofCoordinator(ReferenceAdminService),
    cluster: ofCoordinator(ClusterAdminService),
    close() {
      for (const channel of channels.values()) channel.close();
    },
  };
}
