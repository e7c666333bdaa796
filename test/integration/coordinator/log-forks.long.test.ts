// A shard's log that has lost its end while nobody led it: the database was put back to an earlier
// state. What the coordinator and the followers have seen keeps it from being led (LOG-12).

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { type ShardReport, ShardRole } from '../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { OrderStatus } from '../../../gen/bourse/type/v1/order_pb.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { createAccount, createMarket, limit, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

type Place = { readonly entryIndex: number; readonly chainChecksum: string };

let mesh: Mesh;
let market: Market;
let buyer: string;
let seller: string;
let database: pg.Client;
/** Of the node that does not serve before its log is repaired. */
let started: Promise<void>;

beforeAll(async () => {
  mesh = await startMesh();
  market = await createMarket(mesh);
  buyer = await createAccount(mesh, { [market.quoteAssetId]: '1000000' });
  seller = await createAccount(mesh, { [market.baseAssetId]: '1000' });
  database = new pg.Client({ connectionString: mesh.databaseUrl });
  await database.connect();
  await database.query('CREATE TABLE lost AS SELECT * FROM log_entry WHERE false');
}, 90_000);

afterAll(async () => {
  await database.end();
  await mesh.stop();
});

const cluster = () => mesh.clientAt(ClusterAdminService, 'coordinator').getCluster({});

async function reportOf(nodeId: string): Promise<ShardReport | undefined> {
  const { statuses } = await cluster();
  return statuses.find((status) => status.nodeId === nodeId)?.shards[0];
}

async function trade(): Promise<OrderStatus | undefined> {
  await mesh.orders.placeOrder(limit(market, seller, 'sell 1 at 100'));
  const bought = await mesh.orders.placeOrder(limit(market, buyer, 'buy 1 at 100'));
  return bought.order?.status;
}

/** The matching shard of the market, which its node is named after. */
async function shardOfMarket(): Promise<string> {
  const { rows } = await database.query(
    `SELECT shard_id FROM log_entry WHERE shard_id LIKE 'matching-%'
     ORDER BY entry_index DESC LIMIT 1`,
  );
  return rows[0].shard_id;
}

async function endOf(shardId: string): Promise<Place> {
  const { rows } = await database.query(
    `SELECT entry_index, encode(chain_checksum, 'hex') AS sum FROM log_entry
     WHERE shard_id = $1 ORDER BY entry_index DESC LIMIT 1`,
    [shardId],
  );
  return { entryIndex: Number(rows[0].entry_index), chainChecksum: rows[0].sum };
}

async function loseEntry(shardId: string, entryIndex: number): Promise<void> {
  await database.query(
    `WITH gone AS (DELETE FROM log_entry WHERE shard_id = $1 AND entry_index = $2 RETURNING *)
     INSERT INTO lost SELECT * FROM gone`,
    [shardId, entryIndex],
  );
}

/** What an operator does who has found the lost entry again. */
async function repair(): Promise<void> {
  await database.query(
    'WITH found AS (DELETE FROM lost RETURNING *) INSERT INTO log_entry SELECT * FROM found',
  );
  await database.query('UPDATE log_shard SET fork = NULL');
}

/** Ends a node without a word once the coordinator has heard of its log's end. */
async function killAtEnd(nodeId: string): Promise<Place> {
  await waitUntil(
    async () =>
      Number((await reportOf(nodeId))?.appliedEntryIndex) === (await endOf(nodeId)).entryIndex,
    { what: `the coordinator to know the end of ${nodeId}` },
  );
  const end = await endOf(nodeId);
  await mesh.kill(nodeId);
  return end;
}

/** What a node says whose log has lost its end: it ends itself, and says it when started again. */
async function faultOf(nodeId: string): Promise<string> {
  await expect(mesh.start(nodeId)).rejects.toThrow('LOG_FORKED');
  started = mesh.start(nodeId);
  return waitUntil(
    async () => {
      const report = await reportOf(nodeId);
      return report?.role === ShardRole.FAILED && report.fault !== '' ? report.fault : undefined;
    },
    { what: `${nodeId} to say why it does not lead`, deadlineMs: 30_000 },
  );
}

describe('LOG-12: a shard whose log lacks what somebody has seen is not led', () => {
  let shardId: string;

  beforeEach(async () => {
    expect(await waitUntil(trade, { what: 'a trade', deadlineMs: 30_000 })).toBe(
      OrderStatus.FILLED,
    );
    shardId = await shardOfMarket();
  });

  test('when the coordinator has seen it: both places are named, until it is repaired', async () => {
    const end = await killAtEnd(shardId);
    await loseEntry(shardId, end.entryIndex);
    const left = await endOf(shardId);
    const fault = await faultOf(shardId);
    expect(fault).toContain(`entry ${end.entryIndex} with checksum ${end.chainChecksum}`);
    expect(fault).toContain(`entry ${left.entryIndex} with checksum ${left.chainChecksum}`);
    expect(await endOf(shardId)).toEqual(left);
    await repair();
    await started;
    expect(await waitUntil(trade, { what: 'a trade', deadlineMs: 30_000 })).toBe(
      OrderStatus.FILLED,
    );
  }, 90_000);

  test('when only followers have seen it and a new coordinator hears it from them', async () => {
    const end = await killAtEnd(shardId);
    await mesh.kill('coordinator');
    await loseEntry(shardId, end.entryIndex);
    const left = await endOf(shardId);
    await mesh.start('coordinator');
    for (const nodeId of ['marketdata', 'account-1']) {
      await waitUntil(
        async () =>
          (await cluster()).statuses.some(
            (status) => status.nodeId === nodeId && status.heardAgoMs !== undefined,
          ),
        { what: `${nodeId} to have joined again` },
      );
    }
    const fault = await faultOf(shardId);
    expect(fault).toMatch(/LOG_FORKED: (marketdata|account-1) has seen/);
    expect(fault).toContain(`entry ${end.entryIndex} with checksum ${end.chainChecksum}`);
    expect(fault).toContain(`entry ${left.entryIndex} with checksum ${left.chainChecksum}`);
    expect(await endOf(shardId)).toEqual(left);
    await repair();
    await started;
    expect(await waitUntil(trade, { what: 'a trade', deadlineMs: 30_000 })).toBe(
      OrderStatus.FILLED,
    );
  }, 90_000);
});
