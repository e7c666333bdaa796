// The embedded PostgreSQL, migrations and the check of durability, with real servers.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { type PostgresServer, startPostgres } from '../../services/launcher/postgres/server.ts';
import { checkDurability } from '../../services/lib/platform/postgres/durability.ts';
import { migrate } from '../../services/lib/platform/postgres/migrate.ts';
import { createPool } from '../../services/lib/platform/postgres/pool.ts';
import { freePort } from '../support/ports.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';

describe('a database', () => {
  let database: TestPostgres;
  let client: pg.Client;
  beforeAll(async () => {
    database = await startTestPostgres({ schema: 'empty' });
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  }, 60_000);
  afterAll(async () => {
    await client.end();
    await database.stop();
  });

  test('LOG-9 as shipped it is durable, but not for a cluster without standbys', async () => {
    expect(await checkDurability(client)).toBeUndefined();
    expect(await checkDurability(client, { clustered: true })).toMatch('synchronous_standby_names');
  });

  test('LOG-9 switching synchronous_commit off is noticed', async () => {
    await client.query('SET synchronous_commit = off');
    expect(await checkDurability(client)).toMatch('synchronous_commit = off');
    await client.query('RESET synchronous_commit');
  });

  test('migrations run once, however many programs start together', async () => {
    const applied = await Promise.all([migrate(database.url), migrate(database.url)]);
    expect(applied.flat().length).toBe(new Set(applied.flat()).size);
    expect(await migrate(database.url)).toEqual([]);
  });

  test('a program refuses the schema of a newer one, in one sentence', async () => {
    await client.query("INSERT INTO schema_migration (number, name) VALUES (9999, 'newer.sql')");
    await expect(migrate(database.url)).rejects.toThrow(/^The database has schema 9999, .*\.$/);
    await client.query('DELETE FROM schema_migration WHERE number = 9999');
  });

  test('a pool says who it is and replaces a broken connection', async () => {
    const broken: Error[] = [];
    const pool = createPool({
      databaseUrl: database.url,
      name: 'order-1 reading',
      onError: (error) => broken.push(error),
    });
    const seen = await pool.query(
      'SELECT pg_backend_pid() AS process, current_setting($1) AS name',
      ['application_name'],
    );
    expect(seen.rows[0].name).toBe('order-1 reading');
    await client.query('SELECT pg_terminate_backend($1)', [seen.rows[0].process]);
    const again = await pool.query('SELECT 1 AS one').catch(() => pool.query('SELECT 1 AS one'));
    expect(again.rows[0].one).toBe(1);
    await pool.end();
  });
});

describe('a server of our own', () => {
  let parent: string;
  let folder: string;
  const servers: PostgresServer[] = [];
  const start = async (port: number) => {
    const server = await startPostgres({ folder, port });
    servers.push(server);
    return server;
  };
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'bourse-server-')); // mode 0700
    folder = join(parent, 'a folder with spaces');
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    rmSync(parent, { recursive: true, force: true });
  });

  test('starts in a folder that only its owner can read, and is adopted by the next', async () => {
    const first = await start(await freePort());
    const second = await start(await freePort());
    expect(first.adopted).toBe(false);
    expect(second).toMatchObject({ adopted: true, processId: first.processId, port: first.port });
  }, 60_000);

  test('keeps what it had when it is stopped and started, also when it was killed', async () => {
    const first = await start(await freePort());
    await query(first.url, 'CREATE TABLE kept (value text)');
    await first.stop();
    const second = await start(await freePort());
    await query(second.url, "INSERT INTO kept VALUES ('after the stop')");
    process.kill(second.processId, 'SIGKILL');
    const third = await start(await freePort());
    expect(await query(third.url, 'SELECT value FROM kept')).toEqual([{ value: 'after the stop' }]);
  }, 60_000);

  test('a stale process id that belongs to something else does not stop it', async () => {
    const first = await start(await freePort());
    await first.stop();
    const file = join(folder, 'cluster', 'postmaster.pid');
    writeFileSync(file, `${process.pid}\n${join(folder, 'cluster')}\n1\n5432\n\n\n\nready\n`);
    expect((await start(await freePort())).adopted).toBe(false);
  }, 60_000);

  test('what an interrupted first start left is made anew', async () => {
    mkdirSync(join(folder, 'unfinished'), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'unfinished', 'PG_VERSION'), '18');
    expect((await start(await freePort())).adopted).toBe(false);
  }, 60_000);

  test('a port in use is named in one sentence', async () => {
    const first = await start(await freePort());
    folder = join(parent, 'another');
    await expect(start(first.port)).rejects.toThrow(
      `Port ${first.port}, for PostgreSQL, is in use`,
    );
  }, 60_000);

  test('it asks for a password', async () => {
    const server = await start(await freePort());
    const url = server.url.replace(/:[^:@/]*@/, ':wrong@');
    await expect(query(url, 'SELECT 1')).rejects.toThrow('password');
  }, 60_000);
});

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
