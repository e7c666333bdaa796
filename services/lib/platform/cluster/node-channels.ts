// Connections to the nodes of some kinds, one for each process: made as soon as the cluster table
// shows the node, so that a new leader is connected before it leads, and made anew when another
// process has taken a node's place, because the old connection would pause between its attempts.

import { createRpcChannel, type RpcChannel } from '../rpc/channel.ts';
import type { ClusterTable, NodeKind } from './cluster-table.ts';
import type { TableWatch } from './leader-place.ts';

type Connection = {
  readonly channel: RpcChannel;
  /** Of the process that it leads to; undefined before the table has shown it. */
  incarnation: string | undefined;
};

export class NodeChannels {
  readonly #kinds: ReadonlySet<NodeKind>;
  readonly #connections = new Map<string, Connection>();
  readonly #unwatch: () => void;

  constructor(watch: TableWatch, kinds: readonly NodeKind[]) {
    this.#kinds = new Set(kinds);
    this.#unwatch = watch.onChange((table) => this.#keepUp(table));
  }

  /** The connection to `host:port`. */
  channelOf(address: string): RpcChannel {
    const known = this.#connections.get(address);
    if (known !== undefined) return known.channel;
    return this.#open(address, undefined).channel;
  }

  close(): void {
    this.#unwatch();
    for (const { channel } of this.#connections.values()) channel.close();
    this.#connections.clear();
  }

  #keepUp({ nodes }: ClusterTable): void {
    const addresses = new Set<string>();
    for (const { kind, address, incarnation, live } of nodes.values()) {
      if (!this.#kinds.has(kind)) continue;
      addresses.add(address);
      const known = this.#connections.get(address);
      if (known === undefined || (known.incarnation ?? incarnation) !== incarnation) {
        known?.channel.close();
        if (live) this.#open(address, incarnation);
        else this.#connections.delete(address);
      } else {
        known.incarnation = incarnation;
      }
    }
    for (const [address, { channel }] of this.#connections) {
      if (addresses.has(address)) continue;
      channel.close();
      this.#connections.delete(address);
    }
  }

  #open(address: string, incarnation: string | undefined): Connection {
    const connection = { channel: createRpcChannel(address), incarnation };
    this.#connections.set(address, connection);
    connection.channel.getConnectivityState(true);
    return connection;
  }
}
