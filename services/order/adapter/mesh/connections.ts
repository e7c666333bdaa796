// Connections to the nodes of the mesh, one for each process, and reads at whoever leads a shard.

import { AccountService } from '../../../../gen/bourse/account/v1/service_pb.ts';
import { LedgerService } from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import { MatchingService } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import type { ClusterShard, ClusterTable } from '../../../lib/platform/cluster/cluster-table.ts';
import {
  findLeader,
  onNewerLeader,
  pauseForChange,
} from '../../../lib/platform/cluster/leader-place.ts';
import { NodeChannels } from '../../../lib/platform/cluster/node-channels.ts';
import type { ClusterWatch } from '../../../lib/platform/cluster/watch-cluster.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { RpcChannel } from '../../../lib/platform/rpc/channel.ts';
import { createRpcClient, type RpcCallOptions } from '../../../lib/platform/rpc/client.ts';
import type { RpcClient } from '../../../lib/platform/rpc/definition.ts';
import { RAW_EVENTS, RAW_HOLDS } from '../codec/record-codec.ts';
import type { FlowWorld } from '../pipeline/propose-pipeline.ts';

export type MatchingClient = RpcClient<typeof MatchingService, RpcCallOptions>;
export type LedgerClient = RpcClient<typeof LedgerService, RpcCallOptions>;

/** The clients of one node. */
export type NodeClients = {
  readonly matching: MatchingClient;
  readonly ledger: LedgerClient;
  readonly account: RpcClient<typeof AccountService, RpcCallOptions>;
};

/** How long a read looks for a leader that answers; callers with less patience say so. */
const LEADER_LIMIT_MS = 8_000;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 100;

/** Asks the leader; the signal ends the call when another leads. */
type ReadCall<T> = (
  clients: NodeClients,
  shardId: string,
  options: { readonly signal: AbortSignal },
) => Promise<T>;

/** The nodes of the mesh as this process reaches them. */
export class MeshConnections {
  readonly cluster: ClusterWatch;
  readonly world: FlowWorld;
  readonly #channels: NodeChannels;
  readonly #clients = new WeakMap<RpcChannel, NodeClients>();

  constructor(cluster: ClusterWatch, world: FlowWorld) {
    this.cluster = cluster;
    this.world = world;
    this.#channels = new NodeChannels(cluster, ['matching', 'account']);
  }

  /** Clients of the node at `host:port`. */
  clientsOf(address: string): NodeClients {
    const channel = this.#channels.channelOf(address);
    let clients = this.#clients.get(channel);
    if (clients === undefined) {
      clients = {
        matching: createRpcClient(MatchingService, channel, { raw: { propose: RAW_EVENTS } }),
        ledger: createRpcClient(LedgerService, channel, { raw: { propose: RAW_HOLDS } }),
        account: createRpcClient(AccountService, channel),
      };
      this.#clients.set(channel, clients);
    }
    return clients;
  }

  /** `host:port` of the shard's present leader; undefined when none serves. */
  leaderAddressOf(shardId: string): string | undefined {
    return findLeader(this.cluster.table(), shardId)?.address;
  }

  /** Epoch of the shard's present leader; undefined when none serves. */
  leaderEpochOf(shardId: string): number | undefined {
    return findLeader(this.cluster.table(), shardId)?.epoch;
  }

  /**
   * Reads from the leader of the shard that `find` names, wherever it is led meanwhile: a caller
   * sees at most a delay.
   *
   * @throws OperatingError SHARD_UNAVAILABLE when no leader answers in time, or what the last one
   * said, if it was there.
   */
  async read<T>(
    find: (table: ClusterTable) => ClusterShard | undefined,
    call: ReadCall<T>,
  ): Promise<T> {
    const limitUs = this.world.wallClockUs() + LEADER_LIMIT_MS * 1000;
    for (let delayMs = FIRST_PAUSE_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_PAUSE_MS)) {
      const table = this.cluster.table();
      const shard = table === undefined ? undefined : find(table);
      const leader = findLeader(table, shard?.shardId ?? '');
      let refusal: unknown;
      if (shard !== undefined && leader !== undefined) {
        const { shardId } = shard;
        const attempt = new AbortController();
        const { signal } = attempt;
        const place = { shardId, epoch: leader.epoch };
        const unwatch = onNewerLeader(this.cluster, place, () => attempt.abort());
        try {
          return await call(this.clientsOf(leader.address), shardId, { signal });
        } catch (error) {
          if (!isWorthAnother(error)) throw error;
          if (!isRedirect(error)) refusal = error;
        } finally {
          unwatch();
        }
      }
      if (this.world.wallClockUs() > limitUs) throw refusal ?? shardUnavailable(shard?.shardId);
      await pauseForChange(this.cluster, this.world, { delayMs });
    }
  }

  close(): void {
    this.#channels.close();
  }
}

/** Whether someone else may serve the same read. */
function isRedirect(error: unknown): boolean {
  if (!(error instanceof OperatingError)) return false;
  if (error.reason === 'NOT_LEADER' || error.reason === 'WRONG_SHARD') return true;
  return error.reason === 'NOT_READY' || (error.reason === undefined && error.isOutcomeUnknown);
}

/** Whether the same read may be answered a moment later: a leader changes, or a slot moves. */
function isWorthAnother(error: unknown): boolean {
  if (isRedirect(error)) return true;
  if (!(error instanceof OperatingError)) return false;
  const reason: string | undefined = error.reason;
  return reason === 'SETTLEMENT_LAG' || reason === 'LOG_UNAVAILABLE' || reason === 'SLOT_MOVING';
}

/** SHARD_UNAVAILABLE: nothing was done, and waiting helps. */
export function shardUnavailable(shardId: string | undefined): OperatingError {
  const metadata = shardId === undefined ? {} : { shard_id: shardId };
  const options = { metadata, retryDelayMs: 500 };
  return new OperatingError('SHARD_UNAVAILABLE', 'No leader of the shard answers.', options);
}
