// A long load at 70 % of the maximum: the memory of each process and the lag of settlement over
// time, and what either grows by in a minute.

import { pathToFileURL } from 'node:url';
import { connectPublicServices } from '../../services/lib/client/public-services.ts';
import { METRICS_PORT_DISTANCE } from '../../services/lib/platform/config/keys.ts';
import { startTestExchange, type TestExchange } from '../support/exchange.ts';
import { sayFigures, takeJsonOption } from './figures.ts';
import { type OpenFigures, offer } from './open-load.ts';
import { openOrderMarket } from './order-market.ts';
import { residentMb, slopeOf } from './process-costs.ts';
import { openRawOrders, type RawOrders } from './raw-orders.ts';
import { type Histogram, histogramBetween, quantileOf, scrape } from './scrape.ts';
import { measureUnary } from './unary-load.ts';

const DEFAULT_MINUTES = 10;
const SHARE = 0.7;
const CONCURRENCY = 256;
const MAXIMUM_MS = 4_000;
/** One line of the table. */
const SLICE_MS = 10_000;
const NODES = ['order', 'account-1', 'matching-1', 'matching-2', 'marketdata', 'coordinator'];
const LAG = 'bourse_settlement_lag';

type Say = (line: string) => void;
type Sample = {
  readonly minute: number;
  readonly acceptedPerS: number;
  readonly refusedPerS: number;
  readonly p99Ms: number;
  readonly lagP99Ms: number;
  /** In the order of `NODES`. */
  readonly memoryMb: readonly number[];
};

export async function benchSoak(
  args: readonly string[],
  minutes: number,
  say: Say,
): Promise<Record<string, number>> {
  const exchange = await startTestExchange({ args });
  const { addressOf } = exchange;
  const services = connectPublicServices({
    ...{ order: addressOf('order'), account: addressOf('account-1') },
    ...{ marketdata: addressOf('marketdata'), coordinators: [addressOf('coordinator')] },
  });
  const raw = openRawOrders(addressOf('order'));
  try {
    const market = await openOrderMarket({ ...services, isOwn: true, close: async () => {} });
    const maximum = await measureUnary(placeWith(raw, market.nextOrder), {
      concurrency: CONCURRENCY,
      durationMs: MAXIMUM_MS,
    });
    const offeredPerS = maximum.perS * SHARE;
    say(
      `${minutes} minutes at ${offeredPerS.toFixed(0)} orders/s, ${SHARE * 100} % of ` +
        `${maximum.perS.toFixed(0)}; half of the orders trade, none stays`,
    );
    say(
      'final orders are remembered for ten minutes of log time, at most four million (HLD-2), and',
    );
    say(
      'cost the account shard some 0.4 KB each: until the oldest are forgotten, that grows. In the',
    );
    say('first hundred thousand orders every process also takes the room in which it works.');
    say(`minute  accepted/s  refused/s  p99 ms  lag p99 ms  memory MB: ${NODES.join(', ')}`);
    const samples: Sample[] = [];
    const beganMs = performance.now();
    const endMs = beganMs + minutes * 60_000;
    let lag = await readLag(exchange);
    while (performance.now() < endMs) {
      const load = { offeredPerS, durationMs: SLICE_MS };
      const [slice] = await offer(raw, market, [load]);
      const { acceptedPerS, refusedPerS, p99Ms, failed } = slice as OpenFigures;
      if (failed > 0) throw new Error(`${failed} orders failed`);
      const lagNow = await readLag(exchange);
      const lagP99Ms = quantileOf(histogramBetween(lag, lagNow), 0.99) * 1_000;
      lag = lagNow;
      const minute = (performance.now() - beganMs) / 60_000;
      const memoryMb = NODES.map((node) => residentMb(exchange.launcher.processIdOf(node)) ?? 0);
      const sample = { minute, acceptedPerS, refusedPerS, p99Ms, lagP99Ms, memoryMb };
      saySample(sample, say);
      samples.push(sample);
    }
    return figuresOf(samples, offeredPerS, say);
  } finally {
    raw.close();
    services.close();
    await exchange.stop();
  }
}

function placeWith(raw: RawOrders, nextOrder: () => Parameters<RawOrders['place']>[0]) {
  return () => new Promise((resolve) => raw.place(nextOrder(), resolve));
}

async function readLag({ addressOf }: TestExchange): Promise<Histogram> {
  const port = Number(addressOf('account-1').split(':')[1]);
  return (await scrape(port + METRICS_PORT_DISTANCE)).histogram(LAG);
}

function saySample(sample: Sample, say: Say): void {
  const { minute, acceptedPerS, refusedPerS, p99Ms, lagP99Ms, memoryMb } = sample;
  const cells = [
    minute.toFixed(1).padStart(6),
    acceptedPerS.toFixed(0).padStart(12),
    refusedPerS.toFixed(0).padStart(11),
    p99Ms.toFixed(0).padStart(8),
    lagP99Ms.toFixed(0).padStart(12),
    memoryMb.map((mb) => mb.toFixed(0).padStart(6)).join(''),
  ];
  say(cells.join(''));
}

/** Growth counts in the second half: before it, caches and windows of memory fill. */
function figuresOf(
  samples: readonly Sample[],
  offeredPerS: number,
  say: Say,
): Record<string, number> {
  const half = samples.slice(Math.floor(samples.length / 2));
  const growth = NODES.map((_, index) =>
    slopeOf(half.map(({ minute, memoryMb }) => [minute, memoryMb[index] ?? 0])),
  );
  const lagGrowth = slopeOf(half.map(({ minute, lagP99Ms }) => [minute, lagP99Ms]));
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const ordersPerMinute = mean(half.map(({ acceptedPerS }) => acceptedPerS)) * 60;
  const bytesPerOrder = growth.map((mb) => (mb * 1_000_000) / Math.max(1, ordersPerMinute));
  NODES.forEach((node, index) => {
    const mb = (growth[index] ?? 0).toFixed(2).padStart(8);
    say(`${node.padEnd(14)}${mb} MB a minute, ${bytesPerOrder[index]?.toFixed(0)} bytes an order`);
  });
  say(`settlement lag${lagGrowth.toFixed(2).padStart(8)} ms a minute`);
  const named = NODES.flatMap((node, index) => {
    const name = node.replace('-', '_');
    return [
      [`${name}_mb_per_minute`, growth[index] ?? 0],
      [`${name}_bytes_per_order`, bytesPerOrder[index] ?? 0],
    ] as const;
  });
  return {
    minutes: samples.at(-1)?.minute ?? 0,
    offered_per_s: offeredPerS,
    accepted_per_s: mean(samples.map(({ acceptedPerS }) => acceptedPerS)),
    refused_per_s: mean(samples.map(({ refusedPerS }) => refusedPerS)),
    lag_p99_ms_worst: Math.max(...samples.map(({ lagP99Ms }) => lagP99Ms)),
    lag_ms_per_minute: lagGrowth,
    ...Object.fromEntries(named),
  };
}

/** `[--minutes N] [options of npm start] [--json [FILE]]` */
async function main(): Promise<void> {
  const { rest, file } = takeJsonOption(process.argv.slice(2));
  const at = rest.indexOf('--minutes');
  const minutes = at < 0 ? DEFAULT_MINUTES : Number(rest[at + 1]);
  if (!(minutes > 0)) throw new Error('--minutes must be a number above 0.');
  const args = at < 0 ? rest : rest.toSpliced(at, 2);
  const say: Say = (line) => process.stdout.write(`${line}\n`);
  sayFigures('soak', await benchSoak(args, minutes, say), file);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  main().then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`bench soak: ${error instanceof Error ? error.message : error}\n`);
      process.exit(1);
    },
  );
}
