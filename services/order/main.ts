// The order process: config, tables of the cluster and of instruments, flows, the service.

import { OrderService } from '../../gen/bourse/order/v1/service_pb.ts';
import { joinCluster } from '../lib/platform/cluster/join-cluster.ts';
import { watchCluster } from '../lib/platform/cluster/watch-cluster.ts';
import { watchReference } from '../lib/platform/cluster/watch-reference.ts';
import { loadNodeConfig } from '../lib/platform/config/node-config.ts';
import { openNode } from '../lib/platform/lifecycle/open-node.ts';
import { runService } from '../lib/platform/lifecycle/run-service.ts';
import { createRealWorldWithoutLogs } from '../lib/shard/real-world.ts';
import { openFlows } from './adapter/flow-parts.ts';
import { orderHandlers } from './adapter/order-service.ts';
import { watchReadiness } from './adapter/readiness.ts';

const config = loadNodeConfig('order', process.argv.slice(2), process.env);

runService(async (life) => {
  const { logger, server, serve } = await openNode(config, life);
  const { coordinatorAddresses, nodeId, advertisedAddress } = config;
  const world = createRealWorldWithoutLogs();
  const cluster = watchCluster({ coordinatorAddresses, world, log: logger });
  life.onStop('cluster watch', () => cluster.stop());
  const reference = watchReference({ coordinatorAddresses, world, log: logger });
  life.onStop('reference watch', () => reference.stop());

  const flows = openFlows({ cluster, reference, world });
  life.onStop('flows', () => flows.close());
  server.add(OrderService, orderHandlers(flows));
  server.guardBy(flows.edge.guard);
  await serve();

  const member = joinCluster({
    coordinatorAddresses,
    nodeId,
    kind: 'order',
    address: advertisedAddress,
    world,
    log: logger,
  });
  life.onStop('membership', () => member.stop());
  await reference.ready;
  const stopWatching = watchReadiness(cluster, (isReady) => {
    server.health.set(OrderService.typeName, isReady);
  });
  life.onStop('readiness', async () => stopWatching());
});
