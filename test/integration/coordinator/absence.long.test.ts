// The mesh while its coordinator, or a node that it has told to lead, is away.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { OrderStatus } from '../../../gen/bourse/type/v1/order_pb.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { createAccount, createMarket, limit, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

let mesh: Mesh;
let market: Market;
let buyer: string;
let seller: string;

beforeAll(async () => {
  // One node more than there are shards.
  mesh = await startMesh({ env: { BOURSE_MATCHING_NODES: '3' } });
  market = await createMarket(mesh);
  buyer = await createAccount(mesh, { [market.quoteAssetId]: '1000000' });
  seller = await createAccount(mesh, { [market.baseAssetId]: '1000' });
}, 90_000);

afterAll(() => mesh.stop());

async function trade(): Promise<OrderStatus | undefined> {
  await mesh.orders.placeOrder(limit(market, seller, 'sell 1 at 100'));
  const bought = await mesh.orders.placeOrder(limit(market, buyer, 'buy 1 at 100'));
  return bought.order?.status;
}

const cluster = () => mesh.clientAt(ClusterAdminService, 'coordinator').getCluster({});

async function epochs(): Promise<Record<string, number>> {
  const { table } = await cluster();
  return Object.fromEntries(
    (table?.shards ?? []).map((shard) => [
      shard.shardId,
      shard.leaderNodeId === '' ? 0 : Number(shard.epoch),
    ]),
  );
}

describe('without its coordinator', () => {
  test('trading goes on, and what comes back finds everything as it was (CRD-2, CRD-5)', async () => {
    const before = await cluster();
    await mesh.kill('coordinator');
    expect(await trade()).toBe(OrderStatus.FILLED);
    await mesh.start('coordinator');
    await waitUntil(
      async () => (await cluster()).statuses.every(({ heardAgoMs }) => heardAgoMs !== undefined),
      { what: 'all nodes to have joined again' },
    );
    const after = await cluster();
    expect(after.term).toBe(before.term + 1n);
    expect(after.table?.shards).toEqual(before.table?.shards);
    expect(after.table?.matchingSlotMap?.runs).toEqual(before.table?.matchingSlotMap?.runs);
    const { instruments } = await mesh.reference.listInstruments({});
    expect(instruments.map(({ instrumentId }) => instrumentId)).toEqual([market.instrumentId]);
    expect(await trade()).toBe(OrderStatus.FILLED);
  }, 60_000);
});

describe('a node without a shard', () => {
  test('serves, and is there for the next one (CRD-4)', async () => {
    const { table } = await cluster();
    expect(table?.nodes.map(({ nodeId }) => nodeId)).toContain('matching-3');
    const hosts = table?.shards.flatMap((shard) => shard.replicaNodeIds);
    // Both account shards stand on the only account node.
    expect(hosts?.sort()).toEqual(['account-1', 'account-1', 'matching-1', 'matching-2']);
  });
});

describe('a node that comes back', () => {
  test('leads its shards again in a higher epoch, and only those (REP-2)', async () => {
    const before = await epochs();
    await mesh.kill('matching-1');
    await mesh.start('matching-1');
    const now = await waitUntil(
      async () => {
        const found = await epochs();
        return (found['matching-1'] ?? 0) > (before['matching-1'] ?? 0) ? found : undefined;
      },
      { what: 'matching-1 to lead again' },
    );
    expect(now).toEqual({ ...before, 'matching-1': (before['matching-1'] ?? 0) + 1 });
    expect(await waitUntil(trade, { what: 'a trade' })).toBe(OrderStatus.FILLED);
  }, 60_000);

  test('that was away when rules changed gets them before the change is answered (CRD-5)', async () => {
    await mesh.kill('account-1', 'SIGTERM');
    const { instrumentId } = market;
    const change = { instrumentId, collarBps: 77, clientRequestId: 'while-away' };
    // Nothing is stored while a shard that must know cannot be told.
    await expect(mesh.referenceAdmin.updateInstrument(change)).rejects.toMatchObject({
      reason: 'SHARD_UNAVAILABLE',
    });
    await mesh.start('account-1');
    const answer = await waitUntil(() => mesh.referenceAdmin.updateInstrument(change), {
      what: 'the change',
    });
    expect(answer).toMatchObject({ duplicate: false, instrument: { collarBps: 77, version: 2n } });
    expect(await waitUntil(trade, { what: 'a trade' })).toBe(OrderStatus.FILLED);
  }, 60_000);
});
