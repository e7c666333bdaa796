// An exchange with standbys as `npm start -- --ha` runs it, with a hand on each of its processes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ShardRole } from '../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { MarketDataService } from '../../gen/bourse/marketdata/v1/service_pb.ts';
import { OrderService } from '../../gen/bourse/order/v1/service_pb.ts';
import {
  connectPublicServices,
  type PublicServices,
} from '../../services/lib/client/public-services.ts';
import { createRpcChannel, type RpcChannel } from '../../services/lib/platform/rpc/channel.ts';
import { createRpcClient, type RpcCallOptions } from '../../services/lib/platform/rpc/client.ts';
import type { AnyService, RpcClient } from '../../services/lib/platform/rpc/definition.ts';
import { startTestExchange } from '../support/exchange.ts';
import { waitUntil } from '../support/wait.ts';
import type { MeshExchange } from './mesh-exchange.ts';
import { startNetworkExchange } from './network/exchange.ts';
import type { Network } from './network/topology.ts';

/** An attempt that takes longer is made again elsewhere. */
const ATTEMPT_MS = 2_000;
const HEALTHY_DEADLINE_MS = 60_000;

export const NODE_IDS = [
  ...['matching-1', 'matching-2', 'account-1', 'account-2'],
  ...['order', 'order-2', 'marketdata', 'marketdata-2', 'coordinator', 'coordinator-2'],
] as const;
export type NodeId = (typeof NODE_IDS)[number];

/** A shard and where it is led. */
export type Led = { readonly shardId: string; readonly epoch: number; readonly nodeId: string };

export type OrderClient = RpcClient<typeof OrderService, RpcCallOptions>;
export type MarketDataClient = RpcClient<typeof MarketDataService, RpcCallOptions>;

export type ChaosMesh = {
  readonly exchange: MeshExchange;
  /** Where links can be cut; undefined when all processes are in one network. */
  readonly network: Network<NodeId> | undefined;
  /** The public services as their first processes serve them. */
  readonly services: PublicServices;
  /** A client of each order process. */
  readonly orders: readonly OrderClient[];
  /** A client of each market-data process. */
  readonly marketData: readonly MarketDataClient[];
  /** Who leads what, by shard id, as the coordinator sees it; shards without a leader are left out. */
  leaders(): Promise<ReadonlyMap<string, Led>>;
  /** Waits until each shard has a leader and a warm standby. */
  healthy(): Promise<void>;
  processIdOf(nodeId: NodeId): number | undefined;
  /** Sends a signal to a process; false when it does not run at present. */
  signal(nodeId: NodeId, signal: NodeJS.Signals): boolean;
  /** Ends PostgreSQL at once; its launcher starts it again. False when it does not run. */
  killPostgres(): boolean;
  stop(): Promise<void>;
};

export type ChaosMeshOptions = {
  /** Each process has a network of its own: for a process that `isInside` only. */
  readonly hasNetwork?: boolean;
};

/**
 * Starts it and waits until each shard has a leader and a standby.
 *
 * @param args more options of `npm start`
 */
export async function startChaosMesh(
  args: readonly string[] = [],
  { hasNetwork = false }: ChaosMeshOptions = {},
): Promise<ChaosMesh> {
  const own = hasNetwork ? await startNetworkExchange(NODE_IDS, args) : undefined;
  const exchange = own?.exchange ?? (await startTestExchange({ args: ['--ha', ...args] }));
  const { addressOf, launcher } = exchange;
  const services = connectPublicServices({
    ...{ order: addressOf('order'), account: addressOf('account-1') },
    marketdata: addressOf('marketdata'),
    coordinators: [addressOf('coordinator'), addressOf('coordinator-2')],
  });
  const channels: RpcChannel[] = [];
  const clientsOf = <S extends AnyService>(service: S, nodeIds: readonly NodeId[]) =>
    nodeIds.map((nodeId) => {
      const channel = createRpcChannel(addressOf(nodeId));
      channels.push(channel);
      return createRpcClient(service, channel, { timeoutMs: ATTEMPT_MS });
    });
  const orders = clientsOf(OrderService, ['order', 'order-2']);
  const marketData = clientsOf(MarketDataService, ['marketdata', 'marketdata-2']);
  const mesh: ChaosMesh = {
    ...{ exchange, network: own?.network, services, orders, marketData },
    leaders: async () => {
      const { table } = await services.cluster.getCluster({});
      const led = (table?.shards ?? []).filter(({ leaderNodeId }) => leaderNodeId !== '');
      return new Map(
        led.map(({ shardId, epoch, leaderNodeId: nodeId }) => [
          shardId,
          { shardId, epoch: Number(epoch), nodeId },
        ]),
      );
    },
    async healthy() {
      const options = { what: 'a leader and a standby of each shard', pollMs: 50 };
      await waitUntil(() => isHealthy(services), { ...options, deadlineMs: HEALTHY_DEADLINE_MS });
    },
    processIdOf: (nodeId) => launcher.processIdOf(nodeId),
    signal(nodeId, signal) {
      const processId = launcher.processIdOf(nodeId);
      if (processId === undefined) return false;
      try {
        return process.kill(processId, signal);
      } catch {
        return false; // it has just ended
      }
    },
    killPostgres() {
      const file = join(launcher.dataFolder, 'postgres', 'cluster', 'postmaster.pid');
      try {
        return process.kill(Number(readFileSync(file, 'utf8').split('\n')[0]), 'SIGQUIT');
      } catch {
        return false; // it has not come back from the last time
      }
    },
    async stop() {
      services.close();
      for (const channel of channels) channel.close();
      await exchange.stop();
    },
  };
  try {
    await mesh.healthy();
    return mesh;
  } catch (error) {
    await mesh.stop();
    throw error;
  }
}

/** Every shard is led, and another node has a replica that could lead. */
async function isHealthy(services: PublicServices): Promise<boolean> {
  const { table, statuses } = await services.cluster.getCluster({});
  const shards = table?.shards ?? [];
  return (
    shards.length > 0 &&
    shards.every(({ shardId, leaderNodeId }) => {
      const roles = statuses.flatMap(({ shards: reports }) =>
        reports.filter((report) => report.shardId === shardId).map(({ role }) => role),
      );
      return (
        leaderNodeId !== '' && roles.includes(ShardRole.LEADER) && roles.includes(ShardRole.STANDBY)
      );
    })
  );
}
