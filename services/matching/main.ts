// A matching node: hosts order books, takes commands for the shards that it leads, streams events.

import { MatchingService } from '../../gen/bourse/matching/v1/service_pb.ts';
import { loadNodeConfig } from '../lib/platform/config/node-config.ts';
import { openNode } from '../lib/platform/lifecycle/open-node.ts';
import { runService } from '../lib/platform/lifecycle/run-service.ts';
import { createRealWorld } from '../lib/shard/real-world.ts';
import { widenInlining } from './adapter/inlining.ts';
import { matchingHandlers } from './adapter/matching-handlers.ts';
import { openShards } from './adapter/open-shards.ts';

widenInlining();

runService(async (lifecycle) => {
  const config = loadNodeConfig('matching', process.argv.slice(2), process.env);
  const { logger: log, server, serve } = await openNode(config, lifecycle);
  const world = createRealWorld({ databaseUrl: config.databaseUrl, requireReplica: false });
  const { shards, join } = openShards({ config, world, log, lifecycle, health: server.health });
  server.add(MatchingService, matchingHandlers(shards, world));
  await serve();
  join();
});
