// Snapshots in the real mesh: written by processes of their own, taken over at the next start.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { createAccount, createMarket, limit, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

const NODES = ['account-1', 'matching-1', 'matching-2'];

let mesh: Mesh;
let database: pg.Client;
let market: Market;
let buyer: string;
let seller: string;

beforeAll(async () => {
  mesh = await startMesh({ env: { BOURSE_SNAPSHOT_COMMANDS: '5' } });
  database = new pg.Client({ connectionString: mesh.databaseUrl });
  await database.connect();
  market = await createMarket(mesh);
  buyer = await createAccount(mesh, { [market.quoteAssetId]: '100000' });
  seller = await createAccount(mesh, { [market.baseAssetId]: '1000' });
}, 120_000);
afterAll(async () => {
  await database?.end();
  await mesh?.stop();
}, 30_000);

/** Orders that trade and orders that stay open. */
async function trade(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await mesh.orders.placeOrder(limit(market, seller, `sell 1 at ${100 + (index % 3)}`));
    await mesh.orders.placeOrder(limit(market, buyer, `buy 0.6 at ${100 + (index % 3)}`));
    await mesh.orders.placeOrder(limit(market, buyer, `buy 1 at ${90 - (index % 5)}`));
  }
}

/** Everything that clients see of the accounts and of the book, once settlement has caught up. */
const everythingSeen = () => waitUntil(readEverything, { what: 'reads to be answered' });

async function readEverything() {
  const ofAccounts = [];
  for (const accountId of [buyer, seller]) {
    ofAccounts.push(
      await mesh.accounts.getBalances({ accountId }),
      await mesh.accounts.listPostings({ accountId, pageSize: 500 }),
      await mesh.orders.listOrders({ accountId, pageSize: 500 }),
      await mesh.orders.listFills({ accountId, pageSize: 500 }),
    );
  }
  const { instrumentId } = market;
  const book = await mesh.marketData.getOrderBook({ instrumentId, depth: 50 });
  return { ofAccounts, bids: book.bids, asks: book.asks };
}

async function restart(signal: NodeJS.Signals): Promise<void> {
  await Promise.all(NODES.map((nodeId) => mesh.kill(nodeId, signal)));
  await Promise.all(NODES.map((nodeId) => mesh.start(nodeId)));
}

/** Of a shard of accounts and of the book's. */
async function hasSnapshots(): Promise<boolean> {
  const { rows } = await database.query(
    `SELECT DISTINCT split_part(shard_id, '-', 1) AS kind FROM shard_snapshot
     WHERE row_count IS NOT NULL`,
  );
  return rows.length === 2;
}

describe('snapshots in the mesh', () => {
  test('SNAP-2, SNAP-3, LOG-11: they are written while trading goes on, and the next start takes one over', async () => {
    await trade(3);
    const early = limit(market, buyer, 'buy 1 at 80');
    const placed = await mesh.orders.placeOrder(early);
    await restart('SIGTERM');
    await waitUntil(hasSnapshots, { what: 'snapshots', deadlineMs: 60_000 });
    await trade(2);
    const before = await everythingSeen();
    await restart('SIGKILL');
    expect(mesh.logOf('account-1')).toMatch(/account-\d starts from the snapshot of entry \d+/);
    expect(NODES.map((id) => mesh.logOf(id)).join('')).toMatch(/matching-\d starts from the snap/);
    expect(await everythingSeen()).toEqual(before);
    // An order from before the snapshot is answered as it was, and not placed again.
    const again = await mesh.orders.placeOrder(early);
    expect(again.order?.orderId).toBe(placed.order?.orderId);
    expect(await everythingSeen()).toEqual(before);
    await trade(1);
  }, 120_000);

  test("SNAP-4: settlement says in the books' logs how far it has come", async () => {
    const confirmed = async (): Promise<readonly string[]> => {
      const { rows } = await database.query(
        'SELECT DISTINCT consumer FROM log_consumer WHERE entry_index > 0 ORDER BY consumer',
      );
      return rows.map(({ consumer }) => consumer as string);
    };
    await waitUntil(async () => (await confirmed()).includes('settlement of account-1'), {
      what: 'settlement to be confirmed',
      deadlineMs: 30_000,
    });
  }, 60_000);

  test('SNAP-3: damaged ones are passed over with a warning, and nothing is missing', async () => {
    const before = await everythingSeen();
    await Promise.all(NODES.map((nodeId) => mesh.kill(nodeId)));
    await database.query(`UPDATE shard_snapshot_row SET content = set_byte(content,
      length(content) / 2, 255 - get_byte(content, length(content) / 2))`);
    await Promise.all(NODES.map((nodeId) => mesh.start(nodeId)));
    expect(mesh.logOf('account-1')).toMatch(/a snapshot of account-\d was passed over/);
    expect(mesh.logOf('account-1')).not.toContain('starts from the snapshot');
    expect(await everythingSeen()).toEqual(before);
    await trade(1);
  }, 120_000);
});
