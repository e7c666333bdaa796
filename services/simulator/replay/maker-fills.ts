// Which resting order each trade met: the maker's side of every trade, from the maker account's
// execution reports. A taker's own answer does not name it, as it should not.

import { Liquidity } from '../../../gen/bourse/type/v1/order_pb.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Exchange } from '../adapter/exchange.ts';

const RECONNECT_MS = 100;

export class MakerFills {
  readonly #exchange: Exchange;
  readonly #accountId: string;
  readonly #makers = new Map<string, string>();
  readonly #waiting = new Map<string, () => void>();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #token = '';
  #started = (): void => {};
  #failed = (_error: unknown): void => {};
  /** Resolves when the stream is open, so that no trade can be missed. */
  readonly ready: Promise<void>;
  /** Rejects when the stream failed for good. */
  readonly failure: Promise<never>;

  constructor(exchange: Exchange, accountId: string) {
    this.#exchange = exchange;
    this.#accountId = accountId;
    this.ready = new Promise((resolve) => {
      this.#started = resolve;
    });
    this.failure = new Promise((_, reject) => {
      this.#failed = reject;
    });
    this.failure.catch(() => {});
    this.#running = this.#run().catch((error: unknown) => this.#failed(error));
  }

  /** @returns the client order id of the maker of a trade, once its report has come. */
  async maker(tradeId: string): Promise<string> {
    if (!this.#makers.has(tradeId)) {
      const reported = new Promise<void>((resolve) => this.#waiting.set(tradeId, resolve));
      await Promise.race([reported, this.failure]);
    }
    const maker = this.#makers.get(tradeId) as string;
    this.#makers.delete(tradeId);
    return maker;
  }

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
        const isTransport = error instanceof OperatingError && error.retryAdvice !== 'never';
        if (!isTransport) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const request = { accountId: this.#accountId, resumeToken: this.#token };
    for await (const response of this.#exchange.orders.streamExecutionReports(request, {
      signal,
    })) {
      this.#token = response.resumeToken;
      const { message } = response;
      if (message.case === 'started') this.#started();
      if (message.case !== 'report') continue;
      const { liquidity, tradeId, order } = message.value;
      if (liquidity === Liquidity.MAKER) this.#remember(tradeId, order?.clientOrderId);
    }
  }

  #remember(tradeId: string, maker = ''): void {
    this.#makers.set(tradeId, maker);
    this.#waiting.get(tradeId)?.();
    this.#waiting.delete(tradeId);
  }
}
