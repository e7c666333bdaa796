// One process of the exchange, kept running: what dies is started again, ever more slowly.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
/** A process that ran this long has recovered: its next death is a first one again. */
const RECOVERED_AFTER_MS = 10_000;
const STOP_DEADLINE_MS = 5_000;

export type ProcessOptions = {
  /** A command that runs the one after it, such as `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
  /** The program and its arguments. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly folder: string;
  readonly logFile: string;
  /** Told of every death that nobody asked for. */
  readonly onDeath: (death: Death) => void;
};

export type Death = {
  /** The exit code or the signal's name. */
  readonly cause: string;
  /** Deaths in a row, without a recovery in between. */
  readonly count: number;
  readonly pauseMs: number;
};

export type SupervisedProcess = {
  /** Of the process that runs now; undefined between a death and the next start. */
  processId(): number | undefined;
  /** Asks the process to stop; one that does not within five seconds is killed. */
  stop(): Promise<void>;
  /** Kills the process without asking. */
  kill(): void;
};

/** Starts a process and keeps it running until it is stopped. */
export function supervise(options: ProcessOptions): SupervisedProcess {
  const stopping = new AbortController();
  let child: ChildProcess | undefined;

  const run = async () => {
    let deaths = 0;
    while (!stopping.signal.aborted) {
      const startMs = Date.now();
      child = spawnWithLog(options);
      const cause = await waitForExit(child);
      child = undefined;
      if (stopping.signal.aborted) return;
      deaths = Date.now() - startMs > RECOVERED_AFTER_MS ? 1 : deaths + 1;
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (deaths - 1), LONGEST_PAUSE_MS);
      options.onDeath({ cause, count: deaths, pauseMs });
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };
  const ended = run();

  return {
    processId: () => child?.pid,
    kill: () => {
      stopping.abort();
      child?.kill('SIGKILL');
    },
    stop: async () => {
      stopping.abort();
      child?.kill('SIGTERM');
      const timer = setTimeout(() => child?.kill('SIGKILL'), STOP_DEADLINE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/**
 * Megabytes for what is young. Under load thousands of orders are under way at once: with the
 * usual 16 most of what they need is copied before it is garbage, which takes a sixth of all time.
 * A quiet process does not grow into it.
 */
export const YOUNG_SPACE = '--max-semi-space-size=64';

/**
 * The process gets a group of its own, so that a terminal's Ctrl-C reaches the launcher only, and
 * a pipe for its standard input, by which it notices when the launcher has gone.
 */
function spawnWithLog({ prefix = [], args, env, folder, logFile }: ProcessOptions): ChildProcess {
  const log = openSync(logFile, 'a');
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', YOUNG_SPACE];
  const [command = '', ...rest] = [...prefix, ...node, ...args];
  try {
    return spawn(command, rest, {
      cwd: folder,
      env,
      detached: true,
      stdio: ['pipe', log, log],
    });
  } finally {
    closeSync(log);
  }
}

async function waitForExit(child: ChildProcess): Promise<string> {
  try {
    child.stdin?.on('error', () => {}); // the process ends first
    const [code, signal] = await once(child, 'exit');
    return code === null ? String(signal) : `code ${code}`;
  } catch (error) {
    return (error as Error).message; // it could not be started
  }
}
