// The public services as the simulated clients call them: over and over, with the same ids, until
// somebody who knows has answered.

import { AccountAdminService } from '../../../gen/bourse/account/v1/admin_service_pb.ts';
import { AccountService } from '../../../gen/bourse/account/v1/service_pb.ts';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { ReferenceAdminService } from '../../../gen/bourse/reference/v1/admin_service_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { createRpcChannel } from '../../../services/lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import type { Findings } from '../check/findings.ts';
import type { SimulatedProcess } from '../kernel/process.ts';

/** Where the services are. */
export type Addresses = {
  readonly coordinators: readonly string[];
  readonly accounts: readonly string[];
  readonly orders: readonly string[];
};

const CALL_TIMEOUT_MS = 5_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 300;

/** Refusals that a client may meet without anything being wrong. */
const ACCEPTABLE: ReadonlySet<string> = new Set([
  'ORDER_NOT_OPEN',
  'ORDER_UNKNOWN',
  'INSUFFICIENT_FUNDS',
  'INSTRUMENT_STATE',
  'TOO_LATE',
]);

export type Clients = ReturnType<ReturnType<typeof openClients>>;
export type Call<T> = (clients: Clients, options: { readonly timeoutMs: number }) => Promise<T>;

export class Calls {
  readonly #process: SimulatedProcess;
  readonly #findings: Findings;
  /** Of one order node each, with those of the others by turns. */
  readonly #clients: ReturnType<typeof openClients>[];
  /** Calls under way, by what they are. */
  readonly underWay = new Map<symbol, string>();
  /** How often each reason came. */
  readonly refusals = new Map<string, number>();

  /** Opened in the name of the process. */
  constructor(process: SimulatedProcess, findings: Findings, addresses: Addresses) {
    this.#process = process;
    this.#findings = findings;
    this.#clients = addresses.orders.map((order) => openClients(addresses, order));
  }

  random(): number {
    return this.#process.kernel.random();
  }

  pick(bound: number): number {
    return this.#process.kernel.pick(bound);
  }

  /** The time by the clients' clock. */
  nowMs(): number {
    return this.#process.world.wallClockUs() / 1_000;
  }

  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#process.world.setTimer(delayMs, resolve);
    });
  }

  /** Repeats a call, with the same ids, until somebody who knows has answered. */
  async certain<T>(what: string, call: Call<T>): Promise<T | OperatingError> {
    const id = Symbol(what);
    this.underWay.set(id, what);
    try {
      let pauseMs = FIRST_PAUSE_MS;
      for (let attempt = 0; ; attempt += 1) {
        const clientsOf = this.#clients[attempt % this.#clients.length] as (
          turn: number,
        ) => Clients;
        try {
          return await call(clientsOf(attempt), { timeoutMs: CALL_TIMEOUT_MS });
        } catch (error) {
          if (!(error instanceof OperatingError)) throw error;
          const name = error.reason ?? String(error.code);
          this.refusals.set(name, (this.refusals.get(name) ?? 0) + 1);
          if (error.retryAdvice === 'never') return error;
          await this.pause(pauseMs * (0.5 + this.random()));
          pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
        }
      }
    } finally {
      this.underWay.delete(id);
    }
  }

  /** A call was refused for good: that is wrong, but for a few reasons. */
  refused(what: string, error: OperatingError): void {
    const reason = error.reason ?? `code ${error.code}`;
    this.#process.kernel.note(`refused ${what} ${reason}`);
    if (ACCEPTABLE.has(reason)) return;
    this.#findings.add('CLIENT', `${what}: ${reason} ${error.message}`);
  }
}

function openClients(addresses: Addresses, orderAddress: string) {
  const orders = createRpcClient(OrderService, createRpcChannel(orderAddress));
  const coordinators = addresses.coordinators.map((address) => {
    const channel = createRpcChannel(address);
    return {
      reference: createRpcClient(ReferenceAdminService, channel),
      cluster: createRpcClient(ClusterAdminService, channel),
    };
  });
  const accounts = addresses.accounts.map((address) => {
    const channel = createRpcChannel(address);
    return {
      accounts: createRpcClient(AccountAdminService, channel),
      money: createRpcClient(AccountService, channel),
    };
  });
  const pick = <T>(list: readonly T[], turn: number) => list[turn % list.length] as T;
  return (turn: number) => ({ orders, ...pick(coordinators, turn), ...pick(accounts, turn) });
}
