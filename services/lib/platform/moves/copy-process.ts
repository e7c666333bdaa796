// Has slots copied by a process of their own (MOV-3): on another core, with a low priority, so that
// the shards of this node feel nothing of the long part.

import type { ChildProcess, StdioOptions } from 'node:child_process';
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

/** @param program a program that calls `runCopyProcess` */
export function copyElsewhere<C>(databaseUrl: string, program: URL): StartCopy<C> {
  return (order, send) => new CopyProcess<C>(program, { databaseUrl, order }, send);
}

class CopyProcess<C> implements CopyRun {
  readonly #child: ChildProcess;
  readonly #ended = Promise.withResolvers<Error | undefined>();
  readonly #send: (message: CopyMessage<C>) => Promise<void>;
  #lastWords = '';

  constructor(program: URL, task: CopyTask, send: (message: CopyMessage<C>) => Promise<void>) {
    this.#send = send;
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
    this.#child.send(task, () => {}); // a process that could not start says so by its end
  }

  get ended(): Promise<Error | undefined> {
    return this.#ended.promise;
  }

  stop(): void {
    this.#end(undefined);
  }

  #heard(report: CopyReport<C>): void {
    if (report.kind === 'failed') {
      this.#end(new Error(report.reason));
      return;
    }
    const { message } = report;
    this.#send(message).then(
      () => {
        if (message.kind === 'exported') this.#end(undefined);
        else if (this.#child.connected) this.#child.send(GO_ON, () => {});
      },
      (error: unknown) => this.#end(error as Error),
    );
  }

  #closed(code: number | null, signal: NodeJS.Signals | null): void {
    this.#end(new Error(`the copy ended (${signal ?? code}) ${this.#lastWords}`.trim()));
  }

  #end(error: Error | undefined): void {
    this.#ended.resolve(error);
    // It hears that nobody is there any more and exits.
    if (this.#child.connected) this.#child.disconnect();
  }
}
