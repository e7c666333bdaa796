// The database of the logs as operators look at it: past all nodes, so that it works when none
// runs.

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import pg from 'pg';
import { loadConfig } from '../../../lib/platform/config/load-config.ts';
import { StartError } from '../../../lib/platform/config/start-error.ts';
import { findDatabaseUrl } from '../../../lib/platform/postgres/find-database.ts';
import { createRealWorld } from '../../../lib/shard/real-world.ts';
import type { World } from '../../../lib/shard/world.ts';
import { configurationOf, type GlobalOptions, type Terminal } from '../commands/command.ts';
import type { Output } from '../output.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** What commands on logs work with. */
export type LogSession = {
  readonly database: pg.Client;
  readonly databaseUrl: string;
  readonly world: World;
  readonly output: Output;
};

/** A shard that has a log. */
export type LoggedShard = {
  readonly shardId: string;
  readonly kind: 'matching' | 'account';
  readonly epoch: number;
  /** Why nobody may lead it, until an operator has looked (LOG-12); empty: nothing. */
  readonly fork: string;
};

/** Runs the work of a command on logs; a failure becomes one line and exit code 1. */
export async function runOnLogs(
  command: Command,
  terminal: Terminal,
  work: (session: LogSession) => Promise<void>,
): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const output = { isJson: options.json === true, write: terminal.write };
  let database: pg.Client | undefined;
  try {
    const { settings } = loadConfig([...configurationOf(options)], process.env);
    const databaseUrl = findDatabaseUrl(settings, resolve(ROOT, settings.dataFolder));
    database = new pg.Client({ connectionString: databaseUrl, application_name: 'bourse cli' });
    database.on('error', () => {});
    await database.connect();
    const world = createRealWorld({ databaseUrl, requireReplica: false });
    await work({ database, databaseUrl, world, output });
  } catch (error) {
    terminal.setExitCode(1);
    const { message } = error as Error;
    terminal.writeError(output.isJson ? JSON.stringify({ message }) : message);
  } finally {
    await database?.end().catch(() => {});
  }
}

/** All shards with a log, or the one that is named. @throws StartError when there is no such one */
export async function fetchShards(
  { database }: LogSession,
  shardId?: string,
): Promise<readonly LoggedShard[]> {
  const { rows } = await database.query(
    `SELECT shard_id, kind, log_shard.epoch, coalesce(fork, '') AS fork
     FROM log_shard JOIN cluster_shard USING (shard_id)
     WHERE $1::text IS NULL OR shard_id = $1 ORDER BY shard_id`,
    [shardId ?? null],
  );
  if (rows.length === 0) throw new StartError(`There is no shard ${shardId ?? ''} with a log.`);
  return rows.map((row) => {
    return { shardId: row.shard_id, kind: row.kind, epoch: Number(row.epoch), fork: row.fork };
  });
}
