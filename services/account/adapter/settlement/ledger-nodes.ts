// Connections to the account nodes: for what other account shards have sent, and for questions that
// only their leaders can answer.

import { AccountService } from '../../../../gen/bourse/account/v1/service_pb.ts';
import { LedgerService } from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import { findLeader, type TableWatch } from '../../../lib/platform/cluster/leader-place.ts';
import { NodeChannels } from '../../../lib/platform/cluster/node-channels.ts';
import type { RpcChannel } from '../../../lib/platform/rpc/channel.ts';
import { createRpcClient, type RpcCallOptions } from '../../../lib/platform/rpc/client.ts';
import type { RpcClient } from '../../../lib/platform/rpc/definition.ts';

export type LedgerClient = RpcClient<typeof LedgerService, RpcCallOptions>;
export type AccountClient = RpcClient<typeof AccountService, RpcCallOptions>;

type Clients = { readonly ledger: LedgerClient; readonly account: AccountClient };

export class LedgerNodes {
  readonly watch: TableWatch;
  readonly #channels: NodeChannels;
  readonly #clients = new WeakMap<RpcChannel, Clients>();

  constructor(watch: TableWatch) {
    this.watch = watch;
    this.#channels = new NodeChannels(watch, ['account']);
  }

  /** Clients of the present leader of a shard; undefined while there is none. */
  findLeader(shardId: string): Clients | undefined {
    const leader = findLeader(this.watch.table(), shardId);
    return leader === undefined ? undefined : this.#clientsOf(leader.address);
  }

  /** Client of the node at `host:port`. */
  clientOf(address: string): LedgerClient {
    return this.#clientsOf(address).ledger;
  }

  #clientsOf(address: string): Clients {
    const channel = this.#channels.channelOf(address);
    let clients = this.#clients.get(channel);
    if (clients === undefined) {
      const ledger = createRpcClient(LedgerService, channel);
      clients = { ledger, account: createRpcClient(AccountService, channel) };
      this.#clients.set(channel, clients);
    }
    return clients;
  }

  close(): void {
    this.#channels.close();
  }
}
