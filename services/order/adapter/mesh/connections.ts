// Connections to the nodes of the mesh, one for each address, and calls to whoever leads a shard.

import { AccountService } from '../../../../gen/bourse/account/v1/service_pb.ts';
import { LedgerService } from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import { MatchingService } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import type { ClusterShard, ClusterTable } from '../../../lib/platform/cluster/cluster-table.ts';
import type { ClusterWatch } from '../../../lib/platform/cluster/watch-cluster.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { createRpcChannel, type RpcChannel } from '../../../lib/platform/rpc/channel.ts';
import { createRpcClient, type RpcCallOptions } from '../../../lib/platform/rpc/client.ts';
import type { RpcClient } from '../../../lib/platform/rpc/definition.ts';
import type { FlowWorld } from '../pipeline/propose-pipeline.ts';

export type MatchingClient = RpcClient<typeof MatchingService, RpcCallOptions>;
export type LedgerClient = RpcClient<typeof LedgerService, RpcCallOptions>;

/** The clients of one node. */
export type NodeClients = {
  readonly matching: MatchingClient;
  readonly ledger: LedgerClient;
  readonly account: RpcClient<typeof AccountService, RpcCallOptions>;
};

/** How long a read may look for a leader that answers. */
const LEADER_LIMIT_MS = 2_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

type Connection = NodeClients & { readonly channel: RpcChannel };

/** The nodes of the mesh as this process reaches them. */
export class MeshConnections {
  readonly cluster: ClusterWatch;
  readonly world: FlowWorld;
  readonly #connections = new Map<string, Connection>();

  constructor(cluster: ClusterWatch, world: FlowWorld) {
    this.cluster = cluster;
    this.world = world;
  }

  /** Clients of the node at `host:port`. */
  clientsOf(address: string): NodeClients {
    let connection = this.#connections.get(address);
    if (connection === undefined) {
      const channel = createRpcChannel(address);
      connection = {
        channel,
        matching: createRpcClient(MatchingService, channel),
        ledger: createRpcClient(LedgerService, channel),
        account: createRpcClient(AccountService, channel),
      };
      this.#connections.set(address, connection);
    }
    return connection;
  }

  /** Clients of the shard's present leader; undefined when none serves. */
  leaderOf(shardId: string): NodeClients | undefined {
    const address = this.cluster.table()?.shards.get(shardId)?.leader?.address;
    return address === undefined ? undefined : this.clientsOf(address);
  }

  /**
   * Reads from the leader of the shard that `find` names, and follows redirects.
   *
   * @throws OperatingError SHARD_UNAVAILABLE when no leader answers in time.
   */
  async read<T>(
    find: (table: ClusterTable) => ClusterShard | undefined,
    call: (clients: NodeClients, shardId: string) => Promise<T>,
  ): Promise<T> {
    const limitUs = this.world.wallClockUs() + LEADER_LIMIT_MS * 1000;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const table = this.cluster.table();
      const shard = table === undefined ? undefined : find(table);
      const address = shard?.leader?.address;
      if (shard !== undefined && address !== undefined) {
        try {
          return await call(this.clientsOf(address), shard.shardId);
        } catch (error) {
          if (!isRedirect(error)) throw error;
        }
      }
      if (this.world.wallClockUs() > limitUs) throw shardUnavailable(shard?.shardId);
      await this.#changeOrPause(pauseMs);
    }
  }

  close(): void {
    for (const { channel } of this.#connections.values()) channel.close();
    this.#connections.clear();
  }

  #changeOrPause(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.world.setTimer(pauseMs, resolve);
    });
  }
}

/** Whether someone else may serve the same read. */
function isRedirect(error: unknown): boolean {
  if (!(error instanceof OperatingError)) return false;
  if (error.reason === 'NOT_LEADER' || error.reason === 'WRONG_SHARD') return true;
  return error.reason === 'NOT_READY' || (error.reason === undefined && error.isOutcomeUnknown);
}

/** SHARD_UNAVAILABLE: nothing was done, and waiting helps. */
export function shardUnavailable(shardId: string | undefined): OperatingError {
  const metadata = shardId === undefined ? {} : { shard_id: shardId };
  const options = { metadata, retryDelayMs: 500 };
  return new OperatingError('SHARD_UNAVAILABLE', 'No leader of the shard answers.', options);
}
