// Connections to PostgreSQL for everything but the log, which has connections of its own (LOG-13).

import pg from 'pg';

const CONNECT_DEADLINE_MS = 5_000;
const STATEMENT_DEADLINE_MS = 10_000;

export type PoolOptions = {
  readonly databaseUrl: string;
  /** Shown in `pg_stat_activity`: the process and what the connections are for. */
  readonly name: string;
  /** Most connections at once; more callers wait. */
  readonly max?: number;
  /** Told when an idle connection breaks; the pool replaces it by itself. */
  readonly onError?: (error: Error) => void;
};

/** A pool whose every wait has an end, on both sides. */
export function createPool({ databaseUrl, name, max = 4, onError }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: name,
    max,
    connectionTimeoutMillis: CONNECT_DEADLINE_MS,
    statement_timeout: STATEMENT_DEADLINE_MS,
    query_timeout: STATEMENT_DEADLINE_MS,
    keepAlive: true,
  });
  pool.on('error', onError ?? (() => {}));
  // A connection that breaks while somebody uses it fails that query; that it also emits an error
  // must not end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}
