// The coordinator: who leads which shard, which slot belongs to which, and what there is to trade.

import { ClusterAdminService } from '../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { CoordinatorService } from '../../gen/bourse/coordinator/v1/service_pb.ts';
import { ReferenceAdminService } from '../../gen/bourse/reference/v1/admin_service_pb.ts';
import { ReferenceService } from '../../gen/bourse/reference/v1/service_pb.ts';
import { realProbingWorld } from '../lib/platform/cluster/probe.ts';
import { loadNodeConfig } from '../lib/platform/config/node-config.ts';
import { openNode } from '../lib/platform/lifecycle/open-node.ts';
import { runService } from '../lib/platform/lifecycle/run-service.ts';
import { createPool } from '../lib/platform/postgres/pool.ts';
import { Coordinator, nameHolder } from './adapter/coordinator.ts';
import { clusterAdminHandlers, coordinatorHandlers } from './adapter/coordinator-handlers.ts';
import { postgresStores } from './adapter/coordinator-stores.ts';
import { referenceAdminHandlers } from './adapter/reference-admin-handlers.ts';
import { referenceHandlers } from './adapter/reference-handlers.ts';
import { REBALANCE_PATIENCE } from './domain/rebalancing.ts';

runService(async (lifecycle) => {
  const config = loadNodeConfig('coordinator', process.argv.slice(2), process.env);
  const { databaseUrl, nodeId, advertisedAddress, clusterSize } = config;
  const { logger, server, serve } = await openNode(config, lifecycle);

  const pool = createPool({ databaseUrl, name: nodeId });
  lifecycle.onStop('postgres', () => pool.end());
  const coordinator = new Coordinator({
    stores: postgresStores(pool, nameHolder(nodeId, advertisedAddress)),
    world: realProbingWorld,
    log: logger,
    shardCounts: clusterSize.shards,
    expectedNodes: clusterSize.nodes,
    replicas: clusterSize.replicas,
    rebalance: config.rebalances ? REBALANCE_PATIENCE : undefined,
    onActive: (isActive) => server.health.setAll(isActive),
  });
  lifecycle.onStop('coordinator', () => coordinator.stop());

  server.add(CoordinatorService, coordinatorHandlers(coordinator));
  server.add(ClusterAdminService, clusterAdminHandlers(coordinator));
  server.add(ReferenceService, referenceHandlers(coordinator));
  server.add(ReferenceAdminService, referenceAdminHandlers(coordinator));
  await serve();
  coordinator.start();
});
