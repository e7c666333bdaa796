// Nodes that host the toy shard on a real PostgreSQL and stream entries to each other over real
// sockets, with a table of the cluster that a test writes.

import { MatchingService } from '../../../gen/bourse/matching/v1/service_pb.ts';
import type {
  ClusterShard,
  ClusterTable,
} from '../../../services/lib/platform/cluster/cluster-table.ts';
import { openLeaderEntries } from '../../../services/lib/platform/cluster/leader-entries.ts';
import { serveEntries } from '../../../services/lib/platform/cluster/serve-entries.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { loadDescriptors } from '../../../services/lib/platform/rpc/descriptors.ts';
import { fanout } from '../../../services/lib/platform/rpc/fanout.ts';
import { createRpcServer, type Handlers } from '../../../services/lib/platform/rpc/server.ts';
import { createLogger } from '../../../services/lib/platform/telemetry/logger.ts';
import { createRealWorld } from '../../../services/lib/shard/real-world.ts';
import type { World } from '../../../services/lib/shard/world.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { createToyHost, TOY_SHARD, type ToyHost } from './toy-host.ts';
import { ToyMachine } from './toy-machine.ts';

export type ToyNode = {
  readonly nodeId: string;
  readonly address: string;
  readonly host: ToyHost;
  readonly world: World;
  /** The road to the database. */
  readonly database: TcpProxy;
  /** Every machine that was made for it, the last one last. */
  readonly machines: ToyMachine[];
  /** From the log time of a standby's entries to when they were applied, in milliseconds. */
  readonly lagsMs: number[];
};

type NodeOptions = {
  readonly makeMachine?: () => ToyMachine;
  readonly onDiverged?: (error: Error) => void;
};

export class ToyNodes {
  readonly #databaseUrl: URL;
  readonly #closers: (() => Promise<unknown> | unknown)[] = [];
  readonly #listeners = new Set<(table: ClusterTable) => void>();
  #table: ClusterTable = {
    version: 1,
    nodes: new Map(),
    shards: new Map(),
    slotMaps: { matching: new Map(), account: new Map() } as never,
  };

  constructor(databaseUrl: string) {
    this.#databaseUrl = new URL(databaseUrl);
  }

  /** What the table says of the shard from now on. */
  showLeader({ nodeId, address }: Pick<ToyNode, 'nodeId' | 'address'>, epoch: number): void {
    const shard = { shardId: TOY_SHARD, kind: 'matching', epoch, leader: { nodeId, address } };
    const shards = new Map([[TOY_SHARD, { ...shard, replicaNodeIds: [] } as ClusterShard]]);
    this.#table = { ...this.#table, version: this.#table.version + 1, shards };
    for (const listener of [...this.#listeners]) listener(this.#table);
  }

  /** A node that hosts the shard and stands by. */
  async start(
    nodeId: string,
    { makeMachine = () => new ToyMachine(), onDiverged = () => {} }: NodeOptions = {},
  ): Promise<ToyNode> {
    const database = await startTcpProxy(Number(this.#databaseUrl.port));
    const url = new URL(this.#databaseUrl);
    url.port = String(database.port);
    const world = createRealWorld({ databaseUrl: url.href, requireReplica: false });
    const leaders = openLeaderEntries({
      ...{ watch: this.#watch, world, nodeId, kind: 'matching' },
      streamEntries: (channel, request, signal) =>
        createRpcClient(MatchingService, channel).streamEntries(request, { signal }),
    });
    const machines: ToyMachine[] = [];
    const lagsMs: number[] = [];
    const host = createToyHost(world, {
      nodeId,
      followLeader: leaders.followLeader,
      createMachine() {
        machines.push(makeMachine());
        return machines.at(-1) as ToyMachine;
      },
      observer: {
        onDiverged,
        onStandbyApplied: (_count, behindUs) => lagsMs.push(behindUs / 1000),
      },
    });
    const server = createRpcServer({
      logger: createLogger({ service: 'matching', nodeId, level: 'silent' } as never),
      descriptors: loadDescriptors(),
    });
    const unserved = async () => ({});
    const handlers = {
      ...Object.fromEntries(MatchingService.methods.map(({ localName }) => [localName, unserved])),
      streamEntries: fanout((request: never, subscriber) => {
        serveEntries(host, request, subscriber);
      }),
    };
    server.add(MatchingService, handlers as unknown as Handlers<typeof MatchingService>);
    const address = `127.0.0.1:${await server.listen(0)}`;
    this.#closers.push(async () => {
      await host.end(2_000);
      leaders.close();
      await server.drain(100);
      await database.stop();
    });
    host.standBy();
    return { nodeId, address, host, world, database, machines, lagsMs };
  }

  readonly #watch = {
    table: () => this.#table,
    onChange: (listener: (table: ClusterTable) => void) => {
      this.#listeners.add(listener);
      listener(this.#table);
      return () => this.#listeners.delete(listener);
    },
  };

  async stop(): Promise<void> {
    await Promise.all(this.#closers.map((close) => close()));
  }
}
