// Hosts account shards as the coordinator orders and joins the cluster with them.

import { LedgerService } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import type { ShardHoldings } from '../../lib/platform/cluster/heartbeats.ts';
import { HostedShards } from '../../lib/platform/cluster/hosted-shards.ts';
import { joinCluster } from '../../lib/platform/cluster/join-cluster.ts';
import { openLeaderEntries } from '../../lib/platform/cluster/leader-entries.ts';
import { watchCluster } from '../../lib/platform/cluster/watch-cluster.ts';
import type { NodeConfig } from '../../lib/platform/config/node-config.ts';
import type { Lifecycle } from '../../lib/platform/lifecycle/run-service.ts';
import { copyElsewhere } from '../../lib/platform/moves/copy-process.ts';
import { PulledSlots } from '../../lib/platform/moves/pulled-slots.ts';
import { watchLogSpace } from '../../lib/platform/postgres/log-space.ts';
import { createRpcClient } from '../../lib/platform/rpc/client.ts';
import { planSnapshots } from '../../lib/platform/snapshots/snapshot-process.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import { observeMetric } from '../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../lib/platform/telemetry/names.ts';
import type { CommittedCommand } from '../../lib/shard/committed-entry.ts';
import { ShardHost } from '../../lib/shard/host.ts';
import type { StartCopy } from '../../lib/shard/moves/slot-puller.ts';
import { createRealWorld } from '../../lib/shard/real-world.ts';
import type { SnapshotPlan } from '../../lib/shard/snapshot-keeper.ts';
import type { StateMachine } from '../../lib/shard/state-machine.ts';
import { versionsOf } from '../../lib/shard/versions.ts';
import type { World } from '../../lib/shard/world.ts';
import { AccountMachine } from '../domain/account-machine.ts';
import type { Command } from '../domain/command.ts';
import type { Answer, Event } from '../domain/event.ts';
import { ledgerCodec } from './codec/ledger-codec.ts';
import { mayBeSuspense } from './codec/peek-event.ts';
import { type LeaderRoad, openLeaderRoad } from './public/at-leader.ts';
import { LedgerNodes } from './settlement/ledger-nodes.ts';
import { MatchingNodes } from './settlement/matching-nodes.ts';
import { AccountNode } from './shard/account-node.ts';
import { AccountShard } from './shard/account-shard.ts';

const COPY_PROGRAM = new URL('../copy-slot.ts', import.meta.url);
const SNAPSHOT_PROGRAM = new URL('../write-snapshot.ts', import.meta.url);

/** What is in flight when the process stops gets this long. */
const DRAIN_MS = 2_000;

export type OpenShards = {
  readonly node: AccountNode;
  /** To the accounts that other nodes lead. */
  readonly road: LeaderRoad;
  /**
   * Joins the cluster; call it when the port is open. What ends the shards is registered here, so
   * that they finish what they have while the streams to their callers are still open.
   *
   * @param onServing told when the node begins, and when it ceases, to lead all of its shards
   */
  join(onServing: (isServing: boolean) => void): void;
};

/** How standbys here reach the leaders elsewhere (REP-1). */
const openLeaders = (
  options: Omit<Parameters<typeof openLeaderEntries>[0], 'kind' | 'streamEntries'>,
) =>
  openLeaderEntries({
    ...{ ...options, kind: 'account' },
    streamEntries: (channel, request, signal) =>
      createRpcClient(LedgerService, channel).streamEntries(request, { signal }),
  });

/** The world that the shards live in, and how they have done there what takes long. */
export type Surroundings = {
  readonly world: World;
  readonly startCopy: StartCopy<Command>;
  readonly snapshots: SnapshotPlan | undefined;
  readonly maximumIdentities?: number;
  readonly stateChecksumInterval?: number;
  readonly confirmEveryMs?: number;
};

function realSurroundings(config: NodeConfig): Surroundings {
  const { databaseUrl } = config;
  return {
    world: createRealWorld({ databaseUrl, requireReplica: false }),
    startCopy: copyElsewhere(databaseUrl, COPY_PROGRAM),
    snapshots: planSnapshots(config, SNAPSHOT_PROGRAM),
  };
}

/** Makes ready to host; everything is ended by the lifecycle. */
export function openShards(
  config: NodeConfig,
  log: Logger,
  lifecycle: Pick<Lifecycle, 'onStop' | 'stop'>,
  { world, startCopy, confirmEveryMs, ...options }: Surroundings = realSurroundings(config),
): OpenShards {
  const { nodeId, coordinatorAddresses, advertisedAddress: address } = config;
  const watch = watchCluster({ coordinatorAddresses, world, log });
  const [nodes, ledgers] = [new MatchingNodes(watch), new LedgerNodes(watch)];
  const node = new AccountNode(world, watch, { books: nodes, ledgers });
  lifecycle.onStop('cluster watch', () => watch.stop());
  lifecycle.onStop('connections to matching nodes', () => nodes.close());
  const road = openLeaderRoad({ watch, world, ownAddress: address });
  lifecycle.onStop('connections to account nodes', () => road.channels.close());
  const leaders = openLeaders({ watch, world, nodeId });
  lifecycle.onStop('connections to leaders', () => leaders.close());
  lifecycle.onStop('connections to account shards', () => ledgers.close());
  const space = watchLogSpace({ ...config, world, log });
  lifecycle.onStop('log space', () => space.stop());
  let onChange = (): void => {};
  const shards = new HostedShards<Command, Event, Answer>({
    kind: 'account',
    world,
    log,
    createHost: (shardId, observer) => {
      const createMachine = (): AccountMachine => new AccountMachine();
      const host = new ShardHost<Command, Event, Answer>({
        ...{ world, shardId, nodeId, createMachine, codec: ledgerCodec, observer },
        ...options,
        followLeader: leaders.followLeader,
        refuses: ({ kind }) => (space.isLow() && PLACING.has(kind) ? 'LOG_SPACE_LOW' : undefined),
      });
      const machine = () => host.machine as AccountMachine | undefined;
      const around = { world, log, watch, nodes, ledgers, confirmEveryMs };
      node.add(new AccountShard({ host, machine, ...around }));
      return host;
    },
    holdingsOf,
    changesHoldings,
    newestVersion: versionsOf(new AccountMachine()).newest,
    nameOf: (event) => event.kind,
    onCommit: ({ entry }) => warnOfSuspense(log, entry.commands),
    onChange: () => onChange(),
    onFatal: (error) => lifecycle.stop(error),
  });
  const join = (onServing: (isServing: boolean) => void): void => {
    lifecycle.onStop('shards', () => shards.end(DRAIN_MS));
    lifecycle.onStop('settlement', () => node.stop());
    const pulls = pullSlots(shards, world, startCopy, () => membership.reportNow());
    lifecycle.onStop('copies of slots', () => pulls.stop());
    const membership = joinCluster({
      ...{ coordinatorAddresses, nodeId, kind: 'account', address, world, log },
      shards: shards.reports,
      followed: () => node.shards().flatMap((shard) => shard.settlement?.followed() ?? []),
      ...{ onHost: shards.host, onLead: shards.lead, onRelease: shards.release },
      ...{ pulls: pulls.reports, onPull: pulls.pull, onDropPull: pulls.drop },
      onRaiseVersion: shards.raiseVersion,
      onReplaced: () => lifecycle.stop(new Error(`a newer process of ${nodeId} has joined`)),
    });
    onChange = () => {
      node.sync();
      onServing(shards.allServe());
      membership.reportNow();
    };
    lifecycle.onStop('membership', () => membership.stop());
    lifecycle.onStop('metrics of shards', observeShards(node));
  };
  return { node, road, join };
}

function pullSlots(
  shards: HostedShards<Command, Event, Answer>,
  world: World,
  startCopy: StartCopy<Command>,
  onChange: () => void,
): PulledSlots<Command, Event, Answer> {
  return new PulledSlots({
    world,
    findHost: (shardId) => shards.find(shardId),
    startCopy,
    makeCommand: (move) => ({ kind: 'moveSlot', move }),
    onChange,
  });
}

/** Holds of new orders, and what a changed order needs more (SNAP-5). */
const PLACING: ReadonlySet<Command['kind']> = new Set(['placeHold', 'placeGroupHold', 'amendHold']);

function holdingsOf(machine: StateMachine<Command, Event, Answer>): ShardHoldings {
  const { state } = machine as AccountMachine;
  const slots = new Map<number, number>();
  state.slots.generations.forEach((generation, slot) => {
    // A frozen slot is held until another shard has it.
    if (state.ownerOf(slot) !== 'NONE') slots.set(slot, generation);
  });
  const assets = new Map([...state.assets].map(([number, { version }]) => [number, version]));
  const instruments = new Map(
    [...state.instruments].map(([number, { version }]) => [number, { version, state: undefined }]),
  );
  return { slots, assets, instruments };
}

function changesHoldings({ kind }: Event): boolean {
  return (
    kind === 'slotsAcquired' ||
    kind === 'slotMoved' ||
    kind === 'assetSet' ||
    kind === 'instrumentSet'
  );
}

/** SET-5: what no hold covered is an alarm, never silent. */
function warnOfSuspense(log: Logger, commands: readonly CommittedCommand<Event, Answer>[]): void {
  for (const command of commands) {
    if (!command.encodedEvents.some(mayBeSuspense)) continue;
    for (const event of command.events) warnOfEvent(log, event);
  }
}

function warnOfEvent(log: Logger, event: Event): void {
  if (event.kind === 'tradeBusted' && event.missingUnits > 0n) {
    const { instrumentNumber, instrumentSequence } = event.trade;
    const trade_id = `${instrumentNumber}-${instrumentSequence}`;
    const named = { account_number: event.accountNumber, trade_id };
    log.error(named, 'an account lacked what it had to give back; it stands in suspense');
  }
  if (event.kind !== 'suspensePosted') return;
  const { accountNumber: account_number, assetNumber: asset_number, placement } = event;
  const fields = { account_number, asset_number, placement };
  log.error(fields, 'a trade that no hold covered stands in suspense');
}

function observeShards(node: AccountNode): () => void {
  const stops = [
    observeMetric(METRICS.settledSequence, () =>
      node
        .shards()
        .flatMap((shard) =>
          (shard.settlement?.settledSequences() ?? []).map(
            ([sourceShardId, sequence]) =>
              [sequence, { [ATTRIBUTES.shardId]: sourceShardId }] as const,
          ),
        ),
    ),
    observeMetric(METRICS.settlementBehind, () =>
      node
        .shards()
        .flatMap((shard) =>
          (shard.settlement?.lagsMs() ?? []).map(
            ([sourceShardId, lagMs]) =>
              [lagMs / 1_000, { [ATTRIBUTES.shardId]: sourceShardId }] as const,
          ),
        ),
    ),
    observeMetric(METRICS.closedWindow, () =>
      node.shards().flatMap((shard) => {
        const seconds = shard.closedWindowSeconds();
        const attributes = { [ATTRIBUTES.shardId]: shard.host.shardId };
        return seconds === undefined ? [] : [[seconds, attributes] as const];
      }),
    ),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
