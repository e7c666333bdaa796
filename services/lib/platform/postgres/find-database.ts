// Where the database of an exchange is, for programs that look at it beside the exchange itself.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../config/keys.ts';
import { StartError } from '../config/start-error.ts';

/**
 * The URL of the configuration, or of the server that runs under the data folder.
 *
 * @param dataFolder absolute
 * @throws StartError when neither is there
 */
export function findDatabaseUrl({ databaseUrl }: Settings, dataFolder: string): string {
  if (databaseUrl !== '') return databaseUrl;
  const folder = join(dataFolder, 'postgres');
  const processFile = join(folder, 'cluster', 'postmaster.pid');
  if (!existsSync(processFile)) {
    throw new StartError(
      `No PostgreSQL runs under ${dataFolder}: npm start, or set DATABASE_URL or --data-folder.`,
    );
  }
  const port = readFileSync(processFile, 'utf8').split('\n')[3];
  const password = readFileSync(join(folder, 'password'), 'utf8').trim();
  return `postgres://bourse:${password}@127.0.0.1:${port}/bourse`;
}
