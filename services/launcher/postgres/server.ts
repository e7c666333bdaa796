// A PostgreSQL server of our own in a folder: made on the first start, adopted when it still runs.
//
// The server runs in a process group of its own, so that a terminal's Ctrl-C does not reach it and
// the launcher decides when it stops (last). It listens on loopback only and asks for a password
// that only the folder's owner can read. Durability stays as PostgreSQL ships it: fsync on.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { release } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { StartError } from '../../lib/platform/config/start-error.ts';
import { findPostgresBinaries } from './binaries.ts';
import { choosePrivilege, type Privilege } from './privilege.ts';

/** A running server. */
export type PostgresServer = {
  readonly url: string;
  readonly port: number;
  readonly processId: number;
  /** True when it already ran and was taken over. */
  readonly adopted: boolean;
  isRunning(): boolean;
  /** Stops the server in an orderly way: open sessions are ended, nothing is lost. */
  stop(): Promise<void>;
};

export type PostgresOptions = {
  /** Holds everything of the server: `cluster/`, `password`, `server.log`. Made when missing. */
  readonly folder: string;
  readonly port: number;
};

const USER = 'bourse';
const DATABASE = 'bourse';
const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 20_000;
const CONNECT_DEADLINE_MS = 1_000;
const POLL_MS = 20;
const RETRY_MS = 200;
/** Rooms for 2 connections per shard, a pool per process and a person with psql. */
const MAX_CONNECTIONS = 200;

/** Starts the server of a folder, or adopts the one that already runs there. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const adopted = await adoptPostgres(options.folder);
  if (adopted !== undefined) return adopted;

  const folder = resolve(options.folder);
  const binaries = findPostgresBinaries();
  makeFolder(folder);
  const cluster = join(folder, 'cluster');
  const privilege = choosePrivilege(folder, binaries.postgres);
  if (!existsSync(cluster)) makeCluster(folder, cluster, binaries.initdb, privilege);
  const processId = await startServer(folder, options.port, binaries.postgres, privilege);
  await ensureDatabase(folder, options.port);
  return serverAt(folder, { processId, port: options.port }, false);
}

/** Takes over the server that already runs in a folder, on whatever port it has. */
export async function adoptPostgres(pathOfFolder: string): Promise<PostgresServer | undefined> {
  const folder = resolve(pathOfFolder);
  const running = findRunning(folder);
  if (running === undefined) return undefined;
  try {
    const isRunning = () => isServerOf(folder, running.processId);
    await waitUntilReady(folder, running.port, isRunning);
  } catch (error) {
    // Was it about to end? Then its file goes as a stale one does.
    if (findRunning(folder) !== undefined) throw error;
    return undefined;
  }
  await ensureDatabase(folder, running.port);
  return serverAt(folder, running, true);
}

/** The address of the folder's server, for a port on which it listens. */
function urlOf(folder: string, port: number, database: string): string {
  const password = readFileSync(join(folder, 'password'), 'utf8').trim();
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
}

function serverAt(folder: string, at: RunningServer, adopted: boolean): PostgresServer {
  return {
    url: urlOf(folder, at.port, DATABASE),
    port: at.port,
    processId: at.processId,
    adopted,
    isRunning: () => isServerOf(folder, at.processId),
    stop: () => stopServer(folder, at.processId),
  };
}

type RunningServer = { readonly processId: number; readonly port: number };

/**
 * Reads `postmaster.pid` and believes it only when that process is a PostgreSQL of this folder: a
 * stale file (after a power cut the number may belong to someone else) is removed.
 */
function findRunning(folder: string): RunningServer | undefined {
  const file = join(folder, 'cluster', 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, 'utf8').split('\n');
  const processId = Number(lines[0]);
  const port = Number(lines[3]);
  if (isServerOf(folder, processId) && Number.isInteger(port)) return { processId, port };
  rmSync(file, { force: true });
  return undefined;
}

function isServerOf(folder: string, processId: number): boolean {
  if (!Number.isInteger(processId) || processId <= 0) return false;
  const command = commandOf(processId);
  return command.includes('postgres') && command.includes(folder);
}

/** The command line of a process, empty when there is none. Slim Linux images have no `ps`. */
function commandOf(processId: number): string {
  if (process.platform !== 'linux') {
    const columns = ['-ww', '-o', 'command=', '-p', String(processId)];
    return spawnSync('ps', columns, { encoding: 'utf8' }).stdout ?? '';
  }
  try {
    return readFileSync(`/proc/${processId}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StartError(`The folder ${folder} cannot be written: ${(error as Error).message}.`);
  }
}

function makeCluster(folder: string, cluster: string, initdb: string, privilege: Privilege): void {
  // Made beside and moved at the end: what an interrupted first start leaves is never a cluster.
  const unfinished = join(folder, 'unfinished');
  rmSync(unfinished, { recursive: true, force: true });
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  mkdirSync(unfinished, { mode: 0o700 });
  if (privilege.ids !== undefined) {
    const { uid, gid } = privilege.ids;
    chownSync(passwordFile, uid, gid);
    chownSync(unfinished, uid, gid);
  }
  const [command = initdb, ...rest] = [
    ...privilege.prefix,
    initdb,
    ...['--pgdata', unfinished, '--username', USER, '--pwfile', passwordFile],
    ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C', '--no-instructions'],
  ];
  const result = spawnSync(command, rest, { ...privilege.ids, cwd: unfinished, encoding: 'utf8' });
  if (result.status === 0) {
    renameSync(unfinished, cluster);
    return;
  }
  rmSync(unfinished, { recursive: true, force: true });
  const reason = result.error?.message ?? result.stderr.trim().split('\n').at(-1);
  throw new StartError(`PostgreSQL cannot make its files in ${folder}: ${reason}`);
}

/** Starts it; after a kill, once the last processes of the server before have let go. */
async function startServer(
  folder: string,
  port: number,
  postgres: string,
  privilege: Privilege,
): Promise<number> {
  const deadline = Date.now() + STOP_DEADLINE_MS;
  for (;;) {
    const child = await spawnServer(folder, port, postgres, privilege);
    try {
      const isRunning = () => child.exitCode === null && child.signalCode === null;
      await waitUntilReady(folder, port, isRunning);
      return child.pid as number;
    } catch (error) {
      const log = readFileSync(logFileOf(folder), 'utf8');
      if (!log.includes('pre-existing shared memory block') || Date.now() > deadline) throw error;
      await delay(RETRY_MS);
    }
  }
}

async function spawnServer(
  folder: string,
  port: number,
  postgres: string,
  privilege: Privilege,
): Promise<ChildProcess> {
  const cluster = join(folder, 'cluster');
  const settings = [
    'listen_addresses=127.0.0.1',
    // No socket file: a deep folder's path would not fit into its 107 bytes.
    'unix_socket_directories=',
    `port=${port}`,
    `max_connections=${MAX_CONNECTIONS}`,
    'log_timezone=UTC',
    'timezone=UTC',
    ...(hasReliableSyncfs() ? ['recovery_init_sync_method=syncfs'] : []),
  ].flatMap((setting) => ['-c', setting]);
  const [command = postgres, ...rest] = [...privilege.prefix, postgres, '-D', cluster, ...settings];
  const log = openSync(logFileOf(folder), 'w');
  chmodSync(logFileOf(folder), 0o600);
  try {
    const child = spawn(command, rest, {
      ...privilege.ids,
      cwd: cluster,
      detached: true,
      stdio: ['ignore', log, log],
    });
    await new Promise<void>((spawned, failed) => {
      child.once('spawn', spawned);
      child.once('error', failed);
    });
    child.unref();
    return child;
  } catch (error) {
    throw new StartError(`PostgreSQL cannot be started: ${(error as Error).message}.`);
  } finally {
    closeSync(log);
  }
}

/**
 * After a crash all files are brought to the disk before anything is repeated: one by one, which
 * takes most of that start, or with one call of Linux, which reports errors from 5.8 on.
 */
function hasReliableSyncfs(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return process.platform === 'linux' && (major > 5 || (major === 5 && minor >= 8));
}

function logFileOf(folder: string): string {
  return join(folder, 'server.log');
}

async function waitUntilReady(
  folder: string,
  port: number,
  isRunning: () => boolean,
): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  while (Date.now() < deadline) {
    if (!isRunning()) throw startFailure(folder, port);
    if (await answers(folder, port)) return;
    await delay(POLL_MS);
  }
  throw new StartError(
    `PostgreSQL did not answer within ${START_DEADLINE_MS / 1000} s; see ${logFileOf(folder)}.`,
  );
}

function startFailure(folder: string, port: number): StartError {
  const log = readFileSync(logFileOf(folder), 'utf8');
  if (log.includes('Address already in use')) {
    return new StartError(
      `Port ${port}, for PostgreSQL, is in use: stop what uses it, or start with --port-offset 10.`,
    );
  }
  const reasons = log.split('\n').filter((line) => line.includes('FATAL:'));
  const reason = reasons.findLast((line) => !line.includes('is starting up'));
  return new StartError(
    `PostgreSQL did not start: ${reason?.replace(/^.*FATAL:\s*/, '') ?? 'it says nothing'}; ` +
      `see ${logFileOf(folder)}.`,
  );
}

async function answers(folder: string, port: number): Promise<boolean> {
  const client = new pg.Client({
    connectionString: urlOf(folder, port, 'postgres'),
    // What listens there may be no PostgreSQL at all, and never say a word.
    connectionTimeoutMillis: CONNECT_DEADLINE_MS,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function ensureDatabase(folder: string, port: number): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(folder, port, 'postgres') });
  await client.connect();
  try {
    const known = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (known.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

async function stopServer(folder: string, processId: number): Promise<void> {
  // The file goes when the server has gone; an orphan's process may linger unreaped.
  const file = join(folder, 'cluster', 'postmaster.pid');
  const stopped = () => !existsSync(file) || !isServerOf(folder, processId);
  for (const [signal, deadlineMs] of [
    ['SIGINT', STOP_DEADLINE_MS], // "fast": ends sessions, writes a checkpoint
    ['SIGQUIT', STOP_DEADLINE_MS], // "immediate": the log recovers at the next start
  ] as const) {
    if (stopped()) return;
    signalIfAlive(processId, signal);
    const deadline = Date.now() + deadlineMs;
    while (!stopped() && Date.now() < deadline) await delay(POLL_MS);
  }
}

function signalIfAlive(processId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(processId, signal);
  } catch {
    // It has just gone, which is what the signal asks for.
  }
}
