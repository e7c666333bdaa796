// Reading the coordinator's tables at one moment, and changing them: a transaction that asserts the
// term and the version it read, and raises that version by one (CRD-1, CRD-2).

import pg from 'pg';

/** What the change was decided on. */
export type Read = { readonly term: number; readonly version: number };

/** Another coordinator has taken over, or the tables changed since they were read. */
export class TablesChanged extends Error {
  override readonly name = 'TablesChanged';
}

/**
 * Runs `write` in a transaction of its own.
 *
 * @throws TablesChanged when the term or version is no longer the one that was read.
 */
export async function writeVersioned<T>(
  pool: pg.Pool,
  read: Read,
  write: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('BEGIN');
    const raised = await client.query(
      `UPDATE coordinator SET reference_version = reference_version + 1
       WHERE term = $1 AND reference_version = $2`,
      [read.term, read.version],
    );
    if (raised.rowCount !== 1) {
      throw new TablesChanged(`reference_version is not ${read.version} any more`);
    }
    const result = await write(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    failure = error as Error;
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    // A session that failed for other reasons than a statement is not used again.
    client.release(failure !== undefined && !isStatementError(failure) ? failure : undefined);
  }
}

/** Runs `read` on the tables as they are at one moment. */
export async function readAtOnce<T>(
  pool: pg.Pool,
  read: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const result = await read(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    client.release(error as Error);
    throw error;
  }
}

function isStatementError(error: Error): boolean {
  return error instanceof TablesChanged || error instanceof pg.DatabaseError;
}
