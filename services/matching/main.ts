// A matching node: hosts order books, takes commands for the shards that it leads, streams events.

import { MatchingService } from '../../gen/bourse/matching/v1/service_pb.ts';
import { HostedShards } from '../lib/platform/cluster/hosted-shards.ts';
import { joinCluster } from '../lib/platform/cluster/join-cluster.ts';
import { openLeaderEntries } from '../lib/platform/cluster/leader-entries.ts';
import { watchCluster } from '../lib/platform/cluster/watch-cluster.ts';
import { loadNodeConfig } from '../lib/platform/config/node-config.ts';
import { openNode } from '../lib/platform/lifecycle/open-node.ts';
import { runService } from '../lib/platform/lifecycle/run-service.ts';
import { watchLogSpace } from '../lib/platform/postgres/log-space.ts';
import { createRpcClient } from '../lib/platform/rpc/client.ts';
import { createRealWorld } from '../lib/shard/real-world.ts';
import { hostMaker } from './adapter/create-host.ts';
import { changesHoldings, holdingsOf } from './adapter/holdings.ts';
import { widenInlining } from './adapter/inlining.ts';
import { type MatchingShards, matchingHandlers } from './adapter/matching-handlers.ts';
import { openPulls } from './adapter/pull-slots.ts';
import { watchServing } from './adapter/serving.ts';

/** How long entries in flight may take when the node stops. */
const DRAIN_MS = 1_000;
widenInlining();

runService(async (lifecycle) => {
  const config = loadNodeConfig('matching', process.argv.slice(2), process.env);
  const { databaseUrl, nodeId, coordinatorAddresses, advertisedAddress: address } = config;
  const { logger, server, serve } = await openNode(config, lifecycle);
  const world = createRealWorld({ databaseUrl, requireReplica: false });
  const space = watchLogSpace({ ...config, world, log: logger });
  lifecycle.onStop('log space', () => space.stop());
  const watch = watchCluster({ coordinatorAddresses, world, log: logger });
  lifecycle.onStop('cluster watch', () => watch.stop());
  const leaders = openLeaderEntries({
    ...{ watch, world, nodeId, kind: 'matching' },
    streamEntries: (channel, request, signal) =>
      createRpcClient(MatchingService, channel).streamEntries(request, { signal }),
  });
  lifecycle.onStop('connections to leaders', () => leaders.close());
  const shards: MatchingShards = new HostedShards({
    kind: 'matching',
    world,
    log: logger,
    createHost: hostMaker(config, space, world, leaders.followLeader),
    holdingsOf,
    changesHoldings,
    nameOf: (event) => event.kind,
    onChange: () => {
      server.health.setAll(shards.allServe());
      membership.reportNow();
    },
    onFatal: (error) => lifecycle.stop(error),
  });

  server.add(MatchingService, matchingHandlers(shards, world));
  await serve();
  // Stops before the server: it answers what is in flight while the streams are still open.
  lifecycle.onStop('shards', () => shards.end(DRAIN_MS));
  const pulls = openPulls(config, world, shards, () => membership.reportNow());
  lifecycle.onStop('copies of slots', () => pulls.stop());
  const membership = joinCluster({
    ...{ coordinatorAddresses, nodeId, address, log: logger, world, kind: 'matching' },
    shards: shards.reports,
    onHost: shards.host,
    onLead: shards.lead,
    onRelease: shards.release,
    ...{ pulls: pulls.reports, onPull: pulls.pull, onDropPull: pulls.drop },
    onReplaced: () => lifecycle.stop(new Error(`a newer process of ${nodeId} has joined`)),
  });
  lifecycle.onStop('membership', () => membership.stop());
  lifecycle.onStop('serving', watchServing({ world, shards, membership }, server.health));
});
