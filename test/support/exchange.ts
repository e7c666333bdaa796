// The whole exchange as `npm start` runs it: the real launcher and its processes, in a folder and
// on ports of its own.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig, portsOf } from '../../services/lib/platform/config/load-config.ts';
import { PARENT_PIPE } from '../../services/lib/platform/lifecycle/parent-pipe.ts';
import { waitUntil } from './wait.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const READY_DEADLINE_MS = 60_000;
const EXIT_DEADLINE_MS = 40_000;
const LOWEST_OFFSET = 1_000;
/**
 * Four ranges of offsets, whose ports do not meet: an exchange's lie within 2,500. All stay below
 * 32768, where systems begin to hand out ports for outgoing connections.
 */
const RANGES = 4;
const RANGE_PORTS = 5_500;
const RANGE_OFFSETS = 3_000;

export type LauncherOptions = {
  /** More options of `npm start`. */
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Keeps what an exchange before had; a new folder otherwise. */
  readonly dataFolder?: string;
  readonly portOffset?: number;
};

export type Launcher = {
  readonly process: ChildProcess;
  readonly dataFolder: string;
  readonly portOffset: number;
  /** `host:port` of a process: `addressOf('order')`, `addressOf('matching-1')`. */
  addressOf(nodeId: string): string;
  /** Everything the launcher has written so far. */
  output(): string;
  /** Waits for the table of endpoints. */
  ready(): Promise<void>;
  /** Waits for the end and gives the exit code; a signal's name when it was killed. */
  exit(): Promise<number | string>;
  /** Ctrl-C, and the wait for the end. */
  stop(): Promise<number | string>;
  /** The process of a node that runs now; undefined between a death and the next start. */
  processIdOf(nodeId: string): number | undefined;
  /** The log of one process so far. */
  logOf(nodeId: string): string;
};

/** Starts a launcher and does not wait for it. */
export async function startLauncher(options: LauncherOptions = {}): Promise<Launcher> {
  const dataFolder = options.dataFolder ?? makeDataFolder();
  const portOffset = options.portOffset ?? (await findPortOffset(options.args));
  const child = spawn(
    process.execPath,
    [
      ...['--disable-warning=ExperimentalWarning', join(ROOT, 'services/launcher/main.ts')],
      ...['--data-folder', dataFolder, '--port-offset', String(portOffset)],
      ...(options.args ?? []),
    ],
    {
      cwd: ROOT,
      // When the tests are killed, the launcher notices by its standard input and stops.
      env: { ...cleanEnv(), [PARENT_PIPE]: '1', ...options.env },
      stdio: 'pipe',
    },
  );
  const chunks: string[] = [];
  child.stdout.on('data', (chunk) => chunks.push(String(chunk)));
  child.stderr.on('data', (chunk) => chunks.push(String(chunk)));
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? String(signal)));
  });
  const output = () => chunks.join('');
  const exit = () => withDeadline(ended, output);
  const ports = portsAt(portOffset, options.args);
  return {
    process: child,
    dataFolder,
    portOffset,
    addressOf: (nodeId) => `127.0.0.1:${ports.get(nodeId)}`,
    output,
    exit,
    async ready() {
      const state = () => {
        if (output().includes('Ready after')) return 'ready';
        return child.exitCode === null && child.signalCode === null ? undefined : 'ended';
      };
      const outcome = await waitUntil(state, {
        what: 'the exchange',
        deadlineMs: READY_DEADLINE_MS,
      });
      if (outcome === 'ended') throw new Error(`the launcher ended:\n${output()}`);
    },
    stop() {
      child.kill('SIGINT');
      return exit();
    },
    processIdOf: (nodeId) => findChild(child.pid, nodeId),
    logOf: (nodeId) => readFileSync(join(dataFolder, 'logs', `${nodeId}.log`), 'utf8'),
  };
}

/** A folder for an exchange's data, readable by its owner only. */
export function makeDataFolder(): string {
  return mkdtempSync(join(tmpdir(), 'bourse-exchange-'));
}

export type TestExchange = {
  readonly launcher: Launcher;
  readonly addressOf: Launcher['addressOf'];
  /** Stops everything and removes the folder. */
  stop(): Promise<void>;
};

/** A whole exchange, ready, with the default venue. Takes some seconds: share it in a file. */
export async function startTestExchange(options: LauncherOptions = {}): Promise<TestExchange> {
  const launcher = await startLauncher(options);
  const stop = async () => {
    if (launcher.process.exitCode === null) await launcher.stop();
    rmSync(launcher.dataFolder, { recursive: true, force: true });
  };
  try {
    await launcher.ready();
  } catch (error) {
    await stop();
    throw error;
  }
  return { launcher, addressOf: launcher.addressOf, stop };
}

function findChild(parent: number | undefined, nodeId: string): number | undefined {
  const list = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).stdout;
  const own = list
    .split('\n')
    .map((line) => line.match(/^\s*(\d+)\s+(\d+)\s+(.*)$/))
    .find((row) => Number(row?.[2]) === parent && row?.[3]?.endsWith(`--node-id ${nodeId}`));
  return own?.[1] === undefined ? undefined : Number(own[1]);
}

/** What the tests' own surroundings have set must not reach the exchange. */
export function cleanEnv(): NodeJS.ProcessEnv {
  const own = /^(BOURSE_|OTEL_|DATABASE_URL$|NODE_OPTIONS$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
}

function portsAt(portOffset: number, args: readonly string[] = []): ReadonlyMap<string, number> {
  // Other options may be wrong on purpose.
  const size = args.filter((arg) => arg === '--ha');
  const { settings } = loadConfig([...size, '--port-offset', String(portOffset)], {});
  return new Map(portsOf(settings));
}

/**
 * An offset at which every port of the exchange is free. Each of jest's workers draws from a range
 * of its own: two that start at the same moment would both find the same port free.
 */
export async function findPortOffset(args?: readonly string[]): Promise<number> {
  const range = Number(process.env['JEST_WORKER_ID'] ?? 1) % RANGES;
  for (;;) {
    const offset = LOWEST_OFFSET + range * RANGE_PORTS + Math.floor(Math.random() * RANGE_OFFSETS);
    if ((await portsInUse(offset, args)).length === 0) return offset;
  }
}

/** Who of an exchange at this offset still listens, by the names of `portsOf`. */
export async function portsInUse(portOffset: number, args?: readonly string[]): Promise<string[]> {
  const uses = await Promise.all(
    [...portsAt(portOffset, args)].map(async ([name, port]) =>
      (await isFree(port)) ? [] : [name],
    ),
  );
  return uses.flat();
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function withDeadline<T>(ended: Promise<T>, output: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the launcher did not end:\n${output()}`)),
      EXIT_DEADLINE_MS,
    );
  });
  return await Promise.race([ended, late]).finally(() => clearTimeout(timer));
}
