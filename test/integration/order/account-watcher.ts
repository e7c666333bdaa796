// A reader of an account's reports and balances that checks that nothing is missing and nothing
// comes twice, on streams that must not end while leaders change.

import type { AccountService } from '../../../gen/bourse/account/v1/service_pb.ts';
import type { ExecutionReport } from '../../../gen/bourse/order/v1/order_pb.ts';
import type { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import type { RpcCallOptions } from '../../../services/lib/platform/rpc/client.ts';
import type { RpcClient } from '../../../services/lib/platform/rpc/definition.ts';

export type Reports = {
  readonly accountId: string;
  readonly orders: RpcClient<typeof OrderService, RpcCallOptions>;
  readonly accounts: RpcClient<typeof AccountService, RpcCallOptions>;
};

export class AccountWatcher {
  /** What was wrong, in sentences. */
  readonly violations: string[] = [];
  reportCount = 0;
  balanceCount = 0;
  readonly #accountId: string;
  readonly #abort = new AbortController();
  readonly #running: Promise<unknown>;
  /** The last report of each instrument, and of those that reached no book. */
  readonly #lastSequences = new Map<string, bigint>();
  #lastBalances: bigint | undefined;

  constructor({ accountId, orders, accounts }: Reports) {
    this.#accountId = accountId;
    const { signal } = this.#abort;
    this.#running = Promise.all([
      this.#follow('reports', async () => {
        for await (const { message } of orders.streamExecutionReports({ accountId }, { signal })) {
          if (message.case === 'report') this.#takeReport(message.value);
          else if (message.case === 'closing') this.violations.push(`${accountId}: closing`);
        }
      }),
      this.#follow('balances', async () => {
        for await (const { message } of accounts.streamBalances({ accountId }, { signal })) {
          if (message.case === 'snapshot') this.#lastBalances = message.value.sequence;
          else if (message.case === 'update') {
            this.#takeBalances(message.value.sequence, message.value.previousSequence);
          } else if (message.case === 'closing') this.violations.push(`${accountId}: closing`);
        }
      }),
    ]);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #follow(what: string, run: () => Promise<void>): Promise<void> {
    let end = 'it ended';
    try {
      await run();
    } catch (error) {
      end = (error as Error).message;
    }
    if (!this.#abort.signal.aborted) this.violations.push(`${this.#accountId}: ${what}: ${end}`);
  }

  #takeReport(report: ExecutionReport): void {
    this.reportCount += 1;
    const { sequence, previousSequence, accountSequence, previousAccountSequence, order } = report;
    const isDeclined = sequence === 0n;
    const numbering = isDeclined ? 'declined' : (order?.instrumentId ?? '');
    const now = isDeclined ? accountSequence : sequence;
    const before = isDeclined ? previousAccountSequence : previousSequence;
    const last = this.#lastSequences.get(numbering);
    if (last !== undefined && last !== before) {
      this.violations.push(`${this.#accountId}: ${numbering}: at ${last} came behind ${before}`);
    }
    this.#lastSequences.set(numbering, now);
  }

  #takeBalances(sequence: bigint, previousSequence: bigint): void {
    this.balanceCount += 1;
    if (this.#lastBalances !== previousSequence) {
      const at = `at ${this.#lastBalances} came behind ${previousSequence}`;
      this.violations.push(`${this.#accountId}: balances: ${at}`);
    }
    this.#lastBalances = sequence;
  }
}
