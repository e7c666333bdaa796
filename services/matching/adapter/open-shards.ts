// Hosts matching shards as the coordinator orders, and joins the cluster with them.

import { MatchingService } from '../../../gen/bourse/matching/v1/service_pb.ts';
import { HostedShards } from '../../lib/platform/cluster/hosted-shards.ts';
import { joinCluster } from '../../lib/platform/cluster/join-cluster.ts';
import { openLeaderEntries } from '../../lib/platform/cluster/leader-entries.ts';
import { watchCluster } from '../../lib/platform/cluster/watch-cluster.ts';
import type { NodeConfig } from '../../lib/platform/config/node-config.ts';
import type { Lifecycle } from '../../lib/platform/lifecycle/run-service.ts';
import { watchLogSpace } from '../../lib/platform/postgres/log-space.ts';
import { createRpcClient } from '../../lib/platform/rpc/client.ts';
import type { HealthBoard } from '../../lib/platform/rpc/health.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import { versionsOf } from '../../lib/shard/versions.ts';
import type { World } from '../../lib/shard/world.ts';
import { MatchingMachine } from '../domain/machine.ts';
import { hostMaker } from './create-host.ts';
import { changesHoldings, holdingsOf, slotOfEvent } from './holdings.ts';
import type { MatchingShards } from './matching-handlers.ts';
import { openPulls } from './pull-slots.ts';
import { watchServing } from './serving.ts';

/** How long entries in flight may take when the node stops. */
const DRAIN_MS = 1_000;

export type OpenOptions = {
  readonly config: NodeConfig;
  readonly world: World;
  readonly log: Logger;
  readonly lifecycle: Lifecycle;
  readonly health: HealthBoard;
};

export type OpenShards = {
  readonly shards: MatchingShards;
  /**
   * Joins the cluster; call it when the port is open. What ends the shards is registered here, so
   * that they finish what they have while the streams to their callers are still open.
   */
  join(): void;
};

/** Makes ready to host; everything is ended by the lifecycle. */
export function openShards(options: OpenOptions): OpenShards {
  const { config, world, log, lifecycle, health } = options;
  const { nodeId, coordinatorAddresses, advertisedAddress: address } = config;
  const space = watchLogSpace({ ...config, world, log });
  lifecycle.onStop('log space', () => space.stop());
  const watch = watchCluster({ coordinatorAddresses, world, log });
  lifecycle.onStop('cluster watch', () => watch.stop());
  const leaders = openLeaderEntries({
    ...{ watch, world, nodeId, kind: 'matching' },
    streamEntries: (channel, request, signal) =>
      createRpcClient(MatchingService, channel).streamEntries(request, { signal }),
  });
  lifecycle.onStop('connections to leaders', () => leaders.close());
  let reportNow = (): void => {};
  const shards: MatchingShards = new HostedShards({
    ...{ kind: 'matching', world, log, holdingsOf, changesHoldings, slotOf: slotOfEvent },
    newestVersion: versionsOf(new MatchingMachine()).newest,
    createHost: hostMaker(config, space, world, leaders.followLeader),
    nameOf: (event) => event.kind,
    onChange: () => {
      health.setAll(shards.allServe());
      reportNow();
    },
    onFatal: (error) => lifecycle.stop(error),
  });
  const join = (): void => {
    // Stops before the server: it answers what is in flight while the streams are still open.
    lifecycle.onStop('shards', () => shards.end(DRAIN_MS));
    const pulls = openPulls(config, world, shards, () => reportNow());
    lifecycle.onStop('copies of slots', () => pulls.stop());
    const membership = joinCluster({
      ...{ coordinatorAddresses, nodeId, address, log, world, kind: 'matching' },
      shards: shards.reports,
      onHost: shards.host,
      onLead: shards.lead,
      onRelease: shards.release,
      onRaiseVersion: shards.raiseVersion,
      ...{ pulls: pulls.reports, onPull: pulls.pull, onDropPull: pulls.drop },
      onReplaced: () => lifecycle.stop(new Error(`a newer process of ${nodeId} has joined`)),
    });
    reportNow = () => membership.reportNow();
    lifecycle.onStop('membership', () => membership.stop());
    lifecycle.onStop('serving', watchServing({ world, shards, membership }, health));
  };
  return { shards, join };
}
