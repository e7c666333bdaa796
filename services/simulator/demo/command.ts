// `npm run demo`: a market that lives for a minute, seen by a client of the public API.

import { Command, InvalidArgumentError } from 'commander';
import type { Balance } from '../../../gen/bourse/account/v1/account_pb.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { type Exchange, openExchange } from '../adapter/exchange.ts';
import { watchForInterrupt } from '../adapter/interrupt.ts';
import { accountsOf, prepareDemo, withdrawOrders } from './demo-market.ts';
import type { Picture } from './frame.ts';
import { MarketView } from './market-view.ts';
import { openScreen, type Screen } from './screen.ts';
import { pause, Trading } from './trading.ts';

const BALANCES_MS = 1_000;

type Options = {
  readonly seconds: number;
  readonly seed: number;
  readonly portOffset?: string;
  readonly dataFolder?: string;
};

/** The command line of the demo. */
export function createDemoCommand(): Command {
  return new Command('demo')
    .description('Makers and takers trade while you watch. Ctrl-C ends it.')
    .option('--seconds <n>', 'how long they trade', parseWhole(1, 86_400), 60)
    .option('--seed <n>', 'another number is another market', parseWhole(0, 2 ** 31 - 1), 1)
    .option('--port-offset <n>', 'added to every port of the exchange')
    .option('--data-folder <folder>', 'of an exchange that has to be started')
    .action(runDemo);
}

function parseWhole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    const isRight = Number.isInteger(number) && number >= least && number <= most;
    if (!isRight) throw new InvalidArgumentError(`It must be a whole number, ${least} to ${most}.`);
    return number;
  };
}

async function runDemo(options: Options): Promise<void> {
  const interrupt = watchForInterrupt();
  const { portOffset, dataFolder } = options;
  const args = [
    ...(portOffset === undefined ? [] : ['--port-offset', portOffset]),
    ...(dataFolder === undefined ? [] : ['--data-folder', dataFolder]),
  ];
  const say = (text: string): void => console.error(text);
  const exchange = await openExchange(args, say, interrupt.signal);
  try {
    if (!interrupt.signal.aborted) await trade(exchange, options, interrupt.signal);
  } finally {
    if (exchange.isOwn) say('Stopping the exchange.');
    await exchange.close();
    interrupt.release();
  }
}

async function trade(exchange: Exchange, options: Options, stop: AbortSignal): Promise<void> {
  const { seed, seconds } = options;
  const runId = `demo.${Date.now().toString(36)}`;
  const market = await prepareDemo(exchange, runId);
  await withdrawOrders(exchange, market); // what a demo that was killed has left
  const view = new MarketView(exchange, market);
  const trading = new Trading({ exchange, market, view, seed, runId });
  const balances = new Map<string, readonly Balance[]>();
  const endMs = performance.now() + seconds * 1_000;
  const picture = (): Picture => ({
    market,
    seed,
    secondsLeft: Math.max(0, Math.ceil((endMs - performance.now()) / 1_000)),
    ...trading.counts,
    tradeCount: view.tradeCount,
    bids: view.bids,
    asks: view.asks,
    tape: view.tape,
    balances,
  });

  const watching = new AbortController();
  const over = AbortSignal.any([stop, AbortSignal.timeout(seconds * 1_000), watching.signal]);
  const screen = openScreen();
  const fetch = (): Promise<void> => fetchBalances(exchange, accountsOf(market), balances);
  const following = view.follow(watching.signal);
  try {
    await Promise.race([
      following,
      Promise.all([trading.run(over), show(screen, picture, over), repeat(fetch, over)]),
    ]);
  } finally {
    const last = picture(); // before the quotes go
    watching.abort();
    await withdrawOrders(exchange, market).catch(ignoreUnavailable);
    await fetch().catch(ignoreUnavailable);
    screen.finish({ ...last, balances });
    await following.catch(() => {}); // told above if it mattered
  }
  console.log('\nThe demo is over; its quotes are withdrawn.');
}

async function show(screen: Screen, picture: () => Picture, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    screen.show(picture());
    await pause(screen.intervalMs, over);
  }
}

async function repeat(fetch: () => Promise<void>, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await fetch().catch(ignoreUnavailable);
    await pause(BALANCES_MS, over);
  }
}

/** Fills the map, in the order of the accounts. */
async function fetchBalances(
  exchange: Exchange,
  accountIds: readonly string[],
  into: Map<string, readonly Balance[]>,
): Promise<void> {
  const answers = await Promise.all(
    accountIds.map((accountId) => exchange.accounts.getBalances({ accountId })),
  );
  accountIds.forEach((accountId, i) => {
    into.set(accountId, answers[i]?.balances ?? []);
  });
}

/** The exchange may be restarting or gone: what is shown is older then, and nothing else. */
function ignoreUnavailable(error: unknown): void {
  if (!(error instanceof OperatingError)) throw error;
}
