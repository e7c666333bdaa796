// The coordinator's tables in PostgreSQL: versions and terms.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import {
  loadClusterTables,
  storeClusterChanges,
} from '../../../services/coordinator/adapter/cluster-store.ts';
import { TermStore } from '../../../services/coordinator/adapter/term-store.ts';
import { TablesChanged } from '../../../services/coordinator/adapter/versioned-write.ts';
import {
  applyChanges,
  type NodeRow,
  type TableChange,
} from '../../../services/coordinator/domain/cluster-tables.ts';
import { firstChanges } from '../../../services/coordinator/domain/first-tables.ts';
import { newMoves } from '../../../services/coordinator/domain/moves.ts';
import { createPool } from '../../../services/lib/platform/postgres/pool.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { waitUntil } from '../../support/wait.ts';

let postgres: TestPostgres;
let pool: pg.Pool;

beforeAll(async () => {
  postgres = await startTestPostgres();
  pool = createPool({ databaseUrl: postgres.url, name: 'tables' });
});

afterAll(async () => {
  await pool.end();
  await postgres.stop();
});

const node = (nodeId: string): NodeRow => ({
  ...{ nodeId, kind: 'matching', address: 'a:1', incarnation: 'x', live: true, draining: false },
});

describe('the tables', () => {
  test('one term at a time: the next is taken when the holder is silent or gives it back (CRD-2)', async () => {
    const [one, two] = [new TermStore(pool, 'one'), new TermStore(pool, 'two')];
    expect(await one.take()).toBe(1);
    expect(await two.take()).toBeUndefined();
    expect(await one.renew(1)).toBe(true);
    await one.giveBack(1);
    expect(await two.take()).toBe(2);
    expect(await one.renew(1)).toBe(false);
    // Nobody renews: after a second of PostgreSQL's clock anybody may take it.
    expect(await waitUntil(() => one.take(), { what: 'the third term' })).toBe(3);
  });

  test('read back as they were decided, slots and all (CRD-1)', async () => {
    const empty = await loadClusterTables(pool);
    const changes = [
      { kind: 'node', node: node('matching-1') } as const,
      ...firstChanges(empty, { matching: 2, account: 1 }),
    ];
    const read = { term: 3, version: empty.version };
    await storeClusterChanges(pool, read, changes);
    const wanted = applyChanges(empty, changes);
    expect(await loadClusterTables(pool)).toEqual(wanted);

    const shard = wanted.shards.get('matching-1');
    if (shard === undefined) throw new Error('there is a shard');
    const leader = { nodeId: 'matching-1', incarnation: 'x' };
    const led = { ...shard, epoch: 5, servingEpoch: 4, leader, replicaNodeIds: ['matching-1'] };
    const more = [{ kind: 'shard', shard: led } as const];
    await storeClusterChanges(pool, { term: 3, version: wanted.version }, more);
    expect(await loadClusterTables(pool)).toEqual(applyChanges(wanted, more));
  });

  test('a shard moves from node to node and a slot through a move, in one statement each (MOV-2)', async () => {
    const before = await loadClusterTables(pool);
    const shard = before.shards.get('matching-1');
    if (shard === undefined) throw new Error('there is a shard');
    const [move] = newMoves(before, {
      ...{ kind: 'matching', slots: [0], clientRequestId: 'one', nowUs: 5 },
      targetShardId:
        before.slots.matching[0]?.shardId === 'matching-1' ? 'matching-2' : 'matching-1',
    });
    if (move === undefined) throw new Error('there is a move');
    const slots = [{ slot: 0, shardId: move.targetShardId, generation: 2, published: true }];
    const changes: TableChange[] = [
      { kind: 'node', node: node('matching-2') },
      // The same row twice: the last one counts.
      { kind: 'shard', shard: { ...shard, replicaNodeIds: ['matching-1', 'matching-2'] } },
      { kind: 'shard', shard: { ...shard, epoch: 9, replicaNodeIds: ['matching-2'] } },
      { kind: 'move', move },
      { kind: 'move', move: { ...move, state: 'imported', pauseUs: 7, exportTimeUs: 6 } },
      { kind: 'slots', of: 'matching', slots },
    ];
    await storeClusterChanges(pool, { term: 3, version: before.version }, changes);
    expect(await loadClusterTables(pool)).toEqual(applyChanges(before, changes));
  });

  test('a change decided on an old version, or in an old term, is not stored (CRD-1, CRD-2)', async () => {
    const before = await loadClusterTables(pool);
    const change = [{ kind: 'node', node: node('matching-9') } as const];
    const stale = storeClusterChanges(pool, { term: 3, version: before.version - 1 }, change);
    await expect(stale).rejects.toBeInstanceOf(TablesChanged);
    const deposed = storeClusterChanges(pool, { term: 2, version: before.version }, change);
    await expect(deposed).rejects.toBeInstanceOf(TablesChanged);
    expect(await loadClusterTables(pool)).toEqual(before);
  });

  test('of two changes decided on the same version one is stored (CRD-1)', async () => {
    const { version } = await loadClusterTables(pool);
    const outcomes = await Promise.allSettled(
      ['a', 'b'].map((nodeId) =>
        storeClusterChanges(pool, { term: 3, version }, [{ kind: 'node', node: node(nodeId) }]),
      ),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await loadClusterTables(pool)).version).toBe(version + 1);
  });
});
