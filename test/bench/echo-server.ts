// The process that P2 measures against: PlaceOrder and batches of it answered at once with
// answers of the usual size. `mesh`: through the mesh's own server, telemetry on; `bare`: nice-grpc and nothing else.

import { create } from '@bufbuild/protobuf';
import { createServer } from 'nice-grpc';
import {
  OrderService,
  PlaceOrderResponseSchema,
  type SubmitOrdersRequest,
} from '../../gen/bourse/order/v1/service_pb.ts';
import { rpcDefinition } from '../../services/lib/platform/rpc/definition.ts';
import { loadDescriptors } from '../../services/lib/platform/rpc/descriptors.ts';
import { createRpcServer } from '../../services/lib/platform/rpc/server.ts';
import { createLogger } from '../../services/lib/platform/telemetry/logger.ts';
import { startTelemetry } from '../../services/lib/platform/telemetry/telemetry.ts';

const time = { seconds: 1_790_000_000n, nanos: 123_456_000 };
const answer = create(PlaceOrderResponseSchema, {
  order: {
    orderId: '4097-1234567',
    accountId: 'account-0001',
    clientOrderId: 'client-order-0001',
    instrumentId: 'BTC-USD',
    version: 1n,
    remainingQuantity: '1.25',
    filledQuantity: '0',
    filledNotional: '0',
    price: '50000.5',
    createTime: time,
    updateTime: time,
    sequence: 1_234_567n,
  },
  sequence: 1_234_567n,
});

const handlers = {
  ...Object.fromEntries(Object.keys(OrderService.method).map((name) => [name, async () => answer])),
  async *submitOrders(requests: AsyncIterable<SubmitOrdersRequest>) {
    for await (const { items } of requests) {
      yield { results: items.map(() => ({ result: { case: 'placeOrder', value: answer } })) };
    }
  },
} as never;

async function listen(kind: string | undefined): Promise<number> {
  if (kind === 'bare') {
    const server = createServer();
    server.add(rpcDefinition(OrderService), handlers);
    return await server.listen('127.0.0.1:0');
  }
  await startTelemetry({ service: 'echo', node: 'echo' });
  const logger = createLogger({ service: 'echo', node: 'echo' });
  const server = createRpcServer({ logger, descriptors: loadDescriptors() });
  server.add(OrderService, handlers);
  return await server.listen(0);
}

process.stdin.once('end', () => process.exit(0)).resume(); // never outlives the benchmark
process.stdout.write(`${await listen(process.argv[2])}\n`);
