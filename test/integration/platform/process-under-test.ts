// A process as any service's main.ts makes it, with one slow method; started by lifecycle.test.ts.

import { setTimeout as delay } from 'node:timers/promises';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { openNode } from '../../../services/lib/platform/lifecycle/open-node.ts';
import { runService } from '../../../services/lib/platform/lifecycle/run-service.ts';

const [port, metricsPort] = process.argv.slice(2).map(Number) as [number, number];
const config = {
  service: 'order',
  nodeId: 'order-1',
  host: '127.0.0.1',
  port,
  metricsPort,
  advertisedAddress: `127.0.0.1:${port}`,
  coordinatorAddresses: ['127.0.0.1:1'],
  databaseUrl: '',
  rebalances: false,
  clusterSize: {
    shards: { matching: 1, account: 1 },
    nodes: { matching: 1, account: 1 },
    replicas: 1,
  },
  logLevel: 'info',
  otlpEndpoint: undefined,
  snapshots: { everyCommands: 0, everyMs: 1 },
  logRetentionUs: undefined,
  logSpace: { limitBytes: 0, folder: '' },
  traceSampleRatio: 0,
} as const;

runService(async (life) => {
  const { logger, server, serve } = await openNode(config, life);
  life.onStop('first opened', () => logger.info('closed first opened'));
  life.onStop('last opened', () => logger.info('closed last opened'));
  const methods = Object.keys(OrderService.method).map((name) => [name, () => ({})]);
  server.add(OrderService, {
    ...Object.fromEntries(methods),
    async getOrder() {
      await delay(400);
      return { order: { orderId: 'answered' } };
    },
    async cancelOrder() {
      setTimeout(() => {
        throw new Error('nobody catches this');
      });
      return {};
    },
  } as never);
  await serve();
  server.health.setAll(true);
});
