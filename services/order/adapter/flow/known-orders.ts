// Orders that this process has placed lately, by client order id: the account shard has said what
// such an id stands for, so a cancel need not ask again (HLD-3). What is not here is asked for.

import type { OrderRecord } from '../../domain/order-record.ts';

/** An order as it was when this process had its hold made. */
export type KnownOrder = OrderRecord;

/** Orders remembered; the oldest is forgotten first. */
const ORDER_LIMIT = 200_000;

export class KnownOrders {
  readonly #byName = new Map<string, KnownOrder | Promise<KnownOrder | undefined>>();

  /**
   * Notes a placement that has begun. @returns what tells the order that it became, or that there
   * is none of this process's making.
   */
  begin(accountId: string, clientOrderId: string): (order: KnownOrder | undefined) => void {
    const name = `${accountId} ${clientOrderId}`;
    if (this.#byName.has(name)) return () => {};
    let tell: (order: KnownOrder | undefined) => void = () => {};
    const told = new Promise<KnownOrder | undefined>((resolve) => {
      tell = resolve;
    });
    this.#byName.set(name, told);
    return (order) => {
      tell(order);
      if (this.#byName.get(name) !== told) return;
      if (order === undefined) this.#byName.delete(name);
      else this.#remember(name, order);
    };
  }

  /** The order, at once or when its hold is made; undefined when it is not known here. */
  find(
    accountId: string,
    clientOrderId: string,
  ): KnownOrder | Promise<KnownOrder | undefined> | undefined {
    return this.#byName.get(`${accountId} ${clientOrderId}`);
  }

  #remember(name: string, order: KnownOrder): void {
    this.#byName.set(name, order);
    if (this.#byName.size <= ORDER_LIMIT) return;
    for (const [oldest, value] of this.#byName) {
      if (value instanceof Promise) continue;
      this.#byName.delete(oldest);
      return;
    }
  }
}
