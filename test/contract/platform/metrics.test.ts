// Metrics as Prometheus reads them.

import { createServer } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { StartError } from '../../../services/lib/platform/config/start-error.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import {
  addToMetric,
  observeMetric,
  recordMetric,
} from '../../../services/lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../../services/lib/platform/telemetry/names.ts';
import { startTelemetry } from '../../../services/lib/platform/telemetry/telemetry.ts';
import { freePort } from '../../support/ports.ts';
import { startServer } from './server-under-test.ts';

const started: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of started.splice(0).reverse()) await one.close();
});

async function start() {
  const prometheusPort = await freePort();
  const telemetry = await startTelemetry({ service: 'order', node: 'order-1', prometheusPort });
  started.push({ close: () => telemetry.shutdown() });
  return async () => (await fetch(`http://127.0.0.1:${prometheusPort}/metrics`)).text();
}

test('calls, their durations and their reasons are counted by method', async () => {
  const scrape = await start();
  const server = await startServer(OrderService, {
    getOrder: async () => {
      throw new OperatingError('ORDER_UNKNOWN', 'no such order');
    },
    listOrders: async () => ({}),
  });
  started.push(server);
  const client = createRpcClient(OrderService, server.channel);
  await client.listOrders({});
  await client.getOrder({}).catch(() => {});
  const text = await scrape();
  expect(text).toMatch(
    /bourse_rpc_requests_total\{[^}]*rpc_method="ListOrders",[^}]*code="OK"[^}]*\} 1/,
  );
  expect(text).toMatch(/bourse_rpc_requests_total\{[^}]*"GetOrder",[^}]*"NOT_FOUND"[^}]*\} 1/);
  expect(text).toMatch(/bourse_rejections_total\{bourse_reason="ORDER_UNKNOWN"[^}]*\} 1/);
  expect(text).toMatch(/bourse_rpc_duration_count\{[^}]*"ListOrders"[^}]*\} 1/);
  expect(text).toMatch(/bourse_rpc_active\{[^}]*"ListOrders"[^}]*\} 0/);
});

test('a gauge is read when it is asked for, and no longer once it ended', async () => {
  const scrape = await start();
  let depth = 3;
  const attributes = { [ATTRIBUTES.queue]: 'proposals' };
  const end = observeMetric(METRICS.queueDepth, () => [[depth, attributes]]);
  expect(await scrape()).toMatch(/bourse_queue_depth\{bourse_queue="proposals"[^}]*\} 3/);
  depth = 5;
  expect(await scrape()).toMatch(/bourse_queue_depth\{bourse_queue="proposals"[^}]*\} 5/);
  end();
  depth = 7;
  expect(await scrape()).not.toMatch(/bourse_queue_depth\{[^}]*\} 7/);
});

test('before telemetry starts, and after it ended, writing a metric does nothing', async () => {
  addToMetric(METRICS.orders, 1);
  recordMetric(METRICS.appendDuration, 0.1);
  const scrape = await start();
  expect(await scrape()).not.toContain('bourse_orders');
});

test('a port in use is one sentence', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  started.push({ close: () => taken.close() });
  const { port } = taken.address() as { port: number };
  const failed = startTelemetry({ service: 'order', node: 'order-1', prometheusPort: port });
  await expect(failed).rejects.toThrow(StartError);
  await expect(failed).rejects.toThrow(`127.0.0.1:${port} cannot be opened: it is in use.`);
});
