// A recorded day goes on while processes are killed: nothing that was acknowledged is lost, nothing
// happens twice, and takes, books and balances come out as if nothing had happened (LOG-5, LOG-11,
// HLD-2, SET-1, LED-2).

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  connectPublicServices,
  type PublicServices,
  readAddresses,
} from '../../services/lib/client/public-services.ts';
import { startTestExchange, type TestExchange } from '../support/exchange.ts';
import {
  beginningOfDay,
  hasLobsterDay,
  type ReplayOutcome,
  removeReplayFiles,
  runReplay,
  SKIPPED_BECAUSE,
} from '../support/lobster.ts';
import { waitUntil } from '../support/wait.ts';

const DEADLINE_MS = 240_000;
const LINES = 30_000;

let exchange: TestExchange;
let services: PublicServices;
beforeAll(async () => {
  exchange = await startTestExchange();
  const offset = String(exchange.launcher.portOffset);
  services = connectPublicServices(readAddresses(['--port-offset', offset]));
}, DEADLINE_MS);
afterAll(async () => {
  services?.close();
  removeReplayFiles();
  await exchange?.stop();
}, DEADLINE_MS);

if (!hasLobsterDay) console.warn(SKIPPED_BECAUSE);
const testWithDay = hasLobsterDay ? test : test.skip;

/** Kills processes without warning and waits until others run in their place. */
async function kill(nodeIds: readonly string[]): Promise<void> {
  const { launcher } = exchange;
  const before = nodeIds.map((nodeId) => launcher.processIdOf(nodeId));
  for (const processId of before) if (processId !== undefined) process.kill(processId, 'SIGKILL');
  const isBack = () =>
    nodeIds.every((nodeId, i) => {
      const processId = launcher.processIdOf(nodeId);
      return processId !== undefined && processId !== before[i];
    });
  await waitUntil(isBack, { what: `${nodeIds.join(', ')} to run again`, deadlineMs: 30_000 });
}

async function tradesIn(instrumentId: string): Promise<number> {
  try {
    return Number((await services.marketData.getTicker({ instrumentId })).ticker?.tradeCount ?? 0);
  } catch {
    return 0; // not there yet, or just killed
  }
}

/** Replays with kills at given numbers of trades, each a list of victims. */
async function replayWithKills(
  instrumentId: string,
  kills: readonly (readonly [trades: number, victims: readonly string[]])[],
): Promise<ReplayOutcome> {
  const { commands, book } = beginningOfDay(LINES);
  const args = ['lobster', '--commands', commands, '--book', book, '--instrument', instrumentId];
  const replay = runReplay([...args, '--batch', '50'], exchange.launcher.portOffset);
  let isOver = false;
  void replay.finally(() => {
    isOver = true;
  });
  for (const [trades, victims] of kills) {
    const options = { what: `${trades} trades`, deadlineMs: 60_000 };
    await waitUntil(async () => isOver || (await tradesIn(instrumentId)) >= trades, options);
    expect(isOver).toBe(false);
    await kill(victims);
  }
  const outcome = await replay;
  // Rows may be unseen after a death; anything else must agree, and the output says what did not.
  const { takes_differ: takes, rows_differ: rows, refused } = outcome.json;
  if (takes !== 0 || rows !== 0 || refused !== 0) throw new Error(outcome.output);
  return outcome;
}

/** What both accounts have of an asset together, and that nothing is held any more. */
async function totals(instrumentId: string): Promise<Record<string, bigint>> {
  const sums: Record<string, bigint> = {};
  for (const role of ['maker', 'taker']) {
    const accountId = `replay-${role}.${instrumentId}`;
    await services.orders.cancelAllOrders({ accountId, instrumentId });
    const { balances } = await services.accounts.getBalances({ accountId });
    for (const { assetId, total, held } of balances) {
      expect(held).toBe('0');
      const [whole = '0', fraction = ''] = total.split('.');
      sums[assetId] = (sums[assetId] ?? 0n) + BigInt(whole + fraction.padEnd(8, '0'));
    }
  }
  return sums;
}

describe('a day replayed while processes die', () => {
  testWithDay(
    'LOG-5 LOG-11 HLD-2 SET-1 has the same takes, books and balances as one without deaths',
    async () => {
      const quiet = await replayWithKills('GOOGA-USD', []);
      expect(quiet.output).toContain('commands');
      expect(quiet.json).toMatchObject({ takes_differ: 0, rows_differ: 0, refused: 0 });
      const killed = await replayWithKills('GOOGB-USD', [
        [30, ['matching-1', 'matching-2']],
        [100, ['account-1']],
        [200, ['order']],
      ]);
      expect(killed.json).toMatchObject({
        takes_agreed: quiet.json['takes_agreed'],
        takes_differ: 0,
        rows_differ: 0,
        refused: 0,
      });
      const [calm, rough] = [await totals('GOOGA-USD'), await totals('GOOGB-USD')];
      expect(rough['USD']).toBe(calm['USD']);
      expect(rough['GOOGB']).toBe(calm['GOOGA']);
    },
    DEADLINE_MS,
  );
});
