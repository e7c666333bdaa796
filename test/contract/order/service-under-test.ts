// The order service through the real RPC stack, with no shard to reach: what it refuses by itself.

import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { watchCluster } from '../../../services/lib/platform/cluster/watch-cluster.ts';
import { watchReference } from '../../../services/lib/platform/cluster/watch-reference.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { createRpcChannel } from '../../../services/lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { loadDescriptors } from '../../../services/lib/platform/rpc/descriptors.ts';
import { createRpcServer } from '../../../services/lib/platform/rpc/server.ts';
import { createLogger } from '../../../services/lib/platform/telemetry/logger.ts';
import { createRealWorldWithoutLogs } from '../../../services/lib/shard/real-world.ts';
import { openFlows } from '../../../services/order/adapter/flow-parts.ts';
import { orderHandlers } from '../../../services/order/adapter/order-service.ts';
import { freePort } from '../../support/ports.ts';

/** Starts the service against a coordinator that is not there. */
export async function serveOrders() {
  const coordinatorAddresses = [`127.0.0.1:${await freePort()}`];
  const log = createLogger({ service: 'order', node: 'order', level: 'silent' as never });
  const world = createRealWorldWithoutLogs();
  const cluster = watchCluster({ coordinatorAddresses, log, world });
  const reference = watchReference({ coordinatorAddresses, log, world });
  const flows = openFlows({ cluster, reference, world });
  const server = createRpcServer({ logger: log, descriptors: loadDescriptors() });
  server.add(OrderService, orderHandlers(flows));
  const port = await server.listen(0);
  const channel = createRpcChannel(`127.0.0.1:${port}`);
  const client = createRpcClient(OrderService, channel, { timeoutMs: 10_000 });
  return {
    client,
    async close() {
      channel.close();
      await server.drain(1_000);
      await flows.close();
      await reference.stop();
      await cluster.stop();
    },
  };
}

/** The error that a call fails with; fails when it does not. */
export async function failureOf(call: Promise<unknown>): Promise<OperatingError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof OperatingError) return error;
    throw error;
  }
  throw new Error('the call did not fail');
}
