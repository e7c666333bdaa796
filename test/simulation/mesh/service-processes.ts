// The processes of the mesh as their main.ts puts them together, in the simulated world: the same
// parts, with simulated roads to the database and to each other.

import { AccountAdminService } from '../../../gen/bourse/account/v1/admin_service_pb.ts';
import { AccountService } from '../../../gen/bourse/account/v1/service_pb.ts';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { CoordinatorService } from '../../../gen/bourse/coordinator/v1/service_pb.ts';
import { LedgerService } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { MatchingService } from '../../../gen/bourse/matching/v1/service_pb.ts';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { ReferenceAdminService } from '../../../gen/bourse/reference/v1/admin_service_pb.ts';
import { ReferenceService } from '../../../gen/bourse/reference/v1/service_pb.ts';
import { ledgerCodec } from '../../../services/account/adapter/codec/ledger-codec.ts';
import { ledgerHandlers } from '../../../services/account/adapter/ledger-service.ts';
import { openShards } from '../../../services/account/adapter/open-shards.ts';
import { accountAdminHandlers } from '../../../services/account/adapter/public/account-admin-service.ts';
import { accountHandlers } from '../../../services/account/adapter/public/account-service.ts';
import { atLeader } from '../../../services/account/adapter/public/at-leader.ts';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type { Command as LedgerCommand } from '../../../services/account/domain/command.ts';
import type {
  Answer as LedgerAnswer,
  Event as LedgerEvent,
} from '../../../services/account/domain/event.ts';
import { Coordinator } from '../../../services/coordinator/adapter/coordinator.ts';
import {
  clusterAdminHandlers,
  coordinatorHandlers,
} from '../../../services/coordinator/adapter/coordinator-handlers.ts';
import { referenceAdminHandlers } from '../../../services/coordinator/adapter/reference-admin-handlers.ts';
import { referenceHandlers } from '../../../services/coordinator/adapter/reference-handlers.ts';
import { HostedShards } from '../../../services/lib/platform/cluster/hosted-shards.ts';
import { joinCluster } from '../../../services/lib/platform/cluster/join-cluster.ts';
import { openLeaderEntries } from '../../../services/lib/platform/cluster/leader-entries.ts';
import { watchCluster } from '../../../services/lib/platform/cluster/watch-cluster.ts';
import { watchReference } from '../../../services/lib/platform/cluster/watch-reference.ts';
import type { NodeConfig } from '../../../services/lib/platform/config/node-config.ts';
import { PulledSlots } from '../../../services/lib/platform/moves/pulled-slots.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { type AnyService, rpcMethods } from '../../../services/lib/platform/rpc/definition.ts';
import type { Handlers } from '../../../services/lib/platform/rpc/service-handlers.ts';
import type { Logger } from '../../../services/lib/platform/telemetry/logger.ts';
import { ShardHost } from '../../../services/lib/shard/host.ts';
import { copyHere } from '../../../services/lib/shard/moves/start-copy.ts';
import type { ReplicaOptions } from '../../../services/lib/shard/replica.ts';
import { Feeds } from '../../../services/marketdata/adapter/feeds.ts';
import { followAllShards } from '../../../services/marketdata/adapter/follow-all.ts';
import { showInstruments } from '../../../services/marketdata/adapter/instruments.ts';
import {
  Checkpoints,
  loadCheckpoint,
} from '../../../services/marketdata/adapter/tables/checkpoints.ts';
import type { Places } from '../../../services/marketdata/adapter/tables/market-tables.ts';
import { matchingCodec } from '../../../services/matching/adapter/codec/matching-codec.ts';
import { changesHoldings, holdingsOf } from '../../../services/matching/adapter/holdings.ts';
import {
  type MatchingShards,
  matchingHandlers,
} from '../../../services/matching/adapter/matching-handlers.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import { openFlows } from '../../../services/order/adapter/flow-parts.ts';
import { orderHandlers } from '../../../services/order/adapter/order-service.ts';
import { consumersIn } from '../../support/shard/simulated-upkeep.ts';
import { simulatedStores } from '../database/coordinator-tables.ts';
import { simulatedMarketTables } from '../database/market-tables.ts';
import type { SimulatedProcess } from '../kernel/process.ts';
import { CHECKSUM_INTERVAL, snapshotsHere } from './snapshots-here.ts';

/** What every process of the mesh is started with. */
export type ProcessStart = {
  readonly process: SimulatedProcess;
  readonly log: Logger;
  readonly coordinatorAddresses: readonly string[];
  readonly size: MeshSize;
  /** The process cannot go on: a finding, unless it was killed. */
  readonly onFatal: (reason: string | Error) => void;
};

/** How many there are of what. */
export type MeshSize = {
  readonly matchingNodes: number;
  readonly matchingShards: number;
  readonly accountNodes: number;
  readonly accountShards: number;
  readonly coordinators: number;
  readonly orders: number;
  /** Of each shard: its leader and its standbys. */
  readonly replicas: number;
};

function serve<S extends AnyService>(
  process: SimulatedProcess,
  service: S,
  handlers: Handlers<S>,
): void {
  for (const [name, method] of rpcMethods(service)) {
    const handler = (handlers as Record<string, unknown>)[name];
    const bound = typeof handler === 'function' ? handler.bind(handlers) : handler;
    process.served.set(method.path, bound);
  }
}

export function startCoordinator({ process, log, size }: ProcessStart): void {
  const { world } = process;
  const road = {
    stored: world.mesh.coordinator,
    nowUs: () => world.simulation.timeUs,
    run: <T>(statement: () => T) => world.callDatabase(statement),
  };
  const coordinator = new Coordinator({
    stores: simulatedStores(road, process.name),
    world,
    log,
    replicas: size.replicas,
    shardCounts: { matching: size.matchingShards, account: size.accountShards },
    expectedNodes: { matching: size.matchingNodes, account: size.accountNodes },
    onActive: () => {},
  });
  serve(process, CoordinatorService, coordinatorHandlers(coordinator));
  serve(process, ClusterAdminService, clusterAdminHandlers(coordinator));
  serve(process, ReferenceService, referenceHandlers(coordinator));
  serve(process, ReferenceAdminService, referenceAdminHandlers(coordinator));
  process.onStop(() => coordinator.stop());
  coordinator.start();
}

const DRAIN_MS = 1_000;
/** How often consumers say how far they are, in the logs and in their own tables (SNAP-4). */
const CONFIRM_EVERY_MS = 250;
/** More than a run has; what remembers them has its full size from the start. */
const MOST_IDENTITIES = 20_000;

export function startMatching(start: ProcessStart): void {
  const { process, log, coordinatorAddresses, onFatal } = start;
  const { world, name: nodeId, address } = process;
  const watch = watchCluster({ coordinatorAddresses, world, log });
  process.onStop(() => watch.stop());
  const leaders = openLeaderEntries({
    ...{ watch, world, nodeId, kind: 'matching' },
    streamEntries: (channel, request, signal) =>
      createRpcClient(MatchingService, channel).streamEntries(request, { signal }),
  });
  process.onStop(() => leaders.close());
  const createMachine = () => new MatchingMachine();
  const replica = { createMachine, codec: matchingCodec, maximumIdentities: MOST_IDENTITIES };
  const snapshots = snapshotsHere(world, replica);
  const shards: MatchingShards = new HostedShards({
    kind: 'matching',
    world,
    log,
    createHost: (shardId, observer) =>
      new ShardHost({
        ...{ world, nodeId, shardId, observer, codec: matchingCodec, snapshots },
        followLeader: leaders.followLeader,
        createMachine,
        stateChecksumInterval: CHECKSUM_INTERVAL,
        maximumIdentities: MOST_IDENTITIES,
      }),
    holdingsOf,
    changesHoldings,
    nameOf: (event) => event.kind,
    onChange: () => membership.reportNow(),
    onFatal,
  });
  process.hosts = () => shards.hosts();
  serve(process, MatchingService, matchingHandlers(shards, world));
  process.onStop(() => shards.end(DRAIN_MS));
  const pulls = new PulledSlots<MatchingCommand, MatchingEvent, never>({
    world,
    findHost: (shardId) => shards.find(shardId),
    startCopy: copyHere({ world, replica }),
    makeCommand: (move) => ({ kind: 'moveSlot', move }),
    onChange: () => membership.reportNow(),
  });
  process.onStop(() => pulls.stop());
  const membership = joinCluster({
    ...{ coordinatorAddresses, nodeId, address, log, world, kind: 'matching' },
    ...{ pulls: pulls.reports, onPull: pulls.pull, onDropPull: pulls.drop },
    shards: shards.reports,
    onHost: shards.host,
    onLead: shards.lead,
    onRelease: shards.release,
    onReplaced: () => onFatal(`a newer process of ${nodeId} has joined`),
  });
  process.onStop(() => membership.stop());
}

export function startAccount(start: ProcessStart): void {
  const { process, log, coordinatorAddresses, onFatal } = start;
  const config = {
    ...{ nodeId: process.name, coordinatorAddresses, advertisedAddress: process.address },
    databaseUrl: '',
    snapshots: { everyCommands: 0, everyMs: 0 },
    logSpace: { limitBytes: 0, folder: '' },
  } as NodeConfig;
  const lifecycle = {
    onStop: (_name: string, close: () => unknown) => process.onStop(close),
    stop: onFatal,
  };
  const { world } = process;
  const replica: Omit<ReplicaOptions<LedgerCommand, LedgerEvent, LedgerAnswer>, 'shardId'> = {
    ...{ createMachine: () => new AccountMachine(), codec: ledgerCodec },
    maximumIdentities: MOST_IDENTITIES,
  };
  const shards = openShards(config, log, lifecycle, {
    ...{ world, startCopy: copyHere({ world, replica }), snapshots: snapshotsHere(world, replica) },
    ...{ maximumIdentities: MOST_IDENTITIES, stateChecksumInterval: CHECKSUM_INTERVAL },
    confirmEveryMs: CONFIRM_EVERY_MS,
  });
  process.hosts = () => shards.node.shards().map(({ host }) => host);
  serve(process, LedgerService, ledgerHandlers(shards.node));
  const { node, road } = shards;
  serve(process, AccountService, atLeader(AccountService, accountHandlers(node), road));
  const admin = accountAdminHandlers(node);
  serve(process, AccountAdminService, atLeader(AccountAdminService, admin, road));
  shards.join(() => {});
}

/** What it has read is kept in its tables (CON-1): a new process goes on from there. */
export function startMarketData({ process, log, coordinatorAddresses }: ProcessStart): void {
  const { world, name: nodeId, address } = process;
  const watch = watchCluster({ coordinatorAddresses, world, log });
  process.onStop(() => watch.stop());
  const reference = watchReference({ coordinatorAddresses, world, log });
  process.onStop(() => reference.stop());
  const feeds = new Feeds(world);
  showInstruments(reference, feeds);
  const stopping = new AbortController();
  process.onStop(() => stopping.abort());
  const tables = simulatedMarketTables({
    stored: world.mesh.market,
    nowUs: () => world.simulation.timeUs,
    consumersOf: (shardId) => consumersIn(world.mesh, shardId),
    run: (transaction) => world.callDatabase(transaction),
  });
  const around = { tables, feeds, world, logger: log };
  const follow = (from: Places): void => {
    const followers = followAllShards({ feeds, watch, world, logger: log, from });
    process.onStop(() => followers.stop());
    process.feeds = feeds;
    const { places, followed } = followers;
    const checkpoints = new Checkpoints({ ...around, places, pauseMs: CONFIRM_EVERY_MS });
    process.onStop(() => checkpoints.stop());
    const member = joinCluster({
      ...{ coordinatorAddresses, nodeId, kind: 'marketdata', address, world, log, followed },
    });
    process.onStop(() => member.stop());
  };
  void loadCheckpoint(around, stopping.signal).then((from) => {
    if (!stopping.signal.aborted) follow(from);
  });
}

export function startOrder(start: ProcessStart): void {
  const { process, log, coordinatorAddresses } = start;
  const { world, name: nodeId, address } = process;
  const cluster = watchCluster({ coordinatorAddresses, world, log });
  process.onStop(() => cluster.stop());
  const reference = watchReference({ coordinatorAddresses, world, log });
  process.onStop(() => reference.stop());
  const flows = openFlows({ cluster, reference, world });
  process.onStop(() => flows.close());
  serve(process, OrderService, orderHandlers(flows));
  const member = joinCluster({
    ...{ coordinatorAddresses, nodeId, kind: 'order', address, world, log },
  });
  process.onStop(() => member.stop());
}
