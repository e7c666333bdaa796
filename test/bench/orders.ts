// Orders end to end (P2, P3): placements alone, 64 and 256 at a time against an echo of the same
// message, and batches on SubmitOrders until they are committed and settled.

import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type Exchange, openExchange } from '../../services/simulator/adapter/exchange.ts';
import { type BatchFigures, measureBatches } from './batch-load.ts';
import { type Echo, startEcho } from './echo.ts';
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
    say(`instrument ${market.instrumentId}; every order is a limit order; half of them trade.`);
    say('done = committed in both logs (fsync), answered to the client; settled where it says so.');
    say(`before that, orders and the echo ran ${WARM_UP_MS / 1000} s each, 64 at a time.`);
    const warmUp = { concurrency: 64, durationMs: WARM_UP_MS };
    await measureUnary(() => placeOne({ exchange, market }), warmUp);
    await measureUnary(echo.placeOrder, warmUp);
    await measureUnary(bare.placeOrder, warmUp);
    const unary: Unary[] = [];
    for (const concurrency of CONCURRENCIES) {
      unary.push(await compareUnary({ market, exchange, echo, bare }, concurrency, say));
    }
    const batches = await measureBatches(exchange, market);
    sayBatches(batches, say);
    return figuresOf(unary, batches);
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
};

async function compareUnary(
  { market, exchange, echo, bare }: Subjects,
  concurrency: number,
  say: (line: string) => void,
): Promise<Unary> {
  const load = { concurrency, durationMs: UNARY_MS };
  const echoed = await measureUnary(echo.placeOrder, load);
  const bareEchoed = await measureUnary(bare.placeOrder, { ...load, durationMs: UNARY_MS / 2 });
  const order = await measureUnary(() => placeOne({ exchange, market }), load);
  const ratio = (order.perS / echoed.perS) * 100;
  say(
    `PlaceOrder, ${concurrency} at a time: ${order.perS.toFixed(0)}/s, median ` +
      `${order.p50Ms.toFixed(2)} ms, p99 ${order.p99Ms.toFixed(2)} ms; echo ` +
      `${echoed.perS.toFixed(0)}/s, median ${echoed.p50Ms.toFixed(2)} ms (bare nice-grpc ` +
      `${bareEchoed.perS.toFixed(0)}/s): ${ratio.toFixed(0)} % of the echo, ` +
      `${(order.p50Ms / echoed.p50Ms).toFixed(1)} x its median`,
  );
  return { concurrency, echo: echoed, order };
}

async function placeOne({ exchange, market }: Pick<Subjects, 'exchange' | 'market'>) {
  const answer = await exchange.orders.placeOrder(market.nextOrder());
  if (answer.order === undefined || answer.order.rejectReason !== 0) {
    throw new Error(`an order was rejected: ${answer.order?.rejectReason}`);
  }
}

function sayBatches(batches: BatchFigures, say: (line: string) => void): void {
  say(
    `SubmitOrders, ${batches.streams} streams, batches of ${batches.batchSize}, ` +
      `${batches.orders} orders: ${batches.committedPerS.toFixed(0)}/s committed, ` +
      `${batches.settledPerS.toFixed(0)}/s settled; settlement lag p99 ` +
      `${batches.settlementLagP99Ms.toFixed(0)} ms`,
  );
}

function figuresOf(unary: readonly Unary[], batches: BatchFigures): Record<string, number> {
  const at = (concurrency: number) => unary.find((one) => one.concurrency === concurrency);
  const round = (value = 0) => Math.round(value * 1000) / 1000;
  return {
    unary_alone_p50_ms: round(at(1)?.order.p50Ms),
    echo_alone_p50_ms: round(at(1)?.echo.p50Ms),
    unary_64_per_s: round(at(64)?.order.perS),
    unary_256_per_s: round(at(256)?.order.perS),
    echo_64_per_s: round(at(64)?.echo.perS),
    echo_256_per_s: round(at(256)?.echo.perS),
    batch_committed_per_s: round(batches.committedPerS),
    batch_settled_per_s: round(batches.settledPerS),
    settlement_lag_p99_ms: round(batches.settlementLagP99Ms),
  };
}

/** Runs alone: `node test/bench/orders.ts [options of npm start] [--json [FILE]]`. */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const at = args.indexOf('--json');
  const next = at < 0 ? undefined : args[at + 1];
  const file = next === undefined || next.startsWith('--') ? undefined : next;
  const rest = at < 0 ? args : args.toSpliced(at, file === undefined ? 1 : 2);
  const figures = await benchOrders(rest, (line) => process.stdout.write(`${line}\n`));
  const line = JSON.stringify({ bench: 'orders', ...figures });
  if (file === undefined) process.stdout.write(`${line}\n`);
  else writeFileSync(file, `${line}\n`);
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
