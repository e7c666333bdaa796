// Orders end to end (P2, P3): placements alone, 64 and 256 at a time against an echo of the same
// message, and batches on SubmitOrders until they are committed and settled; of each load what the
// stages took, what it cost each process, and the bytes of log.

import { pathToFileURL } from 'node:url';
import { type Exchange, openExchange } from '../../services/simulator/adapter/exchange.ts';
import { type BatchFigures, measureBatchEcho, measureBatches } from './batch-load.ts';
import { type Echo, startEcho } from './echo.ts';
import { CostReader, type Costs, costFigures, sayCosts } from './exchange-costs.ts';
import { sayFigures, takeJsonOption } from './figures.ts';
import { type OrderMarket, openOrderMarket } from './order-market.ts';
import { measureUnary, type UnaryFigures } from './unary-load.ts';

const UNARY_MS = 4_000;
/** Processes that have just started run code that no compiler has seen yet: ten times as slow. */
const WARM_UP_MS = 15_000;
const CONCURRENCIES = [1, 64, 256] as const;

type Unary = {
  readonly concurrency: number;
  readonly echo: UnaryFigures;
  readonly order: UnaryFigures;
  readonly costs: Costs;
};

/** Measures and prints; the figures that `performance.md` names are in the line of JSON. */
export async function benchOrders(
  exchangeArgs: readonly string[],
  say: (line: string) => void,
): Promise<Record<string, number>> {
  const exchange = await openExchange(exchangeArgs, say);
  const echo = await startEcho('mesh');
  const bare = await startEcho('bare');
  try {
    const market = await openOrderMarket(exchange);
    const reader = new CostReader(exchangeArgs);
    say(`instrument ${market.instrumentId}; every order is a limit order; half of them trade.`);
    say('done = committed in both logs (fsync), answered to the client; settled where it says so.');
    say(
      'stages: an order in the order service until its hold is asked for (edge), until the account',
    );
    say('shard has answered (hold), until the book has (propose), until gRPC has it (answer);');
    say(
      'in batches one order in sixteen is timed; append and apply are of the entries of all shards.',
    );
    say(`before that, orders and the echo ran ${WARM_UP_MS / 1000} s each, 64 at a time.`);
    const warmUp = { concurrency: 64, durationMs: WARM_UP_MS };
    await measureUnary(() => placeOne({ exchange, market }), warmUp);
    await measureUnary(echo.placeOrder, warmUp);
    await measureUnary(bare.placeOrder, warmUp);
    const unary: Unary[] = [];
    for (const concurrency of CONCURRENCIES) {
      unary.push(await compareUnary({ market, exchange, echo, bare, reader }, concurrency, say));
    }
    await measureBatchEcho(echo.submitOrders, market);
    const batchEcho = await measureBatchEcho(echo.submitOrders, market);
    const before = await reader.read();
    const batches = await measureBatches(exchange, market);
    const costs = reader.between(before, await reader.read());
    sayBatches(batches, batchEcho, say);
    sayCosts('SubmitOrders', costs, batches.orders, say);
    return {
      ...figuresOf(unary, batches),
      batch_echo_per_s: batchEcho,
      ...costFigures('batch', costs, batches.orders),
    };
  } finally {
    await echo.close();
    await bare.close();
    await exchange.close();
  }
}

type Subjects = {
  readonly market: OrderMarket;
  readonly exchange: Exchange;
  readonly echo: Echo;
  readonly bare: Echo;
  readonly reader: CostReader;
};

async function compareUnary(
  { market, exchange, echo, bare, reader }: Subjects,
  concurrency: number,
  say: (line: string) => void,
): Promise<Unary> {
  const load = { concurrency, durationMs: UNARY_MS };
  const echoed = await measureUnary(echo.placeOrder, load);
  const bareEchoed = await measureUnary(bare.placeOrder, { ...load, durationMs: UNARY_MS / 2 });
  let before = await reader.read();
  const order = await measureUnary(() => placeOne({ exchange, market }), {
    ...load,
    onWarm: async () => {
      before = await reader.read();
    },
  });
  const costs = reader.between(before, await reader.read());
  const ratio = (order.perS / echoed.perS) * 100;
  say(
    `PlaceOrder, ${concurrency} at a time: ${order.perS.toFixed(0)}/s, median ` +
      `${order.p50Ms.toFixed(2)} ms, p90 ${order.p90Ms.toFixed(2)}, p99 ` +
      `${order.p99Ms.toFixed(2)}, p99.9 ${order.p999Ms.toFixed(2)}; echo ` +
      `${echoed.perS.toFixed(0)}/s, median ${echoed.p50Ms.toFixed(2)} ms (bare nice-grpc ` +
      `${bareEchoed.perS.toFixed(0)}/s): ${ratio.toFixed(0)} % of the echo, ` +
      `${(order.p50Ms / echoed.p50Ms).toFixed(1)} x its median`,
  );
  sayCosts('of that', costs, order.calls, say);
  return { concurrency, echo: echoed, order, costs };
}

async function placeOne({ exchange, market }: Pick<Subjects, 'exchange' | 'market'>) {
  const answer = await exchange.orders.placeOrder(market.nextOrder());
  if (answer.order === undefined || answer.order.rejectReason !== 0) {
    throw new Error(`an order was rejected: ${answer.order?.rejectReason}`);
  }
}

function sayBatches(batches: BatchFigures, echo: number, say: (line: string) => void): void {
  say(
    `SubmitOrders, ${batches.streams} streams, batches of ${batches.batchSize}, ` +
      `${batches.orders} orders: ${batches.committedPerS.toFixed(0)}/s committed, ` +
      `${batches.settledPerS.toFixed(0)}/s settled; settlement lag p99 ` +
      `${batches.settlementLagP99Ms.toFixed(0)} ms; echo of the same batches ${echo.toFixed(0)}/s: ` +
      `${((batches.settledPerS / echo) * 100).toFixed(0)} % of it`,
  );
}

function figuresOf(unary: readonly Unary[], batches: BatchFigures): Record<string, number> {
  const at = (concurrency: number) => unary.find((one) => one.concurrency === concurrency);
  const costs = [at(1), at(64), at(256)].map((one) =>
    one === undefined ? {} : costFigures(nameOf(one), one.costs, one.order.calls),
  );
  return {
    unary_alone_p50_ms: at(1)?.order.p50Ms ?? 0,
    echo_alone_p50_ms: at(1)?.echo.p50Ms ?? 0,
    unary_64_per_s: at(64)?.order.perS ?? 0,
    unary_256_per_s: at(256)?.order.perS ?? 0,
    echo_64_per_s: at(64)?.echo.perS ?? 0,
    echo_256_per_s: at(256)?.echo.perS ?? 0,
    batch_committed_per_s: batches.committedPerS,
    batch_settled_per_s: batches.settledPerS,
    settlement_lag_p99_ms: batches.settlementLagP99Ms,
    ...Object.assign({}, ...costs),
  };
}

const nameOf = ({ concurrency }: Unary): string =>
  concurrency === 1 ? 'unary_alone' : `unary_${concurrency}`;

/** Runs alone: `node test/bench/orders.ts [options of npm start] [--json [FILE]]`. */
async function main(): Promise<void> {
  const { rest, file } = takeJsonOption(process.argv.slice(2));
  const figures = await benchOrders(rest, (line) => process.stdout.write(`${line}\n`));
  sayFigures('orders', figures, file);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  main().then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`bench orders: ${error instanceof Error ? error.message : error}\n`);
      process.exit(1);
    },
  );
}
