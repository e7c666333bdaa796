// A stream of the exchange that is followed for as long as its owner wants it: opened again when it
// breaks or ends, as while processes are killed, and given up in one sentence when that is no use.

import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { ReplayFailure } from './replay-failure.ts';

const RECONNECT_MS = 100;
/** Gives up when nothing was heard for so long: a stream that works sends heartbeats. */
const SILENCE_MS = 60_000;

export type EndlessStreamOptions<Message> = {
  /** What it brings, for the sentence of a failure: "the order book". */
  readonly what: string;
  readonly open: (signal: AbortSignal) => AsyncIterable<Message>;
  readonly onMessage: (message: Message) => void;
  /** Told why the stream broke; true when another attempt helps though the error says otherwise. */
  readonly onBroken?: (error: OperatingError) => boolean;
  readonly silenceMs?: number;
};

export class EndlessStream<Message> {
  /** Rejects when the stream failed for good; never resolves. */
  readonly failure: Promise<never>;
  readonly #options: EndlessStreamOptions<Message>;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #heardMs = performance.now();

  constructor(options: EndlessStreamOptions<Message>) {
    this.#options = options;
    const failed = Promise.withResolvers<never>();
    this.failure = failed.promise;
    this.failure.catch(() => {}); // whoever waits for it hears of it
    this.#running = this.#run().catch(failed.reject);
  }

  /** Ends the stream; resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#consider(error);
      }
      const silentMs = performance.now() - this.#heardMs;
      if (silentMs > this.#silenceMs) throw this.#failureBecause('nothing was heard of it');
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
    }
  }

  get #silenceMs(): number {
    return this.#options.silenceMs ?? SILENCE_MS;
  }

  async #follow(stopped: AbortSignal): Promise<void> {
    const stream = new AbortController();
    const end = (): void => stream.abort();
    stopped.addEventListener('abort', end);
    let watchdog = setTimeout(end, this.#silenceMs);
    try {
      for await (const message of this.#options.open(stream.signal)) {
        clearTimeout(watchdog);
        watchdog = setTimeout(end, this.#silenceMs);
        this.#heardMs = performance.now();
        this.#options.onMessage(message);
      }
    } finally {
      clearTimeout(watchdog);
      stopped.removeEventListener('abort', end);
      stream.abort();
    }
  }

  /** A stream that could not be served is opened again; anything else ends it. */
  #consider(error: unknown): void {
    if (error instanceof Error && error.name === 'AbortError') return; // the watchdog's
    if (!(error instanceof OperatingError)) throw error;
    if (this.#options.onBroken?.(error) === true || error.retryAdvice !== 'never') return;
    throw this.#failureBecause(error.message, error);
  }

  #failureBecause(why: string, cause?: unknown): ReplayFailure {
    const sentence = `The stream of ${this.#options.what} cannot be followed: ${why}`;
    return new ReplayFailure(sentence.endsWith('.') ? sentence : `${sentence}.`, { cause });
  }
}
