// Overload (LOG-10): orders offered at half, one, two and three times what the exchange can place,
// whether it answers or not, by clients that heed the hints of refusals and by clients that do
// not; what it takes, what it refuses, how long both and cancels take, and how soon it is itself
// again.

import { pathToFileURL } from 'node:url';
import { Side } from '../../gen/bourse/type/v1/order_pb.ts';
import { connectPublicServices } from '../../services/lib/client/public-services.ts';
import type { Exchange } from '../../services/simulator/adapter/exchange.ts';
import { startTestExchange, type TestExchange } from '../support/exchange.ts';
import { sayFigures, takeJsonOption } from './figures.ts';
import { type OpenFigures, offer, pause, quantile } from './open-load.ts';
import { type OrderMarket, openOrderMarket } from './order-market.ts';
import { processorMs } from './process-costs.ts';
import { openRawOrders, type RawOrders } from './raw-orders.ts';
import { measureUnary } from './unary-load.ts';

const HALF = 0.5;
/** Times the most, and whether clients wait for as long as a refusal asks them to. */
const LOADS = [
  { factor: HALF, heeds: false },
  { factor: 1, heeds: false },
  { factor: 1, heeds: true },
  { factor: 2, heeds: false },
  { factor: 2, heeds: true },
  { factor: 3, heeds: true },
  { factor: 3, heeds: false },
] as const;
const CLIENTS = 256;
const NODES = ['order', 'account-1', 'matching-1', 'matching-2', 'marketdata', 'coordinator'];
const CONCURRENCY = 256;
const MAXIMUM_MS = 2_500;
const LEVEL_MS = 6_000;
const QUIET_MS = 1_500;
const CANCEL_EVERY_MS = 50;
/** Recovered: the median of so many orders is no more than twice the usual one. */
const RECOVERED_RUN = 100;

type Say = (line: string) => void;
type Load = { readonly factor: number; readonly heeds: boolean };
type Level = OpenFigures & {
  readonly load: Load;
  /** Behind it, at half of the most. */
  readonly then: OpenFigures;
  /** The mean of what was the most before and after. */
  readonly mostPerS: number;
  readonly cancelsMs: readonly number[];
  /** Processor time of all processes of the exchange but PostgreSQL, and of who offers. */
  readonly exchangeMs: number;
  readonly senderMs: number;
};

export async function benchOverload(
  args: readonly string[],
  say: Say,
): Promise<Record<string, number>> {
  const own = await startTestExchange({ args });
  const exchange = connect(own);
  const raw = openRawOrders(own.addressOf('order'));
  try {
    const market = await openOrderMarket(exchange);
    say(`the most is measured before and after each load, ${CONCURRENCY} at a time;`);
    say('the sender and the exchange share this machine. Offered is what clients want placed, at');
    say(
      `an even rate. Hints heeded: of ${CLIENTS} clients each that is refused places nothing for as`,
    );
    say('long as it is asked to (grpc-retry-pushback-ms), and never what it would have placed');
    say(
      'meanwhile (withheld). Hints ignored: every order is sent, whatever became of those before.',
    );
    say(
      'x the most  hints    offered/s  accepted/s  of the most  refused/s  withheld/s  median ms  p99 ms  cancel p50  p99 ms',
    );
    const levels: Level[] = [];
    for (const load of LOADS) {
      const level = await runLevel({ own, exchange, raw, market }, load);
      sayLevel(level, say);
      levels.push(level);
    }
    const [usual, full] = levels as [Level, Level];
    const over = levels.at(-1) as Level;
    const recoverMs = recoveryOf(over.then, usual);
    say(
      `processor time: an accepted order ${acceptedUs(full).toFixed(0)} us, a refused one ` +
        `${refusedUs(full, over).toFixed(0)} us; who offers took ` +
        `${levels.map(senderShare).join(', ')} of a core`,
    );
    say(`after three times as much: as before within ${recoverMs.toFixed(0)} ms`);
    return {
      maximum_per_s: full.mostPerS,
      ...figuresOf(levels),
      recover_ms: recoverMs,
      accepted_processor_us: acceptedUs(full),
      accepted_per_processor_ratio_3x: acceptedUs(full) / acceptedUs(over),
      refused_processor_us: refusedUs(full, over),
    };
  } finally {
    raw.close();
    exchange.close();
    await own.stop();
  }
}

/** What the exchange does when clients wait for their answers. */
function measureMaximum(raw: RawOrders, market: OrderMarket) {
  const call = () =>
    new Promise<void>((resolve, reject) => {
      raw.place(market.nextOrder(), ({ outcome }) => {
        if (outcome === 'failed') reject(new Error('an order failed'));
        else resolve();
      });
    });
  return measureUnary(call, { concurrency: CONCURRENCY, durationMs: MAXIMUM_MS });
}

type Subjects = {
  readonly own: TestExchange;
  readonly exchange: Exchange;
  readonly raw: RawOrders;
  readonly market: OrderMarket;
};

/** Behind the load half of the most goes on, so that it can be seen when all is as usual. */
async function runLevel(subjects: Subjects, { factor, heeds }: Load): Promise<Level> {
  const { own, exchange, raw, market } = subjects;
  const count = Math.floor(LEVEL_MS / CANCEL_EVERY_MS);
  const resting = await restOrders(exchange, market, count);
  const { perS } = await measureMaximum(raw, market);
  await pause(QUIET_MS);
  const cancelsMs: number[] = [];
  const began = performance.now();
  const canceling = Promise.all(
    resting.map(async (request, index) => {
      await pause(Math.max(0, began + index * CANCEL_EVERY_MS - performance.now()));
      const sentMs = performance.now();
      await exchange.orders.cancelOrder(request);
      cancelsMs.push(performance.now() - sentMs);
    }),
  );
  const before = readProcessor(own);
  const clients = heeds ? { heedingClients: CLIENTS } : {};
  const load = { offeredPerS: perS * factor, durationMs: LEVEL_MS, ...clients };
  const rest = { offeredPerS: perS * HALF, durationMs: LEVEL_MS / 2 };
  const offered = offer(raw, market, [load, rest]);
  await pause(LEVEL_MS);
  const after = readProcessor(own);
  const [figures, then] = (await offered) as [OpenFigures, OpenFigures];
  await canceling;
  const again = await measureMaximum(raw, market);
  return {
    ...figures,
    then,
    mostPerS: (perS + again.perS) / 2,
    load: { factor, heeds },
    cancelsMs,
    exchangeMs: after.exchangeMs - before.exchangeMs,
    senderMs: after.senderMs - before.senderMs,
  };
}

function readProcessor({ launcher }: TestExchange) {
  const { user, system } = process.cpuUsage();
  const exchangeMs = NODES.reduce((sum, id) => sum + processorMs(launcher.processIdOf(id)), 0);
  return { exchangeMs, senderMs: (user + system) / 1_000 };
}

function connect({ addressOf }: TestExchange): Exchange {
  const services = connectPublicServices({
    ...{ order: addressOf('order'), account: addressOf('account-1') },
    ...{ marketdata: addressOf('marketdata'), coordinators: [addressOf('coordinator')] },
  });
  return { ...services, isOwn: true, close: async () => services.close() };
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

function sayLevel(level: Level, say: Say): void {
  const { offeredPerS, acceptedPerS, refusedPerS, failed, p50Ms, p99Ms, cancelsMs } = level;
  const cells: readonly (readonly [number, number])[] = [
    [offeredPerS, 11],
    [acceptedPerS, 12],
    [(acceptedPerS / level.mostPerS) * 100, 13],
    [refusedPerS, 11],
    [level.withheldPerS, 12],
    [p50Ms, 11],
    [p99Ms, 8],
    [quantile(cancelsMs, 0.5), 12],
    [quantile(cancelsMs, 0.99), 8],
  ];
  const { factor, heeds } = level.load;
  const texts = cells.map(([value, width]) => value.toFixed(0).padStart(width));
  const what = `${String(factor).padStart(10)}  ${heeds ? 'heeded ' : 'ignored'}`;
  say(`${what}${texts.join('')}${failed === 0 ? '' : `  ${failed} failed`}`);
}

/** From the end of the overload on: until the median of the next orders is as usual. */
function recoveryOf({ accepted }: OpenFigures, usual: Level): number {
  const orders = accepted.toSorted(([one], [other]) => one - other);
  const [beganMs = 0] = orders[0] ?? [];
  for (let at = 0; at + RECOVERED_RUN <= orders.length; at++) {
    const latencies = orders.slice(at, at + RECOVERED_RUN).map(([, latencyMs]) => latencyMs);
    const dueMs = orders[at]?.[0] ?? beganMs;
    if (quantile(latencies, 0.5) <= 2 * usual.p50Ms) return dueMs - beganMs;
  }
  return LEVEL_MS / 2;
}

/** At the maximum: batches make it cheaper than below. */
function acceptedUs({ exchangeMs, acceptedPerS }: Level): number {
  return (exchangeMs * 1_000) / Math.max(1, (acceptedPerS * LEVEL_MS) / 1_000);
}

/** What the exchange spent beyond what its accepted orders cost. */
function refusedUs(full: Level, over: Level): number {
  const refused = (over.refusedPerS * LEVEL_MS) / 1_000;
  const accepted = (over.acceptedPerS * LEVEL_MS) / 1_000;
  const restUs = over.exchangeMs * 1_000 - acceptedUs(full) * accepted;
  return Math.max(0, restUs) / Math.max(1, refused);
}

const senderShare = ({ senderMs }: Level): string =>
  `${((senderMs / LEVEL_MS) * 100).toFixed(0)} %`;

function figuresOf(levels: readonly Level[]): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const level of levels) {
    const { factor, heeds } = level.load;
    const at = `${String(factor).replace('.', '_')}x${heeds ? '_heeded' : ''}`;
    figures[`accepted_ratio_${at}`] = level.acceptedPerS / level.mostPerS;
    figures[`refused_per_s_${at}`] = level.refusedPerS;
    if (heeds) figures[`withheld_per_s_${at}`] = level.withheldPerS;
    figures[`failed_${at}`] = level.failed;
    figures[`accepted_p50_ms_${at}`] = level.p50Ms;
    figures[`accepted_p99_ms_${at}`] = level.p99Ms;
    figures[`cancel_p50_ms_${at}`] = quantile(level.cancelsMs, 0.5);
    figures[`cancel_p99_ms_${at}`] = quantile(level.cancelsMs, 0.99);
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
