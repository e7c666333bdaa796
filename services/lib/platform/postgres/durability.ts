// Whether a PostgreSQL keeps what it acknowledges (LOG-9): asked, not assumed.

import type pg from 'pg';

export type DurabilityOptions = {
  /** In the clustered profile a commit must also have reached a standby. */
  readonly clustered?: boolean;
};

const QUERY = `
  SELECT pg_is_in_recovery() AS standby,
         current_setting('fsync') AS fsync,
         current_setting('full_page_writes') AS full_page_writes,
         current_setting('synchronous_commit') AS synchronous_commit,
         current_setting('synchronous_standby_names') AS standbys`;

/**
 * Asks a server what it promises, in the session that would append.
 *
 * @returns one sentence that says why it must not hold a log, or `undefined` when it may.
 */
export async function checkDurability(
  client: Pick<pg.ClientBase, 'query'>,
  { clustered = false }: DurabilityOptions = {},
): Promise<string | undefined> {
  const [promise] = (await client.query(QUERY)).rows;
  if (promise.standby) return 'The database is a standby: it cannot be written to.';
  for (const setting of ['fsync', 'full_page_writes', 'synchronous_commit']) {
    // `local`, `remote_write` and the like still wait for this server's disk, `off` does not.
    if (promise[setting] !== 'off') continue;
    const setTo = `${setting} = off`;
    return `The database has ${setTo}, so a crash could lose acknowledged orders: turn it on.`;
  }
  if (clustered && promise.standbys === '') {
    return 'The database has no synchronous_standby_names, so losing its disk loses orders.';
  }
  return undefined;
}
