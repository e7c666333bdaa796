// The echo that P2 is measured against: the same message, the same concurrency, an empty handler.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { OrderService } from '../../gen/bourse/order/v1/service_pb.ts';
import { createRpcChannel } from '../../services/lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../services/lib/platform/rpc/client.ts';
import type { SubmitOrders } from './batch-load.ts';
import { measureUnary, type UnaryFigures, type UnaryLoad } from './unary-load.ts';

const SERVER = fileURLToPath(new URL('./echo-server.ts', import.meta.url));

/** `mesh`: with the mesh's own middleware; `bare`: nice-grpc and nothing else. */
export type EchoKind = 'mesh' | 'bare';

export type Echo = {
  /** Places an order that nobody executes. */
  placeOrder(sequence: number): Promise<unknown>;
  /** Batches that nobody executes. */
  readonly submitOrders: SubmitOrders;
  close(): Promise<void>;
};

/** Starts an echo in a process of its own and a client of it, as the mesh's clients are. */
export async function startEcho(kind: EchoKind): Promise<Echo> {
  const child = spawn(process.execPath, ['--no-warnings', SERVER, kind], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const [line] = (await Promise.race([
    once(child.stdout, 'data'),
    exit.then(() => Promise.reject(new Error('the echo did not start'))),
  ])) as [Buffer];
  const channel = createRpcChannel(`127.0.0.1:${Number(line.toString())}`);
  const client = createRpcClient(OrderService, channel, { timeoutMs: 10_000 });
  return {
    placeOrder: (sequence) =>
      client.placeOrder({
        accountId: 'account-0001',
        clientOrderId: `client-order-${sequence}`,
        instrumentId: 'BTC-USD',
        side: 1,
        type: 1,
        orderQuantity: { case: 'quantity', value: '1.25' },
        price: '50000.5',
      }),
    submitOrders: (requests, options) => client.submitOrders(requests, options),
    async close() {
      channel.close();
      child.stdin.end();
      await exit;
    },
  };
}

/** Starts an echo, measures it at one load after the other, and stops it. */
export async function measureEcho(
  kind: EchoKind,
  loads: readonly UnaryLoad[],
): Promise<UnaryFigures[]> {
  const echo = await startEcho(kind);
  try {
    const figures: UnaryFigures[] = [];
    for (const load of loads) figures.push(await measureUnary(echo.placeOrder, load));
    return figures;
  } finally {
    await echo.close();
  }
}
