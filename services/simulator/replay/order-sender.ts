// Sends orders as batches over SubmitOrders, several in flight, results in order. When the stream
// breaks it is opened again and whatever was not answered goes once more with the same ids: the
// exchange recognises what it has done already, so nothing is lost and nothing happens twice.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  BatchItemSchema,
  BatchResult,
  SubmitOrdersRequestSchema,
  SubmitOrdersResponse,
} from '../../../gen/bourse/order/v1/service_pb.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Exchange } from '../adapter/exchange.ts';
import { ReplayFailure } from './replay-failure.ts';
import { isTransient } from './results.ts';

export type BatchItem = MessageInitShape<typeof BatchItemSchema>;
/** Told the results; `repeated` when the batch was sent more than once. */
export type OnResults = (results: readonly BatchResult[], repeated: boolean) => void;

type Batch = {
  readonly id: string;
  readonly items: readonly BatchItem[];
  readonly onResults: OnResults;
  sentMs: number;
  /** How often it was sent. */
  attempts: number;
};

const BATCHES_IN_FLIGHT = 6;
const RECONNECT_MS = 200;
/** Gives up when nothing was answered for so long. */
const SILENCE_MS = 60_000;

/** The exchange could not do all of a batch at present. */
class NotDoneYet extends Error {}

export class OrderSender {
  readonly #exchange: Exchange;
  readonly #unanswered: Batch[] = [];
  readonly #latenciesMs: number[] = [];
  #count = 0;
  #reconnects = 0;
  #failure: unknown;
  #wakeSender = (): void => {};
  #wakeCaller = (): void => {};
  #isEnding = false;
  #answeredMs = performance.now();
  readonly #running: Promise<void>;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#running = this.#run();
  }

  /** Round trips of all batches in milliseconds, with the number of items of each. */
  get latenciesMs(): readonly number[] {
    return this.#latenciesMs;
  }

  get reconnects(): number {
    return this.#reconnects;
  }

  /** Sends a batch as soon as there is room. @throws when the exchange stays away. */
  async submit(items: readonly BatchItem[], onResults: OnResults): Promise<void> {
    while (this.#unanswered.length >= BATCHES_IN_FLIGHT) await this.#answered();
    this.#throwFailure();
    this.#count += 1;
    const sentMs = performance.now();
    this.#unanswered.push({ id: `b${this.#count}`, items, onResults, sentMs, attempts: 0 });
    this.#wakeSender();
  }

  /** Waits until everything is answered and closes the stream. */
  async finish(): Promise<void> {
    while (this.#unanswered.length > 0) await this.#answered();
    this.#isEnding = true;
    this.#wakeSender();
    await this.#running;
    this.#throwFailure();
  }

  async #answered(): Promise<void> {
    this.#throwFailure();
    await new Promise<void>((resolve) => {
      this.#wakeCaller = resolve;
    });
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #run(): Promise<void> {
    while (!this.#isEnding && this.#failure === undefined) {
      try {
        await this.#runStream();
      } catch (error) {
        this.#consider(error);
      }
      if (this.#isEnding || this.#failure !== undefined) return;
      this.#reconnects += 1;
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
    }
  }

  async #runStream(): Promise<void> {
    const stream = new AbortController();
    try {
      const responses = this.#exchange.orders.submitOrders(this.#requests(stream.signal), {
        signal: stream.signal,
      });
      for await (const response of responses) this.#take(response);
    } finally {
      stream.abort();
      this.#wakeSender();
    }
  }

  async *#requests(
    signal: AbortSignal,
  ): AsyncGenerator<MessageInitShape<typeof SubmitOrdersRequestSchema>> {
    let sent: Batch | undefined;
    while (!signal.aborted) {
      const next = this.#unanswered[sent === undefined ? 0 : this.#unanswered.indexOf(sent) + 1];
      if (next !== undefined) {
        sent = next;
        next.attempts += 1;
        yield { clientBatchId: next.id, items: [...next.items] };
      } else if (this.#isEnding) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wakeSender = resolve;
        });
      }
      if (sent !== undefined && !this.#unanswered.includes(sent)) sent = undefined;
    }
  }

  #take(response: SubmitOrdersResponse): void {
    const batch = this.#unanswered[0];
    if (batch === undefined || batch.id !== response.clientBatchId) {
      throw new ReplayFailure(`Batch ${response.clientBatchId} was answered out of order.`);
    }
    if (response.error !== undefined) {
      throw new ReplayFailure(`A batch was refused: ${response.error.message}`);
    }
    // Something of it was not done for now: everything from here on goes once more, in order.
    if (response.results.some(isTransient)) throw new NotDoneYet();
    this.#answeredMs = performance.now();
    this.#unanswered.shift();
    this.#latenciesMs.push(this.#answeredMs - batch.sentMs);
    batch.onResults(response.results, batch.attempts > 1);
    this.#wakeCaller();
  }

  /** A stream that could not be served is opened again; anything else ends the replay. */
  #consider(error: unknown): void {
    const isTransport =
      error instanceof NotDoneYet ||
      (error instanceof OperatingError && error.retryAdvice !== 'never');
    const isLate = performance.now() - this.#answeredMs > SILENCE_MS;
    if (isTransport && !isLate) return;
    this.#failure = isTransport
      ? new ReplayFailure(`No batch was answered for ${SILENCE_MS / 1_000} s.`, { cause: error })
      : error;
    this.#wakeCaller();
  }
}
