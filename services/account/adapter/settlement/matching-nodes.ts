// Connections to the matching nodes, one for each address, and the one question that reads and
// holds ask them: how far has a shard committed (SET-4)?
import { MatchingService } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import type { ClusterTable } from '../../../lib/platform/cluster/cluster-table.ts';
import { createRpcChannel, type RpcChannel } from '../../../lib/platform/rpc/channel.ts';
import {
  createRpcClient,
  outsideOfTrace,
  type RpcCallOptions,
} from '../../../lib/platform/rpc/client.ts';
import type { RpcClient } from '../../../lib/platform/rpc/definition.ts';

export type MatchingClient = RpcClient<typeof MatchingService, RpcCallOptions>;

type Connection = { readonly channel: RpcChannel; readonly client: MatchingClient };

/** A question under way, and the one that will be asked next for those who came since. */
type Asking = { current: Promise<number>; next: Promise<number> | undefined };

export class MatchingNodes {
  readonly #table: () => ClusterTable | undefined;
  readonly #connections = new Map<string, Connection>();
  readonly #asking = new Map<string, Asking>();

  constructor(table: () => ClusterTable | undefined) {
    this.#table = table;
  }

  /** Client of a shard's present leader; undefined while there is none. */
  findLeader(shardId: string): MatchingClient | undefined {
    const address = this.#table()?.shards.get(shardId)?.leader?.address;
    if (address === undefined) return undefined;
    let connection = this.#connections.get(address);
    if (connection === undefined) {
      const channel = createRpcChannel(address);
      connection = { channel, client: createRpcClient(MatchingService, channel) };
      this.#connections.set(address, connection);
    }
    return connection.client;
  }

  /**
   * Last committed sequence of a matching shard, by a question that was sent after this call.
   * Callers that wait share one question.
   *
   * @throws OperatingError when the shard does not answer in time.
   */
  fetchPosition(shardId: string, timeoutMs: number): Promise<number> {
    const asking = this.#asking.get(shardId);
    if (asking === undefined) {
      const created: Asking = { current: this.#ask(shardId, timeoutMs), next: undefined };
      this.#asking.set(shardId, created);
      this.#moveOn(shardId, created);
      return created.current;
    }
    asking.next ??= asking.current.catch(() => 0).then(() => this.#ask(shardId, timeoutMs));
    return asking.next;
  }

  #moveOn(shardId: string, asking: Asking): void {
    const moveOn = (): void => {
      if (asking.next === undefined) {
        this.#asking.delete(shardId);
        return;
      }
      asking.current = asking.next;
      asking.next = undefined;
      this.#moveOn(shardId, asking);
    };
    asking.current.then(moveOn, moveOn);
  }

  async #ask(shardId: string, timeoutMs: number): Promise<number> {
    const client = this.findLeader(shardId);
    if (client === undefined) throw new Error(`shard ${shardId} has no leader`);
    const { sequence } = await outsideOfTrace(() => client.getPosition({ shardId }, { timeoutMs }));
    return Number(sequence);
  }

  close(): void {
    for (const { channel } of this.#connections.values()) channel.close();
    this.#connections.clear();
  }
}
