// The whole exchange: started in order, watched, stopped in reverse order.

import { join, resolve } from 'node:path';
import type { Settings } from '../../lib/platform/config/keys.ts';
import { portsOf } from '../../lib/platform/config/load-config.ts';
import { StartError } from '../../lib/platform/config/start-error.ts';
import { type Database, openDatabase } from './database.ts';
import { waitUntilAnswering, waitUntilServing } from './health.ts';
import { lockFolder } from './lock.ts';
import { type LogFolder, openLogFolder } from './logs.ts';
import { listNodes, type Node, STOP_ORDER, settingsEnv } from './nodes.ts';
import { checkPorts } from './ports.ts';
import { type Death, type SupervisedProcess, supervise } from './supervised.ts';
import type { Terminal } from './terminal.ts';
import { applyFirstVenue } from './venue.ts';

/** How long all processes together may take to serve. */
const START_DEADLINE_MS = 60_000;
/** A process that dies this often in a row while the exchange starts will not come up. */
const DEATHS_WHILE_STARTING = 4;
/** After a launcher that died, its services notice and give their ports back within this time. */
const ORPHANS_DEADLINE_MS = 8_000;

export type Exchange = {
  readonly nodes: readonly Node[];
  readonly database: Database;
  /** Stops everything, PostgreSQL last. */
  stop(): Promise<void>;
};

export type ExchangeOptions = {
  readonly settings: Settings;
  readonly env: NodeJS.ProcessEnv;
  /** The repository. */
  readonly folder: string;
  readonly terminal: Terminal;
  /** Aborted when the person at the terminal no longer wants it. */
  readonly signal: AbortSignal;
  /** Aborted when waiting for an orderly stop is not wanted, either. */
  readonly forced: AbortSignal;
};

type Running = Map<Node, SupervisedProcess>;
/** What has been started so far, to be undone in reverse. */
type Undo = (() => Promise<void> | void)[];

/** Starts everything; when that fails or is aborted, stops what had been started. */
export async function startExchange(options: ExchangeOptions): Promise<Exchange | undefined> {
  const undo: Undo = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return await startAll(options, undo, stop);
  } catch (error) {
    await stop();
    if (options.signal.aborted) return undefined;
    throw error;
  }
}

async function startAll(
  { settings, env, folder, terminal, signal, forced }: ExchangeOptions,
  undo: Undo,
  stop: () => Promise<void>,
): Promise<Exchange> {
  const dataFolder = resolve(folder, settings.dataFolder);
  const lock = lockFolder(dataFolder);
  undo.push(lock.release);
  if (lock.wasStale) terminal.warn('The last launcher here ended without stopping; going on.');
  const ports = portsOf(settings).filter(([name]) => name !== 'PostgreSQL');
  await checkPorts(settings.host, ports, lock.wasStale ? ORPHANS_DEADLINE_MS : 0);

  const databaseStep = terminal.begin('PostgreSQL');
  const database = await openDatabase(settings, dataFolder, terminal);
  undo.push(async () => {
    terminal.say('stopping PostgreSQL');
    await database.stop();
  });
  databaseStep.done(`${database.says}, ${database.address}`);
  signal.throwIfAborted();

  const { url: databaseUrl } = database;
  const { folder: databaseFolder } = database;
  const nodes = listNodes({ ...settings, databaseUrl, databaseFolder }, env);
  const logs = openLogFolder(
    dataFolder,
    nodes.map(({ nodeId }) => nodeId),
  );
  undo.push(logs.close);
  const running: Running = new Map();
  undo.push(() => stopAll(running, terminal));
  forced.addEventListener('abort', () => {
    for (const supervised of running.values()) supervised.kill();
  });
  await startNodes({ nodes, running, folder, logs, terminal, signal });
  const venueEnv = settingsEnv(settings, env);
  await applyFirstVenue({ folder, databaseUrl, env: venueEnv, terminal, signal });
  signal.throwIfAborted();
  return { nodes, database, stop };
}

type StartNodes = {
  readonly nodes: readonly Node[];
  readonly running: Running;
  readonly folder: string;
  readonly logs: LogFolder;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
};

/** The coordinators first, for everyone asks them; then all others side by side. */
async function startNodes({ nodes, running, folder, logs, terminal, signal }: StartNodes) {
  const failed = new AbortController();
  const deadline = AbortSignal.timeout(START_DEADLINE_MS);
  const until = AbortSignal.any([signal, deadline, failed.signal]);
  let isStarting = true;

  const onDeath = (node: Node, { cause, count, pauseMs }: Death) => {
    const last = logs.lastLineOf(node.nodeId);
    if (isStarting && count >= DEATHS_WHILE_STARTING) {
      failed.abort(
        new StartError(`${node.nodeId} does not start (${cause}): ${last || 'it says nothing'}`),
      );
      return;
    }
    const when = `starting it again in ${pauseMs / 1000} s`;
    terminal.warn(`${node.nodeId} died (${cause}), ${when}; see ${logs.fileOf(node.nodeId)}`);
  };
  const start = async (node: Node) => {
    const step = terminal.begin(node.nodeId);
    const supervised = supervise({
      // The node id is in its environment, too; here it shows in a list of processes.
      args: [join('services', node.service, 'main.ts'), '--node-id', node.nodeId],
      env: node.env,
      folder,
      logFile: logs.fileOf(node.nodeId),
      onDeath: (death) => onDeath(node, death),
    });
    running.set(node, supervised);
    // Of several coordinators one serves, and the others wait.
    const wait = node.service === 'coordinator' ? waitUntilAnswering : waitUntilServing;
    if (await wait(node.address, until)) return step.done(node.address);
    signal.throwIfAborted();
    failed.signal.throwIfAborted();
    throw new StartError(
      `${node.nodeId} did not serve within ${START_DEADLINE_MS / 1000} s; ` +
        `see ${logs.fileOf(node.nodeId)}.`,
    );
  };

  const coordinators = nodes.filter(({ service }) => service === 'coordinator');
  await Promise.all(coordinators.map(start));
  await waitUntilOneServes(coordinators, until);
  await Promise.all(nodes.filter((node) => !coordinators.includes(node)).map(start));
  isStarting = false;
}

async function waitUntilOneServes(nodes: readonly Node[], until: AbortSignal): Promise<void> {
  const found = new AbortController();
  const stop = AbortSignal.any([until, found.signal]);
  await Promise.any(
    nodes.map(async ({ address }) => {
      if (await waitUntilServing(address, stop)) found.abort();
    }),
  );
}

async function stopAll(running: Running, terminal: Terminal): Promise<void> {
  for (const services of STOP_ORDER) {
    const group = [...running].filter(([node]) => services.includes(node.service));
    if (group.length === 0) continue;
    terminal.say(`stopping ${group.map(([node]) => node.nodeId).join(', ')}`);
    await Promise.all(group.map(([, supervised]) => supervised.stop()));
  }
}
