// The room of the logs, measured in a real PostgreSQL (SNAP-5).

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import {
  measureLogSpace,
  watchLogSpace,
} from '../../../services/lib/platform/postgres/log-space.ts';
import type { Logger } from '../../../services/lib/platform/telemetry/logger.ts';
import { createRealWorld } from '../../../services/lib/shard/real-world.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { waitUntil } from '../../support/wait.ts';

let postgres: TestPostgres;
let database: pg.Client;

beforeAll(async () => {
  postgres = await startTestPostgres();
  database = new pg.Client({ connectionString: postgres.url });
  await database.connect();
}, 60_000);
afterAll(async () => {
  await database?.end();
  await postgres?.stop();
});

const measure = (limitBytes: number, folder = '') =>
  measureLogSpace(database, { limitBytes, folder });

describe('the room of the logs', () => {
  test('SNAP-5: is the configured bytes, or what the disk of the database has left', async () => {
    expect(await measure(0)).toBeUndefined();
    const limited = await measure(2 ** 40);
    expect(limited?.totalBytes).toBe(2 ** 40);
    expect(limited?.usedBytes).toBeGreaterThan(1_000_000);
    const onDisk = await measure(0, '.');
    expect(onDisk?.totalBytes).toBeGreaterThan(onDisk?.usedBytes ?? Number.POSITIVE_INFINITY);
  });

  test('SNAP-5, SNAP-4: room that a cut has left inside the files is room', async () => {
    await database.query(`INSERT INTO log_entry SELECT i, 1, 1, i, 1, 1, 1, 'large',
      decode(repeat('00', 16), 'hex'), decode(repeat('ab', 6000), 'hex'), ''
      FROM generate_series(1, 3000) AS i`);
    const full = (await measure(30_000_000))?.usedBytes ?? 0;
    await database.query(`DELETE FROM log_entry WHERE shard_id = 'large'`);
    await database.query(`INSERT INTO log_entry VALUES (1, 1, 1, 1, 1, 1, 1, 'large',
      decode(repeat('00', 16), 'hex'), '', '')`);
    await database.query('VACUUM log_entry');
    const cut = (await measure(30_000_000))?.usedBytes ?? 0;
    expect(full - cut).toBeGreaterThan(10_000_000);
  }, 60_000);

  test('SNAP-5: at 70 % it is low, and says so once', async () => {
    const size = (await measure(1))?.usedBytes ?? 0;
    const said: string[] = [];
    const log = {
      error: (_fields: object, text: string) => said.push(text),
      info: () => {},
      debug: () => {},
    } as unknown as Logger;
    const world = createRealWorld({ databaseUrl: postgres.url, requireReplica: false });
    const watch = (limitBytes: number) =>
      watchLogSpace({
        ...{ databaseUrl: postgres.url, nodeId: 'matching-1', world, log },
        logSpace: { limitBytes, folder: '' },
      });
    const low = watch(Math.floor(size * 1.2));
    const enough = watch(size * 4);
    try {
      await waitUntil(() => low.isLow(), { what: 'the room to be low' });
      expect(enough.isLow()).toBe(false);
      expect(said).toEqual(['the space of the logs is low: new orders are refused (SNAP-5)']);
    } finally {
      await Promise.all([low.stop(), enough.stop()]);
    }
  }, 30_000);
});
