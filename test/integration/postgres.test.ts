// The embedded PostgreSQL and the migrations, with real servers.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { migrate } from '../../services/lib/platform/postgres/migrate.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';

describe('a test database', () => {
  let database: TestPostgres;
  beforeAll(async () => {
    database = await startTestPostgres({ schema: 'empty' });
  }, 60_000);
  afterAll(() => database.stop());

  test('LOG-9 it promises durability as shipped', async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const fsync = await client.query('SHOW fsync');
    expect(fsync.rows[0].fsync).toBe('on');
    await client.end();
  });

  test('migrations run once however many programs start together', async () => {
    const applied = await Promise.all([migrate(database.url), migrate(database.url)]);
    expect(applied.flat().length).toBe(new Set(applied.flat()).size);
    expect(await migrate(database.url)).toEqual([]);
  });
});
