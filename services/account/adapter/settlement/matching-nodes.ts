// Connections to the matching nodes, one for each address, and the one question that reads and
// holds ask them: how far has a shard committed (SET-4)?
import { MatchingService } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { findLeader, type TableWatch } from '../../../lib/platform/cluster/leader-place.ts';
import { NodeChannels } from '../../../lib/platform/cluster/node-channels.ts';
import type { RpcChannel } from '../../../lib/platform/rpc/channel.ts';
import {
  createRpcClient,
  outsideOfTrace,
  type RpcCallOptions,
} from '../../../lib/platform/rpc/client.ts';
import type { RpcClient } from '../../../lib/platform/rpc/definition.ts';
import { RAW_EVENTS } from '../codec/settled-codec.ts';

export type MatchingClient = RpcClient<typeof MatchingService, RpcCallOptions>;

/** A question under way, and the one that will be asked next for those who came since. */
type Asking = { current: Promise<number>; next: Promise<number> | undefined };

export class MatchingNodes {
  readonly watch: TableWatch;
  readonly #channels: NodeChannels;
  readonly #clients = new WeakMap<RpcChannel, MatchingClient>();
  readonly #asking = new Map<string, Asking>();

  constructor(watch: TableWatch) {
    this.watch = watch;
    this.#channels = new NodeChannels(watch, ['matching']);
  }

  /** Client of a shard's present leader; undefined while there is none. */
  findLeader(shardId: string): MatchingClient | undefined {
    const leader = findLeader(this.watch.table(), shardId);
    return leader === undefined ? undefined : this.clientOf(leader.address);
  }

  /** Client of the node at `host:port`. */
  clientOf(address: string): MatchingClient {
    const channel = this.#channels.channelOf(address);
    let client = this.#clients.get(channel);
    if (client === undefined) {
      client = createRpcClient(MatchingService, channel, { raw: { streamEvents: RAW_EVENTS } });
      this.#clients.set(channel, client);
    }
    return client;
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
    this.#channels.close();
  }
}
