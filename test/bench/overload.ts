// Overload (LOG-10): orders offered at half, one, two and three times what the exchange can place,
// whether it answers or not; what it takes, what it refuses, how long both and cancels take, and
// how soon it is itself again.

import { pathToFileURL } from 'node:url';
import { Side } from '../../gen/bourse/type/v1/order_pb.ts';
import { readAddresses } from '../../services/lib/client/public-services.ts';
import { type Exchange, openExchange } from '../../services/simulator/adapter/exchange.ts';
import { sayFigures, takeJsonOption } from './figures.ts';
import { type OpenFigures, offer, pause, quantile } from './open-load.ts';
import { type OrderMarket, openOrderMarket } from './order-market.ts';
import { openRawOrders, type RawOrders } from './raw-orders.ts';
import { measureUnary } from './unary-load.ts';

const FACTORS = [0.5, 1, 2, 3] as const;
const CONCURRENCY = 256;
const MAXIMUM_MS = 4_000;
const LEVEL_MS = 6_000;
const QUIET_MS = 1_500;
const CANCEL_EVERY_MS = 50;
/** Recovered: so many orders in a row were accepted in no more than twice the usual time. */
const RECOVERED_RUN = 100;

type Say = (line: string) => void;
type Level = OpenFigures & { readonly factor: number; readonly cancelsMs: readonly number[] };

export async function benchOverload(
  args: readonly string[],
  say: Say,
): Promise<Record<string, number>> {
  const exchange = await openExchange(args, say);
  const raw = openRawOrders(readAddresses(args).order);
  try {
    const market = await openOrderMarket(exchange);
    const { perS, p50Ms, p99Ms } = await measureMaximum(raw, market);
    say(
      `the most, ${CONCURRENCY} at a time: ${perS.toFixed(0)}/s, median ${p50Ms.toFixed(0)} ms, ` +
        `p99 ${p99Ms.toFixed(0)} ms; the sender and the exchange share this machine`,
    );
    say('offered/s   accepted/s  of the most  refused/s  median ms  p99 ms  cancel p50  p99 ms');
    const levels: Level[] = [];
    for (const factor of FACTORS) {
      await pause(QUIET_MS);
      const level = await runLevel({ exchange, raw, market }, factor, perS);
      sayLevel(level, perS, say);
      levels.push(level);
    }
    const usual = levels[0] as Level;
    const recoverMs = await measureRecovery(raw, market, perS * FACTORS[0], usual);
    say(`after three times as much: as before within ${recoverMs.toFixed(0)} ms`);
    return { maximum_per_s: perS, ...figuresOf(levels, perS), recover_ms: recoverMs };
  } finally {
    raw.close();
    await exchange.close();
  }
}

/** What the exchange does when clients wait for their answers. */
function measureMaximum(raw: RawOrders, market: OrderMarket) {
  const call = () =>
    new Promise<void>((resolve, reject) => {
      raw.place(market.nextOrder(), (outcome) => {
        if (outcome === 'failed') reject(new Error('an order failed'));
        else resolve();
      });
    });
  return measureUnary(call, { concurrency: CONCURRENCY, durationMs: MAXIMUM_MS });
}

type Subjects = {
  readonly exchange: Exchange;
  readonly raw: RawOrders;
  readonly market: OrderMarket;
};

async function runLevel(subjects: Subjects, factor: number, perS: number): Promise<Level> {
  const { exchange, raw, market } = subjects;
  const count = Math.floor(LEVEL_MS / CANCEL_EVERY_MS);
  const resting = await restOrders(exchange, market, count);
  const cancelsMs: number[] = [];
  const began = performance.now();
  const canceling = Promise.all(
    resting.map(async (request, index) => {
      await pause(began + index * CANCEL_EVERY_MS - performance.now());
      const sentMs = performance.now();
      await exchange.orders.cancelOrder(request);
      cancelsMs.push(performance.now() - sentMs);
    }),
  );
  const load = { offeredPerS: perS * factor, durationMs: LEVEL_MS };
  const figures = await offer(raw, market, load);
  await canceling;
  return { ...figures, factor, cancelsMs };
}

/** Orders far from the market, and the requests that cancel them. */
async function restOrders(exchange: Exchange, market: OrderMarket, count: number) {
  const requests = Array.from({ length: count }, async () => {
    const order = { ...market.nextOrder(), side: Side.SELL, price: '9999' };
    await exchange.orders.placeOrder(order);
    const { accountId, clientOrderId, instrumentId } = order;
    const id = { case: 'clientOrderId' as const, value: clientOrderId };
    return { accountId, order: { instrumentId, id } };
  });
  return await Promise.all(requests);
}

function sayLevel(level: Level, perS: number, say: Say): void {
  const { offeredPerS, acceptedPerS, refusedPerS, failed, p50Ms, p99Ms, cancelsMs } = level;
  const cells: readonly (readonly [number, number])[] = [
    [offeredPerS, 9],
    [acceptedPerS, 13],
    [refusedPerS, 22],
    [p50Ms, 11],
    [p99Ms, 8],
    [quantile(cancelsMs, 0.5), 12],
    [quantile(cancelsMs, 0.99), 8],
  ];
  const texts = cells.map(([value, width]) => value.toFixed(0).padStart(width));
  const part = `${((acceptedPerS / perS) * 100).toFixed(0)} %`;
  texts[2] = part.padStart(11) + (texts[2] ?? '').slice(11);
  say(`${texts.join('')}${failed === 0 ? '' : `  ${failed} failed`}`);
}

/** From the end of the overload on, half the load: until orders take no longer than before. */
async function measureRecovery(
  raw: RawOrders,
  market: OrderMarket,
  offeredPerS: number,
  usual: Level,
): Promise<number> {
  const beganMs = performance.now();
  const { accepted } = await offer(raw, market, { offeredPerS, durationMs: LEVEL_MS / 2 });
  const orders = accepted.toSorted(([one], [other]) => one - other);
  let run = 0;
  let firstMs = beganMs;
  for (const [dueMs, latencyMs] of orders) {
    run = latencyMs <= 2 * usual.p99Ms ? run + 1 : 0;
    if (run === 1) firstMs = dueMs;
    if (run >= RECOVERED_RUN) return Math.max(0, firstMs - beganMs);
  }
  return LEVEL_MS / 2;
}

function figuresOf(levels: readonly Level[], perS: number): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const level of levels) {
    const at = String(level.factor).replace('.', '_');
    figures[`accepted_ratio_${at}x`] = level.acceptedPerS / perS;
    figures[`refused_per_s_${at}x`] = level.refusedPerS;
    figures[`failed_${at}x`] = level.failed;
    figures[`accepted_p50_ms_${at}x`] = level.p50Ms;
    figures[`accepted_p99_ms_${at}x`] = level.p99Ms;
    figures[`cancel_p50_ms_${at}x`] = quantile(level.cancelsMs, 0.5);
    figures[`cancel_p99_ms_${at}x`] = quantile(level.cancelsMs, 0.99);
  }
  return figures;
}

/** Runs alone: `node test/bench/overload.ts [options of npm start] [--json [FILE]]`. */
async function main(): Promise<void> {
  const { rest, file } = takeJsonOption(process.argv.slice(2));
  const say: Say = (line) => process.stdout.write(`${line}\n`);
  sayFigures('overload', await benchOverload(rest, say), file);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  main().then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`bench overload: ${error instanceof Error ? error.message : error}\n`);
      process.exit(1);
    },
  );
}
