// Connections to the exchange's public services, made when a command first needs them.

import { AccountAdminService } from '../../../gen/bourse/account/v1/admin_service_pb.ts';
import { AccountService } from '../../../gen/bourse/account/v1/service_pb.ts';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { MarketDataService } from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { ReferenceAdminService } from '../../../gen/bourse/reference/v1/admin_service_pb.ts';
import { ReferenceService } from '../../../gen/bourse/reference/v1/service_pb.ts';
import { loadConfig, portsOf } from '../../lib/platform/config/load-config.ts';
import { createRpcChannel, type RpcChannel } from '../../lib/platform/rpc/channel.ts';
import { createRpcClient, type RpcCallOptions } from '../../lib/platform/rpc/client.ts';
import type { AnyService, RpcClient } from '../../lib/platform/rpc/definition.ts';

/** Longer than what a change waits for its shards. */
const TIMEOUT_MS = 15_000;

type NodeName = 'coordinator' | 'account-1' | 'order' | 'marketdata';

export class ExchangeClients {
  readonly #addressOf: (node: NodeName) => string;
  readonly #channels = new Map<string, RpcChannel>();

  /** @param addressOf `host:port` of a process */
  constructor(addressOf: (node: NodeName) => string) {
    this.#addressOf = addressOf;
  }

  get cluster() {
    return this.#client(ClusterAdminService, 'coordinator');
  }

  get reference() {
    return this.#client(ReferenceService, 'coordinator');
  }

  get referenceAdmin() {
    return this.#client(ReferenceAdminService, 'coordinator');
  }

  get accounts() {
    return this.#client(AccountService, 'account-1');
  }

  get accountAdmin() {
    return this.#client(AccountAdminService, 'account-1');
  }

  get orders() {
    return this.#client(OrderService, 'order');
  }

  get marketData() {
    return this.#client(MarketDataService, 'marketdata');
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #client<S extends AnyService>(service: S, node: NodeName): RpcClient<S, RpcCallOptions> {
    const address = this.#addressOf(node);
    const channel = this.#channels.get(address) ?? createRpcChannel(address);
    this.#channels.set(address, channel);
    return createRpcClient(service, channel, { timeoutMs: TIMEOUT_MS });
  }
}

/**
 * The addresses that the configuration gives: options win over the environment.
 *
 * @throws StartError when the configuration has faults.
 */
export function configuredAddresses(
  options: readonly string[],
  env: NodeJS.ProcessEnv,
): (node: NodeName) => string {
  const { settings } = loadConfig(options, env);
  const ports = new Map(portsOf(settings));
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  return (node) => {
    if (node === 'coordinator' && settings.coordinatorAddress !== '') {
      return settings.coordinatorAddress;
    }
    return `${host}:${ports.get(node)}`;
  };
}
