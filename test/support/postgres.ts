// A real PostgreSQL for tests: one server per run, started when the first test asks, and a
// database of its own for every caller.
//
// Durability stays on (fsync, synchronous commit), as in production.

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import {
  adoptPostgres,
  type PostgresServer,
  startPostgres,
} from '../../services/launcher/postgres/server.ts';
import { migrate } from '../../services/lib/platform/postgres/migrate.ts';
import { freePort } from './ports.ts';

/** Set by jest's global setup: the folder of the server that all test files share. */
export const TEST_POSTGRES_FOLDER = 'BOURSE_TEST_POSTGRES_FOLDER';
export const FOLDER_PREFIX = 'bourse-test-postgres-';

export type TestPostgres = {
  /** A connection string to a database that only the caller uses. */
  readonly url: string;
  /** Drops the database, ending whatever is still connected. */
  stop(): Promise<void>;
};

export type TestPostgresOptions = {
  /** `current` (the default) has all migrations applied, `empty` has none. */
  readonly schema?: 'current' | 'empty';
};

/** A fresh database on the run's server. */
export async function startTestPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const shared = process.env[TEST_POSTGRES_FOLDER];
  const folder = shared ?? makeTestPostgresFolder();
  const server = await startShared(folder);
  const database = `test_${randomBytes(6).toString('hex')}`;
  await execute(server.url, `CREATE DATABASE ${database}`);
  const url = server.url.replace(/\/[^/]*$/, `/${database}`);
  if (options.schema !== 'empty') await migrate(url);
  return {
    url,
    async stop() {
      await execute(server.url, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
      if (shared === undefined) await removeTestPostgres(folder);
    },
  };
}

/** A folder for one run's server; its name carries the run's process, so that leftovers show. */
export function makeTestPostgresFolder(): string {
  return mkdtempSync(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
}

/** Stops the server of a folder, if one runs, and removes the folder. */
export async function removeTestPostgres(folder: string): Promise<void> {
  const running = await adoptPostgres(join(folder, 'server'));
  await running?.stop();
  rmSync(folder, { recursive: true, force: true });
}

// Test files run in several processes: the first one in starts the server, the others adopt it.
async function startShared(folder: string): Promise<PostgresServer> {
  const lock = join(folder, 'starting');
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      await delay(20);
    }
  }
  try {
    return await startPostgres({ folder: join(folder, 'server'), port: await freePort() });
  } finally {
    rmdirSync(lock);
  }
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
