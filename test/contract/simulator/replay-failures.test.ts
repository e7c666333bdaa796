// A replay that cannot be measured ends with one sentence and exit code 2, whatever it was that
// failed. The replay is the real one; the exchange is servers that answer what a test needs.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { AccountAdminService } from '../../../gen/bourse/account/v1/admin_service_pb.ts';
import { AccountService } from '../../../gen/bourse/account/v1/service_pb.ts';
import { MarketDataService } from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { ReferenceAdminService } from '../../../gen/bourse/reference/v1/admin_service_pb.ts';
import { ReferenceService } from '../../../gen/bourse/reference/v1/service_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import type { AnyService } from '../../../services/lib/platform/rpc/definition.ts';
import { loadDescriptors } from '../../../services/lib/platform/rpc/descriptors.ts';
import { createRpcServer, type Handlers } from '../../../services/lib/platform/rpc/server.ts';
import { createLogger } from '../../../services/lib/platform/telemetry/logger.ts';
import { ROOT } from '../../support/exchange.ts';

type OrderHandlers = Partial<Handlers<typeof OrderService>>;
type MarketHandlers = Partial<Handlers<typeof MarketDataService>>;

const TAKE =
  '{"op":"take","side":"buy","limit":5794000,"qty":4,"row":0,"t":"34200.01","expect":[["1",5794000,4]],"exact":true}';

const folder = mkdtempSync(join(tmpdir(), 'bourse-replay-'));
const stopping: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stopping.splice(0)) await stop();
});
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, `${text}\n`);
  return file;
}

/** Serves on a free port; methods without a handler answer an empty message. */
async function serve(...services: readonly [AnyService, object][]): Promise<string> {
  const logger = createLogger({ service: 'test', node: 'test-1', level: 'silent' as never });
  const server = createRpcServer({ logger, descriptors: loadDescriptors() });
  for (const [service, handlers] of services) {
    const names = Object.keys(service.method);
    const empty = Object.fromEntries(names.map((name) => [name, async () => ({})]));
    server.add(service, { ...empty, ...handlers } as never);
  }
  server.health.setAll(true);
  stopping.push(() => server.drain(100));
  return String(await server.listen(0));
}

/** A stream that begins well and then waits for its reader to go. */
async function* open(_request: unknown, { signal }: { readonly signal: AbortSignal }) {
  yield { message: { case: 'started' as const, value: {} } };
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
}

const empty: MarketHandlers = {
  async *streamOrderBook(request, call) {
    const [instrumentId = ''] = request.instrumentIds;
    yield { message: { case: 'snapshot' as const, value: { instrumentId, sequence: 1n } } };
    await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
  },
};

/** Replays one take against servers with these handlers. */
async function replay(orders: OrderHandlers, market: MarketHandlers = empty) {
  const env = {
    ...process.env,
    BOURSE_ORDER_PORT: await serve([OrderService, { streamExecutionReports: open, ...orders }]),
    BOURSE_ACCOUNT_PORT: await serve([AccountService, {}], [AccountAdminService, {}]),
    BOURSE_MARKETDATA_PORT: await serve([MarketDataService, market]),
    BOURSE_COORDINATOR_PORT: await serve([ReferenceService, {}], [ReferenceAdminService, {}]),
  };
  const main = join(ROOT, 'services/simulator/replay/main.ts');
  const files = ['--commands', fileOf('commands.jsonl', TAKE), '--book', fileOf('book.csv', '1,1')];
  const args = ['--disable-warning=ExperimentalWarning', main, 'lobster', ...files];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { exitCode, output };
}

test("reports that cannot be followed end it, also when a take waits for its maker's", async () => {
  let answered = (): void => {};
  const isAnswered = new Promise<void>((resolve) => {
    answered = resolve;
  });
  const { exitCode, output } = await replay({
    async *submitOrders(requests) {
      for await (const { clientBatchId } of requests) {
        const fills = [{ tradeId: '1-1', price: '579.4', quantity: '4' }];
        const value = { order: {}, fills, sequence: 1n };
        yield { clientBatchId, results: [{ result: { case: 'placeOrder' as const, value } }] };
        answered();
      }
    },
    async *streamExecutionReports() {
      yield { message: { case: 'started' as const, value: {} } };
      await isAnswered;
      throw new OperatingError('RESUME_TOKEN_TOO_OLD', 'The token is older than what is kept.');
    },
  });
  expect(output).toBe(
    "The stream of the makers' reports cannot be followed: The token is older than what is kept.\n",
  );
  expect(exitCode).toBe(2);
}, 30_000);

test('fills that cannot be read end it', async () => {
  const { exitCode, output } = await replay({
    async *submitOrders(requests) {
      for await (const { clientBatchId } of requests) {
        const value = { order: { clientOrderId: 'x' }, duplicate: true, sequence: 1n };
        yield { clientBatchId, results: [{ result: { case: 'placeOrder' as const, value } }] };
      }
    },
    listFills: async () => {
      throw new OperatingError('ORDER_UNKNOWN', 'There is no such order.');
    },
  });
  expect(output).toBe('There is no such order.\n');
  expect(exitCode).toBe(2);
}, 30_000);

test('an order book that cannot be followed, or has a gap, ends it', async () => {
  const unknown = await replay(
    {},
    {
      // biome-ignore lint/correctness/useYield: it fails before it has anything to say
      async *streamOrderBook() {
        throw new OperatingError('INSTRUMENT_UNKNOWN', 'There is no instrument GOOG-USD.');
      },
    },
  );
  expect(unknown.output).toBe(
    'The stream of the order book of GOOG-USD cannot be followed: ' +
      'There is no instrument GOOG-USD.\n',
  );
  expect(unknown.exitCode).toBe(2);

  const gap = await replay(
    {
      async *submitOrders(requests) {
        for await (const { clientBatchId } of requests) {
          const value = { order: {}, sequence: 9n };
          yield { clientBatchId, results: [{ result: { case: 'placeOrder' as const, value } }] };
        }
      },
    },
    {
      async *streamOrderBook(_request, call) {
        yield { message: { case: 'snapshot' as const, value: { sequence: 1n } } };
        const updates = [{ sequence: 5n, previousSequence: 3n }];
        yield { message: { case: 'updates' as const, value: { updates } } };
        await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
      },
    },
  );
  expect(gap.output).toBe('The order book has a gap: at 1 comes what follows 3.\n');
  expect(gap.exitCode).toBe(2);
}, 30_000);
