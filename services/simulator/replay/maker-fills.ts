// Which resting order each trade met: the maker's side of every trade, from the maker account's
// execution reports. A taker's own answer does not name it, as it should not.

import type { StreamExecutionReportsResponse } from '../../../gen/bourse/order/v1/service_pb.ts';
import { Liquidity } from '../../../gen/bourse/type/v1/order_pb.ts';
import type { Exchange } from '../adapter/exchange.ts';
import { EndlessStream } from './endless-stream.ts';

export class MakerFills {
  /** Resolves when the stream is open, so that no trade can be missed. */
  readonly ready: Promise<void>;
  readonly #makers = new Map<string, string>();
  readonly #waiting = new Map<string, () => void>();
  readonly #stream: EndlessStream<StreamExecutionReportsResponse>;
  #token = '';

  constructor(exchange: Exchange, accountId: string) {
    const started = Promise.withResolvers<void>();
    this.ready = started.promise;
    this.#stream = new EndlessStream({
      what: "the makers' reports",
      open: (signal) =>
        exchange.orders.streamExecutionReports({ accountId, resumeToken: this.#token }, { signal }),
      onMessage: (response) => {
        if (response.message.case === 'started') started.resolve();
        this.#take(response);
      },
    });
  }

  /** Rejects when the stream failed for good. */
  get failure(): Promise<never> {
    return this.#stream.failure;
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
    await this.#stream.stop();
  }

  #take({ resumeToken, message }: StreamExecutionReportsResponse): void {
    this.#token = resumeToken;
    if (message.case !== 'report') return;
    const { liquidity, tradeId, order } = message.value;
    if (liquidity === Liquidity.MAKER) this.#remember(tradeId, order?.clientOrderId);
  }

  #remember(tradeId: string, maker = ''): void {
    this.#makers.set(tradeId, maker);
    this.#waiting.get(tradeId)?.();
    this.#waiting.delete(tradeId);
  }
}
