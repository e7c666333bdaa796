// The market data process: config, reference data, tables, followers of all matching shards, the
// service.

import { MarketDataService } from '../../gen/bourse/marketdata/v1/service_pb.ts';
import { joinCluster } from '../lib/platform/cluster/join-cluster.ts';
import { watchCluster } from '../lib/platform/cluster/watch-cluster.ts';
import { watchReference } from '../lib/platform/cluster/watch-reference.ts';
import { loadNodeConfig } from '../lib/platform/config/node-config.ts';
import { openNode } from '../lib/platform/lifecycle/open-node.ts';
import { runService } from '../lib/platform/lifecycle/run-service.ts';
import { createRealWorldWithoutLogs } from '../lib/shard/real-world.ts';
import { Feeds } from './adapter/feeds.ts';
import { followAllShards } from './adapter/follow-all.ts';
import { marketDataHandlers } from './adapter/handlers.ts';
import { showInstruments } from './adapter/instruments.ts';
import { Streams } from './adapter/streams.ts';
import { Checkpoints, loadCheckpoint } from './adapter/tables/checkpoints.ts';
import { openTables } from './adapter/tables/open-tables.ts';

const config = loadNodeConfig('marketdata', process.argv.slice(2), process.env);

runService(async (life) => {
  const { logger, server, serve } = await openNode(config, life);
  const { coordinatorAddresses, nodeId, advertisedAddress } = config;
  const world = createRealWorldWithoutLogs();
  const watch = watchCluster({ coordinatorAddresses, world, log: logger });
  life.onStop('cluster watch', () => watch.stop());
  const reference = watchReference({ coordinatorAddresses, world, log: logger });
  life.onStop('reference watch', () => reference.stop());

  const feeds = new Feeds(world);
  showInstruments(reference, feeds);
  const streams = new Streams(feeds);
  life.onStop('streams', async () => streams.stop());
  server.add(MarketDataService, marketDataHandlers(feeds, streams));
  await serve();

  const tables = openTables(config, life);
  const around = { tables, feeds, world, logger };
  const from = await loadCheckpoint(around, life.stopping);
  const followers = followAllShards({ feeds, watch, world, logger, from });
  life.onStop('followers', () => followers.stop());
  const checkpoints = new Checkpoints({ ...around, places: followers.places });
  life.onStop('checkpoints', () => checkpoints.stop());
  const member = joinCluster({
    coordinatorAddresses,
    nodeId,
    kind: 'marketdata',
    address: advertisedAddress,
    world,
    log: logger,
    followed: followers.followed,
  });
  life.onStop('membership', () => member.stop());
  await Promise.all([reference.ready, followers.caughtUp]);
  feeds.isReady = true;
  server.health.set(MarketDataService.typeName, true);
});
