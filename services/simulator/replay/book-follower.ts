// Keeps a copy of an instrument's best levels from StreamOrderBook, no further than it is allowed
// to: the feed may be ahead of the answers that say which books matter. Goes on from its resume
// token when the stream breaks.

import type {
  OrderBookSnapshot,
  OrderBookUpdate,
} from '../../../gen/bourse/marketdata/v1/market_data_pb.ts';
import type { StreamOrderBookResponse } from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import type { Exchange } from '../adapter/exchange.ts';
import type { CopiedBook, LevelTotal } from '../domain/top-levels.ts';
import { EndlessStream } from './endless-stream.ts';
import { ReplayFailure } from './replay-failure.ts';

export type BookOptions = {
  readonly instrumentId: string;
  readonly depth: number;
  /** Turns the decimals of a level into the recording's whole numbers. */
  readonly toLevel: (price: string, quantity: string) => LevelTotal;
  /**
   * Called before the copy goes on from one sequence to the next, with the last sequence for which
   * the copy is still what it is: every book from the copy's own sequence through it is the same.
   */
  readonly onPassing: (through: bigint) => void;
  /** Called when a snapshot replaced the copy: what lay between cannot be seen any more. */
  readonly onJump: (sequence: bigint) => void;
};

export class BookFollower {
  readonly #options: BookOptions;
  readonly #book: CopiedBook;
  readonly #stream: EndlessStream<StreamOrderBookResponse>;
  /** What has come and must wait until the copy may go so far. */
  readonly #waiting: (OrderBookSnapshot | OrderBookUpdate)[] = [];
  #allowed = 0n;
  #token = '';
  #sequence: bigint | undefined;
  #wake = (): void => {};

  constructor(exchange: Exchange, book: CopiedBook, options: BookOptions) {
    const { instrumentId, depth } = options;
    this.#book = book;
    this.#options = options;
    this.#stream = new EndlessStream({
      what: `the order book of ${instrumentId}`,
      open: (signal) =>
        exchange.marketData.streamOrderBook(
          { instrumentIds: [instrumentId], depth, resumeToken: this.#token },
          { signal },
        ),
      onMessage: (response) => {
        this.#take(response);
        this.#token = response.resumeToken;
      },
      onBroken: ({ reason }) => {
        const isTooOld = reason === 'RESUME_TOKEN_TOO_OLD';
        if (isTooOld) this.#token = '';
        return isTooOld;
      },
    });
  }

  /** Rejects when the stream failed for good. */
  get failure(): Promise<never> {
    return this.#stream.failure;
  }

  /** Sequence of the copy; undefined before the first snapshot. */
  get sequence(): bigint | undefined {
    return this.#sequence;
  }

  /** Lets the copy go on through a sequence. */
  allow(sequence: bigint): void {
    this.#allowed = sequence;
    this.#goOn();
  }

  /** Waits until the copy has reached a sequence. @throws when the stream failed for good. */
  async reach(sequence: bigint): Promise<void> {
    while (this.#sequence === undefined || this.#sequence < sequence) {
      const further = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([further, this.failure]);
    }
  }

  async stop(): Promise<void> {
    await this.#stream.stop();
  }

  #take({ message }: StreamOrderBookResponse): void {
    if (message.case === 'updates') this.#waiting.push(...message.value.updates);
    if (message.case === 'snapshot') this.#waiting.push(message.value);
    this.#goOn();
  }

  #goOn(): void {
    for (;;) {
      const next = this.#waiting[0];
      // The first snapshot is where everything begins.
      if (next === undefined || (this.#sequence !== undefined && next.sequence > this.#allowed)) {
        return;
      }
      this.#waiting.shift();
      if (next.$typeName === 'bourse.marketdata.v1.OrderBookSnapshot') this.#begin(next);
      else this.#apply(next);
      this.#wake();
    }
  }

  #begin({ sequence, bids, asks }: OrderBookSnapshot): void {
    if (this.#sequence !== undefined && sequence !== this.#sequence) this.#options.onJump(sequence);
    this.#book.clear();
    this.#book.apply(bids.map(this.#level), asks.map(this.#level));
    this.#pass(sequence);
  }

  #apply(update: OrderBookUpdate): void {
    if (update.previousSequence !== this.#sequence) {
      throw new ReplayFailure(
        `The order book has a gap: at ${this.#sequence} comes what follows ${update.previousSequence}.`,
      );
    }
    this.#options.onPassing(update.sequence - 1n);
    this.#book.apply(update.bids.map(this.#level), update.asks.map(this.#level));
    this.#pass(update.sequence);
  }

  readonly #level = (level: { readonly price: string; readonly quantity: string }): LevelTotal =>
    this.#options.toLevel(level.price, level.quantity);

  #pass(sequence: bigint): void {
    this.#sequence = sequence;
    this.#options.onPassing(sequence);
  }
}
