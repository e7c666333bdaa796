// grpc.health.v1 as load balancers and launchers ask it.

import { afterEach, expect, test } from '@jest/globals';
import { Status } from 'nice-grpc-common';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../../gen/grpc/health/v1/health_pb.ts';
import type { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { waitUntil } from '../../support/wait.ts';
import { type ServerUnderTest, startServer } from './server-under-test.ts';

const NAME = 'bourse.order.v1.OrderService';
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus;
let running: ServerUnderTest;
afterEach(() => running.close());

async function start() {
  running = await startServer(OrderService);
  return { ...running, health: createRpcClient(Health, running.channel) };
}

test('a service that nobody declared able to work is not serving, by name and on the whole', async () => {
  const { health, server } = await start();
  expect((await health.check({ service: NAME })).status).toBe(NOT_SERVING);
  expect((await health.check({})).status).toBe(NOT_SERVING);
  server.health.set(NAME, true);
  expect((await health.check({ service: NAME })).status).toBe(SERVING);
  expect((await health.check({})).status).toBe(SERVING);
});

test('an unknown name is NOT_FOUND, and watched it is SERVICE_UNKNOWN until it is known', async () => {
  const { health, server } = await start();
  const error = await health.check({ service: 'later' }).catch((e: OperatingError) => e);
  expect(error).toMatchObject({ code: Status.NOT_FOUND });
  const seen: ServingStatus[] = [];
  for await (const { status } of health.watch({ service: 'later' })) {
    seen.push(status);
    if (seen.length === 1) server.health.set('later', true);
    if (seen.length === 2) break;
  }
  expect(seen).toEqual([SERVICE_UNKNOWN, SERVING]);
});

test('the list has every name and the empty one', async () => {
  const { health, server } = await start();
  server.health.set('log', true);
  const { statuses } = await health.list({});
  expect(Object.keys(statuses).sort()).toEqual(['', NAME, 'log']);
  expect(statuses['log']?.status).toBe(SERVING);
  expect(statuses['']?.status).toBe(NOT_SERVING);
});

test('whoever watches hears that the server drains, before it is gone', async () => {
  const { health, server } = await start();
  server.health.set(NAME, true);
  const seen: ServingStatus[] = [];
  const watching = (async () => {
    for await (const { status } of health.watch({})) seen.push(status);
  })();
  await waitUntil(() => seen.length === 1, { what: 'the first status' });
  expect(await server.drain(5_000)).toBe(true);
  await watching;
  expect(seen).toEqual([SERVING, NOT_SERVING]);
});
