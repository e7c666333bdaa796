// The database loses the end of a log that is led and followed: nobody leads it on, the replicas
// say what they have of it, and `bourse log repair --from-standby` puts that back (LOG-12).

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { OrderStatus } from '../../../gen/bourse/type/v1/order_pb.ts';
import type { Terminal } from '../../../services/cli/adapter/commands/command.ts';
import { createProgram } from '../../../services/cli/adapter/program.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { createAccount, createMarket, limit, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

const NODES = ['matching-1', 'matching-2'] as const;

let mesh: Mesh;
let market: Market;
let buyer: string;
let seller: string;
let database: pg.Client;
let folder: string;

beforeAll(async () => {
  mesh = await startMesh({ args: ['--replicas', '2'] });
  market = await createMarket(mesh);
  buyer = await createAccount(mesh, { [market.quoteAssetId]: '1000000' });
  seller = await createAccount(mesh, { [market.baseAssetId]: '1000' });
  database = new pg.Client({ connectionString: mesh.databaseUrl });
  await database.connect();
  folder = mkdtempSync(join(tmpdir(), 'bourse-kept-'));
}, 150_000);

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database?.end();
  await mesh?.stop();
}, 30_000);

async function trade(): Promise<OrderStatus | undefined> {
  await mesh.orders.placeOrder(limit(market, seller, 'sell 1 at 100'));
  const bought = await mesh.orders.placeOrder(limit(market, buyer, 'buy 1 at 100'));
  return bought.order?.status;
}

type End = { readonly shardId: string; readonly entryIndex: number; readonly checksum: string };

/** The log of the market's shard: the one with the youngest entry. */
async function endOfMarket(): Promise<End> {
  const { rows } = await database.query(
    `SELECT shard_id, entry_index, encode(chain_checksum, 'hex') AS sum FROM log_entry
     WHERE shard_id LIKE 'matching-%' ORDER BY log_time_us DESC, entry_index DESC LIMIT 1`,
  );
  const [{ shard_id: shardId, entry_index, sum: checksum }] = rows;
  return { shardId, entryIndex: Number(entry_index), checksum };
}

/** Resolves when leader and standby have applied everything. */
async function untilLevel({ shardId, entryIndex }: End): Promise<void> {
  const cluster = mesh.clientAt(ClusterAdminService, 'coordinator');
  const isLevel = async () => {
    const { statuses } = await cluster.getCluster({});
    const reports = statuses.flatMap(({ shards }) =>
      shards.filter((one) => one.shardId === shardId),
    );
    const applied = reports.filter((one) => Number(one.appliedEntryIndex) >= entryIndex);
    return applied.length === NODES.length;
  };
  await waitUntil(isLevel, { what: 'the standby to be level', deadlineMs: 30_000 });
}

async function run(...args: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const config = join(folder, 'exchange.yaml');
  writeFileSync(config, `databaseUrl: ${JSON.stringify(mesh.databaseUrl)}\n`);
  const terminal: Terminal = {
    write: (line) => lines.push(line),
    writeError: (line) => lines.push(line),
    confirm: undefined,
    interrupted: new AbortController().signal,
    setExitCode: () => {},
  };
  await createProgram(terminal).parseAsync(['node', 'bourse', '--config', config, ...args]);
  return lines.join('\n');
}

test('LOG-12: what a standby had when the log lost it is put back', async () => {
  await waitUntil(async () => (await trade()) === OrderStatus.FILLED, { what: 'a trade' });
  const end = await endOfMarket();
  const { shardId, entryIndex } = end;
  await untilLevel(end);
  const lost = await database.query(
    'DELETE FROM log_entry WHERE shard_id = $1 AND entry_index > $2',
    [shardId, entryIndex - 2],
  );
  expect(lost.rowCount).toBe(2);
  // Whoever leads notices when it appends; then nobody leads any more.
  const unanswered = mesh.orders.placeOrder(limit(market, buyer, 'buy 1 at 90')).catch(() => {});
  const keepers = async () => {
    const { rows } = await database.query(
      'SELECT node_id, max(entry_index) AS last FROM log_kept WHERE shard_id = $1 GROUP BY 1',
      [shardId],
    );
    return new Map(rows.map((row) => [row.node_id as string, Number(row.last)]));
  };
  const others = NODES.filter((nodeId) => nodeId !== shardId);
  const standby = others[0] as string;
  await waitUntil(async () => (await keepers()).get(standby) === entryIndex, {
    what: 'the standby to say what it has',
    deadlineMs: 30_000,
  });
  await unanswered;

  expect(await run('log', 'repair', shardId)).toContain(`--from-standby ${standby}`);
  expect(await run('log', 'repair', shardId, '--from-standby', 'nobody', '--yes')).toContain(
    'has nothing behind',
  );
  const said = await run('log', 'repair', shardId, '--from-standby', standby, '--yes');
  expect(said).toContain(`2 entries were put back; ${shardId} ends with entry ${entryIndex}`);
  const { rows } = await database.query(
    `SELECT encode(chain_checksum, 'hex') AS sum FROM log_entry
     WHERE shard_id = $1 AND entry_index = $2`,
    [shardId, entryIndex],
  );
  expect(rows).toEqual([{ sum: end.checksum }]);
  expect((await keepers()).size).toBe(0);
  for (const nodeId of NODES) {
    await mesh.kill(nodeId);
    await mesh.start(nodeId);
  }
  await waitUntil(async () => (await trade()) === OrderStatus.FILLED, {
    what: 'a trade',
    deadlineMs: 30_000,
  });
  // On a busy machine a leader may just be another one.
  const audit = await waitUntil(
    () => mesh.accountAdmin.auditLedger({ full: true }).catch(() => undefined),
    { what: 'an audit', deadlineMs: 40_000 },
  );
  expect(audit.breaks).toEqual([]);
}, 200_000);
