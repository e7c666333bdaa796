// The command line against a whole mesh: what an operator and a trader type, and what they see.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CommanderError } from 'commander';
import type { Terminal } from '../../../services/cli/adapter/commands/command.ts';
import { createProgram, readJsonFile } from '../../../services/cli/adapter/program.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { freePort } from '../../support/ports.ts';
import { createMarket, limit } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

let mesh: Mesh;
let folder: string;
let portOffset: string;

beforeAll(async () => {
  mesh = await startMesh();
  portOffset = String(Number(mesh.addressOf('coordinator').split(':')[1]) - 7100);
  folder = mkdtempSync(join(tmpdir(), 'bourse-cli-'));
}, 90_000);

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await mesh.stop();
});

type Ran = { readonly out: string; readonly errors: string; readonly exitCode: number };
type Running = { readonly lines: string[]; readonly done: Promise<Ran>; interrupt(): void };

function start(args: readonly string[], answer?: boolean): Running {
  const lines: string[] = [];
  const errors: string[] = [];
  const interruption = new AbortController();
  let exitCode = 0;
  const terminal: Terminal = {
    write: (line) => lines.push(line),
    writeError: (line) => errors.push(line),
    confirm: answer === undefined ? undefined : async () => answer,
    interrupted: interruption.signal,
    setExitCode: (code) => {
      exitCode = code;
    },
  };
  const program = createProgram(terminal).exitOverride();
  for (const command of program.commands) command.exitOverride();
  const done = program
    .parseAsync(['node', 'bourse', '--port-offset', portOffset, ...args])
    .catch((error) => {
      if (!(error instanceof CommanderError)) throw error;
      exitCode = error.exitCode;
    })
    .then(() => ({ out: lines.join('\n'), errors: errors.join('\n'), exitCode }));
  return { lines, done, interrupt: () => interruption.abort() };
}

const run = (...args: string[]) => start(args).done;
const runJson = async (...args: string[]) => JSON.parse((await run('--json', ...args)).out);

function fileWith(change: (text: string) => string): string {
  const path = join(folder, 'venue.yaml');
  writeFileSync(path, change(readFileSync('deploy/venue.yaml', 'utf8')));
  return path;
}

test('LED-3 AUD-1: the ledger is audited, and a statement ends with the balance', async () => {
  await run('create-account', 'audited');
  const asset = 'AUDITED';
  await mesh.referenceAdmin.createAsset({ assetId: asset, displayName: asset, scale: 2 });
  await run('deposit', 'audited', asset, '10', '--id', 'one');
  await run('withdraw', 'audited', asset, '4', '--id', 'two');
  const statement = await run('ledger', '--csv', 'statement', 'audited');
  const [head, ...rows] = statement.out.split('\n').map((line) => line.split(','));
  expect(head).toEqual(['time', 'kind', 'asset', 'amount', 'balance', 'for', 'of']);
  expect(rows.map((row) => row.slice(1, 6))).toEqual([
    ['deposit', asset, '10', '10', 'one'],
    ['withdrawal', asset, '-4', '6', 'two'],
  ]);
  expect((await run('ledger', 'holds', 'audited')).out).toBe('none');
  expect((await run('ledger', 'positions', 'audited')).out).toBe('none');
  const future = await run('ledger', 'statement', 'audited', '--from', '2999-01-01');
  expect(future.out).toBe('none');

  const shown = await run('ledger', 'audit', '--full');
  expect(shown.exitCode).toBe(0);
  expect(shown.out).toMatch(/AUDITED +6 +0 +-6/);
  expect(shown.out).toMatch(/Conserved, over \d+ accounts. Every posting was compared/);
  const audit = await runJson('ledger', 'audit');
  expect(audit).toMatchObject({ conserved: true, accounts: expect.any(Number), breaks: [] });
});

test('an exchange that does not run is one sentence', async () => {
  const port = await freePort();
  const config = join(folder, 'elsewhere.yaml');
  writeFileSync(config, `marketdataPort: ${port}\n`);
  const { errors, exitCode } = await start([
    '--config',
    config,
    '--port-offset',
    '0',
    'book',
    'X-Y',
  ]).done;
  expect(errors).toBe(
    `The exchange did not answer (connect ECONNREFUSED 127.0.0.1:${port}). ` +
      'Is it running? npm start',
  );
  expect(exitCode).toBe(1);
});

describe('apply', () => {
  test('shows the difference, changes nothing unless told to, and may be repeated', async () => {
    const file = fileWith((text) => text);
    const dry = await run('apply', '-f', file, '--dry-run');
    expect(dry.out).toContain('+ asset USD, 8 decimal places\n');
    expect(dry.out).toContain('Nothing was changed.');
    const unasked = await run('apply', '-f', file);
    expect(unasked).toMatchObject({ exitCode: 1, errors: expect.stringContaining('--yes') });
    const declined = await start(['apply', '-f', file], false).done;
    expect(declined.out).toContain('Nothing was changed.');
    expect(await runJson('instruments')).toEqual({});

    const applied = await run('apply', '-f', file, '--yes');
    expect(applied).toMatchObject({ exitCode: 0, errors: '' });
    expect(applied.out).toContain('+ deposit 10 BTC to bob (venue-bob-btc)\n');
    expect(applied.out).toMatch(/10 applied\.$/);
    const again = await run('apply', '-f', file, '--yes');
    expect(again.out).toBe(`The exchange is as ${file} says.`);
  }, 60_000);

  test('changes rules and state, and refuses what is for life (REF-1)', async () => {
    const changed = fileWith((text) =>
      text.replace('tick_size: "0.01"', 'tick_size: "0.05"').replace('CONTINUOUS', 'CANCEL_ONLY'),
    );
    const applied = await start(['apply', '-f', changed], true).done;
    expect(applied.out.split('\n')).toEqual([
      '~ instrument BTC-USD: tick_size 0.01 -> 0.05',
      '~ instrument BTC-USD: state CONTINUOUS -> CANCEL_ONLY',
      '2 applied.',
    ]);
    const back = fileWith((text) => text);
    expect((await run('apply', '-f', back, '-y')).out).toContain('2 applied.');
    const impossible = fileWith((text) => text.replace('price_unit: "0.01"', 'price_unit: "0.02"'));
    const refused = await run('apply', '-f', impossible, '-y');
    expect(refused.exitCode).toBe(1);
    expect(refused.errors).toContain('has price_unit 0.01 for life');
  });
});

describe('an operator', () => {
  test('sees nodes, shards and their leaders', async () => {
    const { out } = await run('cluster');
    expect(out).toMatch(/^matching-1 +matching +\S+ +yes/m);
    expect(out).toMatch(/^account-1 +account +\d+ +account-1 +- +\d+ +\d+ +\d+ +[\d.]+ \w+$/m);
    const { table } = await runJson('cluster');
    expect(table.shards).toHaveLength(4);
    const file = join(folder, 'cluster.json');
    const written = start(readJsonFile(['cluster', '--json', file]));
    expect((await written.done).out).toBe('');
    expect(JSON.parse(readFileSync(file, 'utf8')).table.shards).toHaveLength(4);
  });

  test('MOV-2 MOV-8 MOV-10 adds a shard, moves a slot to it, and says what cannot be done', async () => {
    expect((await run('shards', 'add', 'matching-3')).out).toBe('matching-3 is added.');
    const moved = await run('slots', 'move', '7', '9-10', '--to', 'matching-3', '--watch');
    expect(moved.errors).toBe('');
    expect(moved.out.match(/to matching-3: DONE, paused for [\d.]+ ms$/gm)).toHaveLength(3);
    const list = await run('moves', 'list');
    expect(list.out).toMatch(/^3 +matching +10 +matching-\d +matching-3 +DONE/m);
    expect((await run('moves', 'cancel', '3')).errors).toContain('MOVE_NOT_CANCELABLE');
    expect((await run('slots', 'move', '--to', 'matching-3')).errors).toContain('FIELD_REQUIRED');
    expect((await run('leader', 'transfer', 'matching-1')).errors).toContain('NODE_NOT_STANDBY');
    const drained = await run('node', 'drain', 'account-1');
    expect(drained.out).toContain('account-1 stays there: no other node can take it over now.');
    expect((await run('node', 'drain', 'account-1', '--resume')).exitCode).toBe(0);
    expect((await run('rebalance')).out).toContain('Even enough: nothing to move.');
  }, 60_000);

  test('STA-1 halts and resumes an instrument, through an auction', async () => {
    const why = ['--reason', 'a test', '--by', 'ann'];
    const unsaid = await run('halt', 'ETH-USD');
    expect(unsaid.exitCode).toBe(1);
    expect(unsaid.errors).toContain("required option '--reason <text>'");
    expect((await run('halt', 'ETH-USD', ...why)).out).toBe('ETH-USD is HALTED.');
    expect((await run('instruments')).out).toMatch(/^ETH-USD +HALTED +0\.01 +0\.000001/m);
    const rejected = await run('place', 'bob', 'ETH-USD', 'sell', '1', '--price', '10');
    expect(rejected.out).toContain('REJECTED INSTRUMENT_STATE');
    const skipped = await run('state', 'continuous', '--instrument', 'ETH-USD', ...why);
    expect(skipped).toMatchObject({
      exitCode: 1,
      errors: 'INSTRUMENT_STATE: The instrument cannot go there from HALTED.',
    });
    const resumed = await run('resume', '--instrument', 'ETH-USD', '--seconds', '0', ...why);
    expect(resumed.errors).toMatch(/^TOO_LATE: /);
    const auction = await run('resume', '--instrument', 'ETH-USD', '--seconds', '1', ...why);
    expect(auction.out).toBe('ETH-USD is AUCTION.');
    await waitUntil(async () => /^ETH-USD +CONTINUOUS/m.test((await run('instruments')).out), {
      what: 'the auction to end',
    });
    expect((await run('instruments', 'ETH-USD')).out).toMatch(/^tick size +0\.01$/m);
    expect((await run('assets')).out).toMatch(/^BTC +9 +Bitcoin$/m);
  });
});

describe('an operator of all instruments', () => {
  const why = ['--reason', 'bad prices', '--by', 'ann'];

  test('STA-1 stops and starts all of them, and must say which', async () => {
    const stopped = await run('state', 'cancel_only', '--all', ...why);
    expect(stopped.out.split('\n').sort()).toEqual([
      'BTC-USD is CANCEL_ONLY.',
      'ETH-BTC is CANCEL_ONLY.',
      'ETH-USD is CANCEL_ONLY.',
    ]);
    const answers = (await run('--json', 'resume', '--all', ...why)).out.split('\n');
    const states = answers.map((line) => JSON.parse(line).instrument.state);
    expect(states).toEqual(new Array(3).fill('INSTRUMENT_STATE_CONTINUOUS'));
    const which = await run('halt', ...why);
    expect(which).toMatchObject({
      exitCode: 1,
      errors: 'Say which instrument, or --all for every one.',
    });
  });

  test('CXL-1 cancels what is open, by instrument or account', async () => {
    await run('place', 'bob', 'ETH-BTC', 'sell', '1', '--price', '0.5');
    await run('place', 'bob', 'ETH-BTC', 'sell', '1', '--price', '0.6');
    const unsaid = await run('cancel', '--instrument', 'ETH-BTC');
    expect(unsaid).toMatchObject({ exitCode: 1, errors: expect.stringContaining('--reason') });
    const one = await run('cancel', '--account', 'bob', '--side', 'buy', ...why);
    expect(one.out).toBe('Nothing was open.');
    const all = await run('cancel', '--instrument', 'ETH-BTC', ...why);
    expect(all.out).toBe('2 canceled in ETH-BTC.');
  });

  test('REF-2 bands and sessions are in the venue file; a schedule governs the state', async () => {
    const file = fileWith((text) =>
      text.replace(
        'state: CONTINUOUS',
        `state: CONTINUOUS
    reference_price: "50000"
    static_band_bps: 1000
    volatility_auction_duration: "5s"
    sessions:
      weekly:
        - days: [mon, tue, wed, thu, fri, sat, sun]
          changes: [{ at: "00:00", state: CONTINUOUS }]
      exceptions: [{ date: "2020-12-25" }]`,
      ),
    );
    const dry = await run('apply', '-f', file, '--dry-run');
    expect(dry.out).toContain('reference_price 0 -> 50000');
    expect(dry.out).toContain(
      'sessions none -> mon tue wed thu fri sat sun 00:00 CONTINUOUS; 2020-12-25 none',
    );
    expect((await run('apply', '-f', file, '-y')).exitCode).toBe(0);
    const shown = await run('instruments', 'BTC-USD');
    expect(shown.out).toMatch(/^static band bps +1000$/m);
    expect(shown.out).toMatch(/^sessions \(UTC\) +mon .* 00:00 CONTINUOUS; 2020-12-25 none$/m);
    expect((await run('apply', '-f', file, '-y')).out).toBe(`The exchange is as ${file} says.`);
    const none = fileWith((text) =>
      text.replace(
        'state: CONTINUOUS',
        'state: CONTINUOUS\n    sessions: {}\n    reference_price: "0"\n    static_band_bps: 0',
      ),
    );
    expect((await run('apply', '-f', none, '-y')).out).toContain('1 applied.');
  });
});

describe('a trader of other types', () => {
  test('TYP-3 TYP-4 TYP-5 places and amends stops and icebergs', async () => {
    const sell = (...more: string[]) => run('place', 'bob', 'ETH-BTC', 'sell', ...more);
    const iceberg = await sell('2', '--price', '0.7', '--show', '0.5', '--id', 'ice');
    expect(iceberg.out).toMatch(/ice .* ACTIVE$/m);
    expect((await run('book', 'ETH-BTC')).out).toMatch(/^ask +0\.7 +0\.5 +1$/m);
    const shown = await run('amend', 'bob', 'ETH-BTC', '--id', 'ice', '--show', '0.25');
    expect(shown).toMatchObject({ exitCode: 0, errors: '' });
    const stop = ['--type', 'stop_limit', '--stop-price', '0.4', '--price', '0.39'];
    const soon = ['--time-in-force', 'gtd', '--expire-seconds', '600'];
    const waiting = await sell('1', ...stop, ...soon, '--id', 'stop');
    expect(waiting.out).toMatch(/stop .* UNTRIGGERED$/m);
    const trailing = await sell('1', '--type', 'trailing_stop', '--trail', '50bps');
    expect(trailing.out).toContain('REJECTED NO_REFERENCE_PRICE');
    const canceled = await run('cancel-all', 'bob', '--instrument', 'ETH-BTC');
    expect(canceled.out).toBe('2 canceled.');
  });
});

describe('a trader', () => {
  test('deposits, trades and sees it on the tape, in the book and in the balances', async () => {
    const deposit = await run('deposit', 'alice', 'USD', '100000', '--id', 'first');
    expect(deposit.out).toMatch(/^USD +100000 +100000 +0$/m);
    const again = await run('deposit', 'alice', 'USD', '100000', '--id', 'first');
    expect(again.out).toMatch(/^first had happened before\.$/m);
    const watching = start(['watch', 'BTC-USD', '--count', '1']);
    await waitUntil(() => watching.lines[0] === 'following BTC-USD', { what: 'the tape' });

    const sold = await run(
      'place',
      'bob',
      'BTC-USD',
      'sell',
      '2',
      '--price',
      '50000',
      '--id',
      's1',
    );
    expect(sold.out).toMatch(/s1 +BTC-USD +sell +50000 +2 +0 +ACTIVE/);
    const bought = await run('place', 'alice', 'BTC-USD', 'buy', '1', '--price', '50000');
    expect(bought.out).toMatch(/buy +50000 +1 +1 +FILLED/);
    expect((await watching.done).out).toMatch(/BTC-USD {2}buy 1 at 50000 {2}1-\d+$/m);

    await waitUntil(async () => (await run('book', 'BTC-USD')).out.includes('50000'), {
      what: 'the book',
    });
    expect((await run('book', 'BTC-USD')).out).toMatch(/^ask +50000 +1 +1$/m);
    expect((await run('trades', 'BTC-USD')).out).toMatch(/buy +50000 +1$/m);
    expect((await run('ticker', 'BTC-USD')).out).toMatch(/^last +50000$/m);
    const { balances } = await runJson('balances', 'alice');
    expect(balances).toContainEqual({
      asset_id: 'USD',
      total: '49975',
      available: '49975',
      held: '0',
    });
    expect((await run('fills', 'alice')).out).toMatch(/buy +50000 +1 +taker +25 +USD$/m);
    expect((await run('postings', 'alice', '--asset', 'BTC')).out).toMatch(/trade +1 +BTC +1 /);
  }, 30_000);

  test('amends and cancels', async () => {
    expect((await run('orders', 'bob', '--open')).out).toMatch(/s1 +BTC-USD +sell +50000 +2 +1/);
    const amended = await run('amend', 'bob', 'BTC-USD', '--id', 's1', '--price', '60000');
    expect(amended.out).toMatch(/s1 +BTC-USD +sell +60000 +2 +1 +PARTIALLY_FILLED/);
    expect((await run('holds', 'bob')).out).toMatch(/s1 +BTC-USD +1 +BTC +confirmed/);
    const canceled = await run('cancel', 'bob', 'BTC-USD', '--id', 's1');
    expect(canceled.out).toMatch(/CANCELED OWNER/);
    await run('place', 'bob', 'BTC-USD', 'sell', '1', '--price', '70000');
    expect((await run('cancel-all', 'bob')).out).toBe('1 canceled.');
    expect((await run('withdraw', 'bob', 'ETH', '1')).out).toMatch(/^ETH +99 +99 +0$/m);
  });

  test('is told in one line what is wrong, with exit code 1', async () => {
    const poor = await run('withdraw', 'alice', 'BTC', '1000');
    expect(poor).toMatchObject({ exitCode: 1, out: '' });
    expect(poor.errors).toMatch(/^INSUFFICIENT_FUNDS: /);
    const json = await run('--json', 'balances', 'nobody');
    expect(JSON.parse(json.errors)).toMatchObject({ reason: 'ACCOUNT_UNKNOWN' });
    expect((await run('place', 'alice', 'BTC-USD', 'up', '1')).exitCode).toBe(1);
    expect((await run('cancel', 'alice', 'BTC-USD')).errors).toMatch(/--order or by --id/);
    expect((await run('apply', '-f', '/nowhere.yaml')).errors).toMatch(/cannot be read/);
    expect((await run('--help')).out).toContain('Usage: bourse');
    expect((await run('place', '--help')).out).toContain('client order id');
  });
});

// Last, as it brings a market of its own.
test('LED-4: a trade is taken back with a reason and a name, once', async () => {
  const market = await createMarket(mesh, { makerFeeBps: '0', takerFeeBps: '0' });
  const { quoteAssetId, baseAssetId } = market;
  for (const account of ['bust-buyer', 'bust-seller']) await run('create-account', account);
  await run('deposit', 'bust-buyer', quoteAssetId, '10');
  await run('deposit', 'bust-seller', baseAssetId, '1');
  await mesh.orders.placeOrder(limit(market, 'bust-seller', 'sell 1 at 10'));
  const { fills } = await mesh.orders.placeOrder(limit(market, 'bust-buyer', 'buy 1 at 10'));
  const tradeId = fills[0]?.tradeId ?? '';
  const bust = ['ledger', 'bust', tradeId, '--by', 'eve', '--reason'];
  const first = await run(...bust, 'fat finger');
  expect(first.out).toMatch(
    new RegExp(`^${tradeId} of .* is taken back, .*: fat finger \\(by eve\\)$`),
  );
  const again = await run(...bust, 'another');
  expect(again.out).toMatch(/was taken back before, .*: fat finger \(by eve\)$/);
  const statement = await run(
    'ledger',
    '--csv',
    'statement',
    'bust-buyer',
    '--asset',
    quoteAssetId,
  );
  const kinds = statement.out.split('\n').map((line) => line.split(',').slice(1, 5));
  expect(kinds.slice(1)).toEqual([
    ['deposit', quoteAssetId, '10', '10'],
    ['trade', quoteAssetId, '-10', '0'],
    ['bust', quoteAssetId, '10', '10'],
  ]);
  const unknown = await run('ledger', 'bust', '1-999999', '--reason', 'never was');
  expect(unknown).toMatchObject({ exitCode: 1, errors: expect.stringContaining('TRADE_UNKNOWN') });
});
