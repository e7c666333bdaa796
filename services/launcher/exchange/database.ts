// The database of the exchange: our own server or the one of DATABASE_URL, checked and brought up.

import { join } from 'node:path';
import pg from 'pg';
import type { Settings } from '../../lib/platform/config/keys.ts';
import { StartError } from '../../lib/platform/config/start-error.ts';
import { checkDurability } from '../../lib/platform/postgres/durability.ts';
import { migrate } from '../../lib/platform/postgres/migrate.ts';
import { type PostgresOptions, type PostgresServer, startPostgres } from '../postgres/server.ts';
import type { Terminal } from './terminal.ts';

export type Database = {
  readonly url: string;
  /** For the progress line: what was done to have it. */
  readonly says: string;
  /** `host:port`, without credentials. */
  readonly address: string;
  /** Where our own server keeps everything; of a foreign one what the settings say. */
  readonly folder: string;
  /** Stops our own server; leaves a foreign one alone. */
  stop(): Promise<void>;
};

const CONNECT_DEADLINE_MS = 5_000;
const LOOK_EVERY_MS = 500;

/** Makes sure that there is a database that answers, is durable and has the current schema. */
export async function openDatabase(
  settings: Settings,
  dataFolder: string,
  terminal: Terminal,
): Promise<Database> {
  const database =
    settings.databaseUrl === ''
      ? await startOwn(settings, dataFolder, terminal)
      : useForeign(settings);
  try {
    const fault = await askDurability(database);
    if (fault !== undefined) throw new StartError(fault);
    await migrate(database.url);
    return database;
  } catch (error) {
    await database.stop();
    throw error;
  }
}

function useForeign({ databaseUrl: url, databaseFolder: folder }: Settings): Database {
  const address = new URL(url).host;
  return { url, says: 'from DATABASE_URL', address, folder, stop: async () => {} };
}

async function startOwn(
  settings: Settings,
  dataFolder: string,
  terminal: Terminal,
): Promise<Database> {
  const options = {
    folder: join(dataFolder, 'postgres'),
    port: settings.postgresPort + settings.portOffset,
  };
  const server = await startPostgres(options);
  const keeper = keepRunning(server, options, terminal);
  return {
    url: server.url,
    says: server.adopted ? 'still running, adopted' : 'started',
    address: `127.0.0.1:${server.port}`,
    folder: options.folder,
    stop: () => keeper.stop(),
  };
}

/** Starts the server again when it dies; its processes reconnect by themselves. */
function keepRunning(first: PostgresServer, options: PostgresOptions, terminal: Terminal) {
  let server = first;
  let isStopping = false;
  let looking = Promise.resolve();
  const look = async () => {
    if (isStopping || server.isRunning()) return;
    terminal.warn('PostgreSQL died, starting it again');
    try {
      server = await startPostgres({ ...options, port: first.port });
    } catch (error) {
      terminal.warn((error as Error).message);
    }
  };
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, LOOK_EVERY_MS);
  return {
    async stop() {
      isStopping = true;
      clearInterval(timer);
      await looking;
      await server.stop();
    },
  };
}

async function askDurability(database: Database): Promise<string | undefined> {
  const client = new pg.Client({
    connectionString: database.url,
    connectionTimeoutMillis: CONNECT_DEADLINE_MS,
  });
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(
      `The database at ${database.address} cannot be used (${message || code}): ` +
        'check DATABASE_URL, or unset it for a PostgreSQL of our own.',
    );
  }
  try {
    return await checkDurability(client);
  } finally {
    await client.end();
  }
}
