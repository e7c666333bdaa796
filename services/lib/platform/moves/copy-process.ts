// Has slots copied by a process of its own (MOV-3): on another core, with a low priority, so that
// the shards of this node feel nothing of the long part.

import type { ChildProcess, StdioOptions } from 'node:child_process';
import type { Socket } from 'node:net';
import type { CopyMessage, CopyOrder } from '../../shard/moves/slot-copy.ts';
import type { CopyRun, StartCopy } from '../../shard/moves/slot-puller.ts';
import { forkInBackground } from '../snapshots/fork-in-background.ts';

/** What the process is told at first; each of its messages is answered when it may go on. */
export type CopyTask = { readonly databaseUrl: string; readonly order: CopyOrder };

/** What the process says. */
export type CopyReport<C> =
  | { readonly kind: 'message'; readonly message: CopyMessage<C> }
  | { readonly kind: 'failed'; readonly reason: string };

/** The answer to a message: the next one may come. */
export const GO_ON = 'go on';

/** How much of what it says when it dies is kept. */
const LAST_WORDS = 2_000;

/** A process with nothing to do is let go after this long: the next slot is asked for at once. */
const IDLE_MS = 5_000;

/**
 * The slots of a shard's share come one after the other from the same source: the process that has
 * copied one has repeated the source's log already, and copies the next.
 *
 * @param program a program that calls `runCopyProcess`
 */
export function copyElsewhere<C>(databaseUrl: string, program: URL): StartCopy<C> {
  const idle = new Map<string, CopyProcess<C>>();
  return (order, send) => {
    const { sourceShardId } = order;
    const child = idle.get(sourceShardId) ?? new CopyProcess<C>(program);
    idle.delete(sourceShardId);
    const onIdle = (): void => {
      idle.get(sourceShardId)?.letGo();
      idle.set(sourceShardId, child);
    };
    const onGone = (): void => {
      if (idle.get(sourceShardId) === child) idle.delete(sourceShardId);
    };
    return child.copy({ databaseUrl, order }, { send, onIdle, onGone });
  };
}

type Listener<C> = {
  readonly send: (message: CopyMessage<C>) => Promise<void>;
  /** It has done its task and waits for another one. */
  readonly onIdle: () => void;
  /** It takes no task any more. */
  readonly onGone: () => void;
};

class CopyProcess<C> {
  readonly #child: ChildProcess;
  #ended = Promise.withResolvers<Error | undefined>();
  #listener: Listener<C> | undefined;
  #isIdle = false;
  #idle: NodeJS.Timeout | undefined;
  #lastWords = '';

  constructor(program: URL) {
    // Big integers and bytes go as they are.
    const serialization = 'advanced';
    const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', 'ipc'];
    this.#child = forkInBackground(program, { stdio, serialization });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-LAST_WORDS);
    });
    this.#child.on('message', (report) => this.#heard(report as CopyReport<C>));
    this.#child.once('error', (error) => this.#end(error));
    this.#child.once('close', (code, signal) => this.#closed(code, signal));
  }

  /** One task at a time. */
  copy(task: CopyTask, listener: Listener<C>): CopyRun {
    clearTimeout(this.#idle);
    this.#isIdle = false;
    this.#child.ref();
    this.#child.channel?.ref();
    this.#listener = listener;
    const ended = Promise.withResolvers<Error | undefined>();
    this.#ended = ended;
    this.#child.send(task, () => {}); // a process that could not start says so by its end
    const stop = (): void => {
      // Whoever wants it no longer may say so when it has long gone on to another slot.
      if (this.#ended === ended && !this.#isIdle) this.#end(undefined);
    };
    return { ended: ended.promise, stop };
  }

  /** It hears that nobody is there any more and exits. */
  letGo(): void {
    clearTimeout(this.#idle);
    this.#listener?.onGone();
    if (this.#child.connected) this.#child.disconnect();
  }

  /** Keeps it for the next task; this process does not stay alive for it. */
  #rest(): void {
    this.#isIdle = true;
    this.#ended.resolve(undefined);
    this.#idle = setTimeout(() => this.letGo(), IDLE_MS).unref();
    this.#child.unref();
    this.#child.channel?.unref();
    (this.#child.stderr as Socket | null)?.unref();
    this.#listener?.onIdle();
  }

  #heard(report: CopyReport<C>): void {
    if (report.kind === 'failed') {
      this.#end(new Error(report.reason));
      return;
    }
    const { message } = report;
    this.#listener?.send(message).then(
      () => {
        if (!this.#child.connected) return;
        this.#child.send(GO_ON, () => {});
        if (message.kind === 'exported') this.#rest();
      },
      (error: unknown) => this.#end(error as Error),
    );
  }

  #closed(code: number | null, signal: NodeJS.Signals | null): void {
    this.#end(new Error(`the copy ended (${signal ?? code}) ${this.#lastWords}`.trim()));
  }

  #end(error: Error | undefined): void {
    this.#ended.resolve(error);
    this.letGo();
  }
}
