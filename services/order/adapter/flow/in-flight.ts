// Which orders have a request of this process under way, by the name that the request uses: what
// names the same order waits for it, so that it sees what came before (MOV-9).

import type { KnownOrders } from './known-orders.ts';
import { fullNameOf } from './open-request.ts';

/** Requests under way, by account and name of the order. */
export class InFlight {
  /** Has the placements. */
  readonly #knownOrders: KnownOrders;
  /** Of everything else the latest, which waits for those before it. */
  readonly #byName = new Map<string, Promise<unknown>>();

  constructor(knownOrders: KnownOrders) {
    this.#knownOrders = knownOrders;
  }

  /** Whatever is under way for this order; resolves, never rejects. */
  async find(accountId: string, orderName: string): Promise<void> {
    const placement = this.#knownOrders.findRequest(accountId, orderName);
    const latest = this.#byName.get(fullNameOf(accountId, orderName));
    if (placement !== undefined) {
      await new Promise<void>((resolve) => placement.whenEnded(resolve));
    }
    await latest?.then(ignore, ignore);
  }

  /** Notes a request until it ends, in place of the one before it, which it must wait for. */
  track<T>(accountId: string, orderName: string, answer: Promise<T>): Promise<T> {
    const name = fullNameOf(accountId, orderName);
    this.#byName.set(name, answer);
    const forget = (): void => {
      if (this.#byName.get(name) === answer) this.#byName.delete(name);
    };
    answer.then(forget, forget);
    return answer;
  }
}

function ignore(): void {}
