// How every process runs: starts by its main function, stops once and in order, and never lives on
// after something it did not expect.

import type { Logger } from 'pino';
import { StartError } from '../config/start-error.ts';
import { onParentGone, PARENT_PIPE } from './parent-pipe.ts';

/** After this a stopping process exits, finished or not; its launcher kills it soon after. */
const STOP_DEADLINE_MS = 4_500;
/** One Ctrl-C may arrive twice; this many are meant. */
const FORCING_SIGNALS = 3;

/** What a process's main function registers with. */
export type Lifecycle = {
  /** Aborted when the process begins to stop. */
  readonly stopping: AbortSignal;
  /**
   * Adds a step of stopping. Steps run one after another, the last added first, so that what was
   * built on something stops before it. A step that throws is logged and the next one runs.
   */
  onStop(name: string, close: () => Promise<unknown> | unknown): void;
  /** Begins to stop; later calls do nothing. A reason that is an Error makes the exit code 1. */
  stop(reason: string | Error): void;
  /** Gives the logger as soon as there is one; until then only standard error is told. */
  useLogger(logger: Logger): void;
};

/**
 * Runs a process: `main` starts everything and returns; the process then lives until SIGTERM,
 * SIGINT, its launcher's death, `stop`, or an error that nobody caught. Call it once, last.
 */
export function runService(main: (lifecycle: Lifecycle) => Promise<void>): void {
  const running = new Running();
  process.on('SIGTERM', () => running.onSignal('SIGTERM'));
  process.on('SIGINT', () => {
    // Should a terminal's Ctrl-C get here, it is the launcher who decides who stops when.
    if (process.env[PARENT_PIPE] !== '1') running.onSignal('SIGINT');
  });
  process.on('uncaughtException', (error) => running.stop(error));
  process.on('unhandledRejection', (error) => {
    running.stop(error instanceof Error ? error : new Error(String(error)));
  });
  onParentGone(() => running.stop('the launcher has gone'));
  main(running).catch((error: unknown) => {
    running.stop(error instanceof Error ? error : new Error(String(error)));
  });
}

type Step = { readonly name: string; readonly close: () => Promise<unknown> | unknown };

class Running implements Lifecycle {
  readonly #steps: Step[] = [];
  readonly #abort = new AbortController();
  #logger: Logger | undefined;
  #signals = 0;

  get stopping(): AbortSignal {
    return this.#abort.signal;
  }

  onStop(name: string, close: () => Promise<unknown> | unknown): void {
    this.#steps.push({ name, close });
  }

  useLogger(logger: Logger): void {
    this.#logger = logger;
  }

  onSignal(signal: NodeJS.Signals): void {
    this.#signals += 1;
    if (this.#signals >= FORCING_SIGNALS) process.exit(1);
    this.stop(signal);
  }

  stop(reason: string | Error): void {
    if (this.stopping.aborted) return;
    this.#abort.abort();
    this.#tell(reason);
    const exitCode = reason instanceof Error ? 1 : 0;
    const forced = setTimeout(() => {
      this.#logger?.error('stopping took too long');
      process.exit(1);
    }, STOP_DEADLINE_MS);
    forced.unref();
    void this.#close().then((isClean) => process.exit(isClean ? exitCode : 1));
  }

  #tell(reason: string | Error): void {
    if (reason instanceof StartError) {
      // For a person at a terminal: what to do, and no stack.
      process.stderr.write(`${reason.message}\n`);
      this.#logger?.error({ reason: reason.message }, 'cannot start');
    } else if (reason instanceof Error) {
      if (this.#logger === undefined) process.stderr.write(`${reason.stack ?? reason.message}\n`);
      this.#logger?.fatal({ error: reason }, 'stopping after an error that nobody caught');
    } else {
      this.#logger?.info({ reason }, 'stopping');
    }
  }

  async #close(): Promise<boolean> {
    let isClean = true;
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.close();
      } catch (error) {
        isClean = false;
        this.#logger?.error({ error, step: step.name }, 'a step of stopping failed');
      }
    }
    return isClean;
  }
}
