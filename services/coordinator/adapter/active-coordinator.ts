// What a coordinator is while it holds the term: the tables in memory and the loops around them.

import type { ProbingWorld } from '../../lib/platform/cluster/probe.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import type { ClusterTables } from '../domain/cluster-tables.ts';
import type { ShardCounts } from '../domain/first-tables.ts';
import type { ExpectedNodes } from '../domain/placement.ts';
import type { RebalancePatience } from '../domain/rebalancing.ts';
import type { ReferenceTables } from '../domain/reference-tables.ts';
import { ClusterRegistry } from './cluster-registry.ts';
import { ClusterView } from './cluster-view.ts';
import type { CoordinatorStores } from './coordinator-stores.ts';
import { LeaderClock } from './leader-clock.ts';
import { Mover } from './mover.ts';
import { Rebalancer } from './rebalancer.ts';
import { ReferenceBook } from './reference-book.ts';
import { openSessions } from './session-commands.ts';
import type { SessionRunner } from './session-runner.ts';
import { ShardCommander } from './shard-commander.ts';
import { ShardConnections } from './shard-connections.ts';
import { ShardSpeaker } from './shard-speaker.ts';

export type ActiveOptions = {
  readonly stores: CoordinatorStores;
  readonly term: number;
  readonly world: ProbingWorld;
  readonly log: Logger;
  readonly shardCounts: ShardCounts;
  readonly expectedNodes: ExpectedNodes;
  readonly replicas: number;
  /** How patient it is before it moves slots by itself; it never does when absent (MOV-10). */
  readonly rebalance?: RebalancePatience | undefined;
  readonly onTermLost: () => void;
};

export class ActiveCoordinator {
  readonly term: number;
  readonly stores: CoordinatorStores;
  readonly world: ProbingWorld;
  readonly clock: LeaderClock;
  readonly registry: ClusterRegistry;
  readonly reference: ReferenceBook;
  readonly view: ClusterView;
  readonly connections: ShardConnections;
  readonly commander: ShardCommander;
  readonly #speaker: ShardSpeaker;
  readonly #mover: Mover;
  readonly #rebalancer: Rebalancer | undefined;
  readonly #sessions: SessionRunner;
  readonly #ended = new AbortController();

  /** Loads the tables and begins to act on them. */
  static async begin(options: ActiveOptions): Promise<ActiveCoordinator> {
    const cluster = await options.stores.loadClusterTables();
    const reference = await options.stores.loadReferenceTables();
    return new ActiveCoordinator(options, cluster, reference);
  }

  private constructor(options: ActiveOptions, cluster: ClusterTables, reference: ReferenceTables) {
    const { world, log } = options;
    this.term = options.term;
    this.stores = options.stores;
    this.world = world;
    this.clock = new LeaderClock(world);
    this.reference = new ReferenceBook({
      ...options,
      tables: reference,
      cluster: () => this.registry,
    });
    this.registry = new ClusterRegistry({
      ...{ ...options, clock: this.clock },
      tables: cluster,
      onHoldings: () => this.#agreeSoon(),
    });
    this.view = new ClusterView(this.registry);
    this.connections = new ShardConnections(world);
    const { connections, registry } = this;
    this.#speaker = new ShardSpeaker({
      ...{ registry, connections, world, log },
      reference: () => this.reference.tables,
    });
    const tables = () => this.reference.tables;
    this.#mover = new Mover({ registry, connections, reference: tables, world, log });
    const { rebalance: patience } = options;
    this.#rebalancer = patience && new Rebalancer({ registry, world, log, patience });
    const { signal: ended } = this.#ended;
    this.commander = new ShardCommander({ registry, connections, world, log, ended });
    const { commander, reference: book } = this;
    this.#sessions = openSessions({ commander, reference: book, world, log });
    this.registry.listen(() => this.#agreeSoon());
    this.reference.listen(() => {
      this.#agreeSoon();
      this.#sessions.lookSoon();
    });
    this.#sessions.lookSoon();
  }

  /** Aborted when this coordinator is no longer the active one. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  stop(): void {
    this.#sessions.stop();
    this.#rebalancer?.stop();
    this.#mover.stop();
    this.#speaker.stop();
    this.reference.stop();
    this.registry.stop();
    this.#ended.abort();
    this.connections.close();
  }

  /** After every change: tells the shards what they lack, shows callers what they agree on. */
  #agreeSoon(): void {
    this.#speaker.speakSoon();
    this.reference.publishSoon();
  }
}
