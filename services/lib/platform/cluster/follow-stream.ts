// Keeps one server stream open for as long as its owner wants it: opens it again when it ends,
// breaks or falls silent, with growing pauses, and says in the log when it went and came back.

import { outsideOfTrace } from '../rpc/client.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type ClusterWorld, pause } from './cluster-world.ts';

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 1_000;
/** How long a stream may take to its first message: connecting, and a server that starts. */
const FIRST_MESSAGE_MS = 3_000;

export type FollowOptions<Message> = {
  /** What is followed, for the log: "the cluster table". */
  readonly what: string;
  readonly world: ClusterWorld;
  readonly log: Logger;
  /** A stream without a message for this long counts as broken. */
  readonly silenceMs: number;
  /** Longest pause before it is opened again; 1 s when absent. */
  readonly longestPauseMs?: number;
  readonly open: (signal: AbortSignal) => AsyncIterable<Message>;
  /** Deals with a message; throwing breaks the stream. */
  readonly onMessage: (message: Message) => void;
  /** Told when the stream is gone; true ends the following for good. */
  readonly onBroken?: (error: unknown) => boolean;
};

export type Follower = {
  /** True when the last message is not older than the silence that is allowed. */
  isCurrent(): boolean;
  /** Ends the stream and resolves when nothing runs any more. */
  stop(): Promise<void>;
};

/** Begins to follow at once. */
export function followStream<Message>(options: FollowOptions<Message>): Follower {
  const following = new Following(options);
  const done = outsideOfTrace(() => following.run());
  return {
    isCurrent: () => following.isCurrent(),
    stop() {
      following.abort.abort();
      return done;
    },
  };
}

class Following<Message> {
  readonly abort = new AbortController();
  readonly #options: FollowOptions<Message>;
  #lastHeardUs = Number.NEGATIVE_INFINITY;
  #isBroken = false;

  constructor(options: FollowOptions<Message>) {
    this.#options = options;
  }

  isCurrent(): boolean {
    const { world, silenceMs } = this.#options;
    return world.monotonicUs() - this.#lastHeardUs <= silenceMs * 1_000;
  }

  async run(): Promise<void> {
    const { world, longestPauseMs = LONGEST_PAUSE_MS } = this.#options;
    const { signal } = this.abort;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const heardBeforeUs = this.#lastHeardUs;
      const error = await this.#follow();
      if (signal.aborted) return;
      if (this.#lastHeardUs > heardBeforeUs) pauseMs = FIRST_PAUSE_MS;
      this.#sayBroken(error);
      if (this.#options.onBroken?.(error) === true) return;
      await pause(world, pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  /** Follows one stream to its end; resolves with why it ended. */
  async #follow(): Promise<unknown> {
    const { open, onMessage, world, silenceMs } = this.#options;
    const stream = new AbortController();
    const end = () => stream.abort();
    this.abort.signal.addEventListener('abort', end);
    let watchdog = world.setTimer(FIRST_MESSAGE_MS, end);
    try {
      for await (const message of open(stream.signal)) {
        watchdog.cancel();
        watchdog = world.setTimer(silenceMs, end);
        this.#lastHeardUs = world.monotonicUs();
        this.#sayBack();
        onMessage(message);
      }
      return undefined;
    } catch (error) {
      return error;
    } finally {
      watchdog.cancel();
      this.abort.signal.removeEventListener('abort', end);
      stream.abort();
    }
  }

  #sayBroken(error: unknown): void {
    const { log, what } = this.#options;
    if (this.#isBroken) return;
    this.#isBroken = true;
    const isFirst = this.#lastHeardUs === Number.NEGATIVE_INFINITY;
    const reason = error instanceof Error ? error.message : 'it ended';
    // Before the first message this is how every start of the mesh looks.
    log[isFirst ? 'debug' : 'warn']({ what, reason }, `lost ${what}, trying again`);
  }

  #sayBack(): void {
    if (!this.#isBroken) return;
    this.#isBroken = false;
    this.#options.log.info({ what: this.#options.what }, `following ${this.#options.what} again`);
  }
}
